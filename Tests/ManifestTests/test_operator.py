"""The forecaster as the operator of a cluster: the real program against the double of the API server, which has the schemas."""
import base64
import contextlib
import datetime
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from cluster import PROGRAMS, ROOT
from test_crds import HEADROOM, POLICY, changed

sys.path.append(str(ROOT / "Tests/DocumentTests"))
from programs import Program, eventually, free_port  # noqa: E402

DOUBLE = ROOT / "Tests/KedastralKubernetesTests/Double/api_server_double.py"
POLICIES = "/apis/kedastral.io/v1alpha1/namespaces/shop/forecastpolicies"
HEADROOM_POLICIES = "/apis/kedastral.io/v1alpha1/namespaces/shop/headroompolicies"
SOURCES = "/apis/kedastral.io/v1alpha1/namespaces/shop/datasources"
SCALED = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects"
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
EVENTS = "/api/v1/namespaces/shop/events"


class Load(http.server.BaseHTTPRequestHandler):
    """A source of metrics: 250 in each step of the requested time. It demands the token."""

    def do_GET(self):
        query = {key: int(value[0]) for key, value in urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).items()}
        allowed = self.headers.get("Authorization") == "Bearer hush"
        points = [{"t": at, "v": 250} for at in range(query["start"], query["end"] + 1, query["step"])]
        body = json.dumps({"data": points} if allowed else {"error": "no token"}).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Cluster:
    """The double, a source of metrics, and forecasters, each of which shows a token of its own."""

    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        self.double = stack.enter_context(Program(sys.executable, DOUBLE, "--schemas"))
        self.url = f'http://127.0.0.1:{self.double.wait_for("port ([0-9]+)[.]").group(1)}'
        source = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Load)
        threading.Thread(target=source.serve_forever, daemon=True).start()
        stack.callback(source.shutdown)
        self.load = f"http://127.0.0.1:{source.server_address[1]}/?start={{{{.Start}}}}&end={{{{.End}}}}&step={{{{.Step}}}}"

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        kind = {"PATCH": "application/merge-patch+json"}.get(method, "application/json")
        request = urllib.request.Request(self.url + path, data, {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def get(self, path):
        try:
            return self.ask("GET", path)
        except urllib.error.HTTPError as error:
            assert error.code == 404
            return None

    def order(self, name, **body):
        self.ask("POST", f"/double/{name}", body)

    def log(self):
        return self.ask("GET", "/double/log")

    def create_source(self):
        self.ask("POST", "/api/v1/namespaces/shop/secrets", {"metadata": {"name": "load"}, "data": {"token": "aHVzaAo="}})
        self.ask("POST", SOURCES, {
            "apiVersion": "kedastral.io/v1alpha1", "kind": "DataSource", "metadata": {"name": "prometheus"}, "spec": {
                "type": "http", "config": {
                    "url": self.load, "valuePath": "data.#.v", "timestampPath": "data.#.t", "timestampFormat": "unix"},
                "secretRefs": {"token": {"name": "load"}}}})

    def create_policy(self, path="metadata.name", value="web", **changes):
        one = changed(POLICY, path, value)
        for key, change in {"forecast": {"interval": "1s", "window": "2h"}, **changes}.items():
            one["spec"][key] = change
        return self.ask("POST", POLICIES, one)

    def create_autoscaler(self, name, minimum=1, maximum=10, target=None):
        self.ask("POST", AUTOSCALERS, {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name, "annotations": {"team": "web"}},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target or name},
                     "minReplicas": minimum, "maxReplicas": maximum}})

    def minimum(self, name):
        """minReplicas of an autoscaler, and what the operator has noted there."""
        one = self.get(f"{AUTOSCALERS}/{name}")
        note = one["metadata"]["annotations"].get("kedastral.io/min-replicas")
        return one["spec"]["minReplicas"], note and json.loads(note)

    def create_pod(self, name, app, created, startup):
        def text(seconds):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

        self.ask("POST", "/api/v1/namespaces/shop/pods", {
            "metadata": {"name": name, "labels": {"app": app}, "creationTimestamp": text(created)},
            "status": {"conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": text(created + startup)}]}})

    def kubeconfig(self, name="a", **user):
        """A kubeconfig whose user has this name's token, or the given members."""
        kubeconfig = self.folder / f"{name}.kubeconfig"
        kubeconfig.write_text(json.dumps({
            "current-context": "double", "clusters": [{"name": "double", "cluster": {"server": self.url}}],
            "users": [{"name": "one", "user": user or {"token": f"token-{name}"}}],
            "contexts": [{"name": "double", "context": {"cluster": "double", "user": "one", "namespace": "kedastral"}}]}))
        return kubeconfig

    def forecaster(self, name="a", *settings, **user):
        kubeconfig, port = self.kubeconfig(name, **user), free_port()
        program = self.stack.enter_context(Program(
            PROGRAMS / "kedastral-forecaster", "-kubernetes", "-kubeconfig", kubeconfig, "-listen", f"127.0.0.1:{port}", *settings,
            env={"no_proxy": "*"}))
        program.port = port
        return program

    def condition(self, kind="Ready", name="web"):
        """Status and reason of a condition of a policy."""
        conditions = self.get(f"{POLICIES}/{name}").get("status", {}).get("conditions", [])
        return next(((one["status"], one["reason"]) for one in conditions if one["type"] == kind), None)

    def source_condition(self, kind="Ready", name="prometheus"):
        """Status and reason of a condition of a data source."""
        conditions = self.get(f"{SOURCES}/{name}").get("status", {}).get("conditions", [])
        return next(((one["status"], one["reason"]) for one in conditions if one["type"] == kind), None)

    def until(self, look, *programs):
        return eventually(look, programs[0] if programs else self.double)


def shown(program, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{program.port}{path}", timeout=20) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code


def known(answer):
    """The answer, unless it is a status code."""
    return answer if isinstance(answer, dict) else None


@pytest.fixture
def cluster(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Cluster(tmp_path, stack)


def test_a_policy_is_forecast_and_scaled_changed_and_deleted(cluster):
    cluster.create_source()
    cluster.create_policy()
    one = cluster.forecaster()
    cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
    # The plan may be there before the watch has shown the ScaledObject; the next status has its name.
    cluster.until(lambda: cluster.get(f"{POLICIES}/web")["status"].get("scaledObjectName"), one)
    policy = cluster.get(f"{POLICIES}/web")
    assert policy["status"]["workload"] == "shop_web" and policy["status"]["scaledObjectName"] == "web"
    # 250 with a headroom of 20 % at 100 for each pod.
    assert policy["status"]["desiredReplicas"] == 3 and policy["status"]["observedGeneration"] == 1
    assert cluster.condition("SourceReachable") == ("True", "SamplesReceived")
    cluster.until(lambda: cluster.source_condition() == ("True", "SamplesReceived"), one)
    scaled = cluster.get(f"{SCALED}/web")
    assert scaled["metadata"]["ownerReferences"] == [{
        "apiVersion": "kedastral.io/v1alpha1", "kind": "ForecastPolicy", "name": "web", "uid": policy["metadata"]["uid"],
        "controller": True}]
    assert scaled["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    assert shown(one, "/workloads")["workloads"] == ["shop_web"]
    plan = shown(one, "/forecast/current?workload=shop_web")

    cluster.ask("PATCH", f"{POLICIES}/web", {"spec": {"capacity": {"maxReplicas": 2}}})
    cluster.until(lambda: cluster.get(f"{SCALED}/web")["spec"]["maxReplicaCount"] == 2, one)
    cluster.until(lambda: shown(one, "/forecast/current?workload=shop_web")["desiredReplicas"][0] == 2, one)
    assert shown(one, "/forecast/current?workload=shop_web")["generatedAt"] >= plan["generatedAt"]

    cluster.ask("DELETE", f"{POLICIES}/web", {})
    cluster.until(lambda: shown(one, "/workloads")["workloads"] == [], one)
    cluster.until(lambda: shown(one, "/forecast/current?workload=shop_web") == 404, one)
    assert "token-a" not in one.output and "hush" not in one.output
    assert one.end() == 0
    lease = cluster.get("/apis/coordination.k8s.io/v1/namespaces/kedastral/leases/kedastral-operator")
    assert lease["spec"]["holderIdentity"] == ""


def test_min_replicas_of_an_autoscaler_is_raised_and_given_back(cluster):
    cluster.create_source()
    cluster.create_autoscaler("theirs", target="web")
    cluster.create_policy(apply="minReplicas")
    one = cluster.forecaster()
    # 250 with a headroom of 20 % at 100 for each pod.
    cluster.until(lambda: cluster.minimum("theirs") == (3, {"before": 1, "policy": "web", "raised": 3}), one)
    cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
    cluster.until(lambda: cluster.get(f"{POLICIES}/web")["status"].get("autoscalerName") == "theirs", one)
    assert cluster.get(f"{SCALED}/web") is None
    theirs = cluster.get(f"{AUTOSCALERS}/theirs")
    assert theirs["spec"]["maxReplicas"] == 10 and theirs["metadata"]["annotations"]["team"] == "web"
    [raise_] = [entry for entry in cluster.log() if entry["method"] == "PATCH" and "autoscalers/theirs" in entry["path"]]
    assert "fieldManager=kedastral-min-replicas" in raise_["path"] and "force=true" in raise_["path"]
    assert json.loads(raise_["body"])["spec"] == {"minReplicas": 3}

    # A policy that is deleted while no operator runs is given back by the next one.
    assert one.end() == 0
    cluster.ask("DELETE", f"{POLICIES}/web", {})
    assert cluster.minimum("theirs")[0] == 3
    two = cluster.forecaster("b")
    cluster.until(lambda: cluster.minimum("theirs") == (1, None), two)
    assert cluster.get(f"{AUTOSCALERS}/theirs")["metadata"]["annotations"] == {"team": "web"}


def test_an_autoscaler_that_changes_meanwhile_or_is_missing_is_left_as_it_is(cluster):
    cluster.create_source()
    cluster.create_policy(apply="minReplicas")
    cluster.order("fault", status=409, reason="Conflict", count=1, method="PATCH", contains="horizontalpodautoscalers")
    one = cluster.forecaster()
    cluster.until(lambda: cluster.condition() == ("False", "NoAutoscaler"), one)
    assert [event["reason"] for event in cluster.get(EVENTS)["items"]] == ["NoAutoscaler"]
    cluster.create_autoscaler("mine", target="web")
    cluster.until(lambda: cluster.log()[-1] and any(
        entry["status"] == 409 and "autoscalers/mine" in entry["path"] for entry in cluster.log()), one)
    cluster.ask("PATCH", f"{AUTOSCALERS}/mine", {"spec": {"minReplicas": 2}})
    cluster.until(lambda: cluster.minimum("mine") == (3, {"before": 2, "policy": "web", "raised": 3}), one)
    cluster.ask("PATCH", f"{AUTOSCALERS}/mine", {"spec": {"minReplicas": 5}})
    cluster.ask("PATCH", f"{POLICIES}/web", {"spec": {"dryRun": True}})
    cluster.until(lambda: cluster.minimum("mine") == (5, None), one)


def test_a_measured_lead_time_is_that_of_the_target_s_pods(cluster):
    cluster.create_source()
    cluster.ask("POST", "/apis/apps/v1/namespaces/shop/deployments", {
        "metadata": {"name": "web"}, "status": {"selector": "app=web"}})
    now = time.time()
    for index, (app, startup) in enumerate([("web", 61), ("web", 74), ("web", 70), ("other", 900)]):
        cluster.create_pod(f"pod-{index}", app, now - 3600, startup)
    cluster.create_policy(leadTime="auto")
    one = cluster.forecaster()
    cluster.until(lambda: cluster.get(f"{SCALED}/web"), one)
    [trigger] = cluster.get(f"{SCALED}/web")["spec"]["triggers"]
    assert "leadTime" not in trigger["metadata"]
    plan = cluster.until(
        lambda: (shown(one, "/forecast/current?workload=shop_web") or {}).get("leadTime")
        if isinstance(shown(one, "/forecast/current?workload=shop_web"), dict) else None, one)
    assert plan["seconds"] == 89 and (plan["startup"]["seconds"], plan["startup"]["pods"]) == (74, 3)
    explanation = shown(one, "/explain?workload=shop_web")
    assert explanation["leadTimeSeconds"] == 89 and explanation["startup"]["pods"] == 3

    cluster.ask("PATCH", f"{POLICIES}/web", {"spec": {"leadTime": "4m"}})
    cluster.until(lambda: cluster.get(f"{SCALED}/web")["spec"]["triggers"][0]["metadata"].get("leadTime") == "4m", one)
    cluster.until(lambda: "leadTime" not in shown(one, "/forecast/current?workload=shop_web"), one)


def test_pods_that_may_not_be_read_leave_the_default_with_one_line(cluster):
    cluster.create_source()
    cluster.create_policy(leadTime="auto")
    cluster.order("fault", status=403, reason="Forbidden", contains="/deployments/web/scale", count=1000)
    one = cluster.forecaster()
    cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
    cluster.until(lambda: "the lead time cannot be measured" in one.output, one)
    assert "leadTime" not in shown(one, "/forecast/current?workload=shop_web")
    assert one.output.count("the lead time cannot be measured") == 1 and "HTTP 403" in one.output


def test_the_first_plan_starts_from_the_pods_that_run(cluster):
    cluster.create_source()
    cluster.ask("POST", "/apis/apps/v1/namespaces/shop/deployments", {
        "metadata": {"name": "web"}, "status": {"selector": "app=web", "replicas": 20}})
    for index in range(20):
        cluster.create_pod(f"pod-{index}", "web", time.time() - 3600, 60)
    cluster.ask("POST", "/api/v1/namespaces/shop/pods", {
        "metadata": {"name": "ended", "labels": {"app": "web"}}, "status": {"phase": "Failed"}})
    cluster.create_policy()
    one = cluster.forecaster("a", "-log-level", "debug")
    one.wait_for(r'starts from the pods that run.* pods="20 .20 ready, 0 starting.')
    plan = cluster.until(lambda: known(shown(one, "/forecast/current?workload=shop_web")), one)
    # The load needs 3; a step removes half of the pods at most.
    assert plan["desiredReplicas"][:4] in ([10, 5, 3, 3], [10, 10, 5, 3]), plan["desiredReplicas"]
    cluster.until(lambda: cluster.get(f"{POLICIES}/web").get("status", {}).get("currentReplicas") == 20, one)
    # The page shows the pods that are ready, and the scorecard counts them, without a replicasQuery.
    ready = cluster.until(lambda: shown(one, "/history?workload=shop_web").get("readyPods"), one)
    assert ready[-1][1] == 20, ready
    # KEDA's autoscaler says the same without a request.
    cluster.ask("POST", "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", {
        "metadata": {"name": "keda-hpa-web", "ownerReferences": [
            {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web", "uid": "x"}]},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        "status": {"currentReplicas": 11}})
    cluster.until(lambda: cluster.get(f"{POLICIES}/web")["status"]["currentReplicas"] == 11, one)
    assert cluster.condition() == ("True", "Planned")


def test_pods_that_may_not_be_listed_are_counted_by_the_target(cluster):
    cluster.create_source()
    cluster.ask("POST", "/apis/apps/v1/namespaces/shop/deployments", {
        "metadata": {"name": "web"}, "status": {"selector": "app=web", "replicas": 12}})
    cluster.order("fault", status=403, reason="Forbidden", contains="/pods?", count=1000)
    cluster.create_policy()
    cluster.create_policy(value="gone", scaleTargetRef={"name": "gone"})
    one = cluster.forecaster()
    plan = cluster.until(lambda: known(shown(one, "/forecast/current?workload=shop_web")), one)
    assert plan["desiredReplicas"][0] == 6
    other = cluster.until(lambda: known(shown(one, "/forecast/current?workload=shop_gone")), one)
    assert other["desiredReplicas"][0] == 3
    cluster.until(lambda: "the pods cannot be counted" in one.output, one)
    assert cluster.condition(name="gone") in (None, ("True", "Planned"), ("Unknown", "Starting"))


def test_a_source_says_what_is_wrong_with_it(cluster):
    cluster.ask("POST", SOURCES, {
        "apiVersion": "kedastral.io/v1alpha1", "kind": "DataSource", "metadata": {"name": "unused"}, "spec": {
            "type": "prometheus", "config": {"url": "http://p:9090", "timout": "3s"}}})
    one = cluster.forecaster()
    cluster.until(lambda: cluster.source_condition(name="unused") == ("False", "InvalidSpec"), one)
    conditions = cluster.get(f"{SOURCES}/unused")["status"]["conditions"]
    assert conditions[0]["message"] == "spec.config.timout: unknown key 'timout'; did you mean timeout?"
    event = cluster.until(lambda: cluster.get(EVENTS)["items"], one)[0]
    assert (event["involvedObject"]["kind"], event["reason"], event["type"]) == ("DataSource", "InvalidSpec", "Warning")
    cluster.ask("PATCH", f"{SOURCES}/unused", {"spec": {"config": {"timout": None, "timeout": "3s"}}})
    cluster.until(lambda: cluster.source_condition(name="unused") == ("Unknown", "NotUsed"), one)


def test_objects_of_others_are_left_as_they_are(cluster):
    theirs = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "theirs"}, "spec": {
        "scaleTargetRef": {"name": "web"}, "triggers": [{"type": "cpu", "metadata": {"value": "60"}}]}}
    before = cluster.ask("POST", SCALED, theirs)
    cluster.create_source()
    cluster.create_policy()
    one = cluster.forecaster()
    cluster.until(lambda: cluster.condition() == ("False", "Conflict"), one)
    event = cluster.until(lambda: cluster.get(EVENTS)["items"], one)[0]
    assert event["reason"] == "Conflict" and "ScaledObject 'theirs'" in event["message"]
    assert event["involvedObject"]["kind"] == "ForecastPolicy" and event["type"] == "Warning"
    assert cluster.get(f"{SCALED}/theirs") == before and cluster.get(f"{SCALED}/web") is None
    cluster.until(lambda: shown(one, "/workloads")["workloads"] == ["shop_web"], one)


def test_a_source_says_whether_its_secret_is_there(cluster):
    cluster.create_source()
    cluster.create_policy()
    cluster.ask("DELETE", "/api/v1/namespaces/shop/secrets/load", {})
    one = cluster.forecaster()
    cluster.until(lambda: cluster.source_condition() == ("False", "CredentialsNotFound"), one)
    events = cluster.until(lambda: [
        event for event in cluster.get(EVENTS)["items"] if event["involvedObject"]["kind"] == "DataSource"], one)
    assert events[0]["reason"] == "CredentialsNotFound" and "there is no Secret 'load'" in events[0]["message"]
    cluster.ask("POST", "/api/v1/namespaces/shop/secrets", {"metadata": {"name": "load"}, "data": {"token": "aHVzaAo="}})
    cluster.until(lambda: cluster.source_condition() == ("True", "SamplesReceived"), one)


def test_triggers_authenticate_as_the_settings_say(cluster):
    cluster.create_source()
    cluster.create_policy()
    one = cluster.forecaster("a", "-trigger-authentication", "ClusterTriggerAuthentication/kedastral")
    trigger, = cluster.until(lambda: cluster.get(f"{SCALED}/web"), one)["spec"]["triggers"]
    assert trigger["authenticationRef"] == {"kind": "ClusterTriggerAuthentication", "name": "kedastral"}
    assert trigger["metadata"]["enableTLS"] == "true"


def test_an_invalid_policy_says_what_is_wrong_beside_others_that_work(cluster):
    cluster.create_source()
    cluster.create_policy()
    cluster.create_policy(value="wrong", scaleTargetRef={"name": "other"}, schedules=[
        {"begins": "soon", "duration": "1h", "minReplicas": 2}])
    cluster.create_policy(value="lost", scaleTargetRef={"name": "third"}, dataSourceRef={"name": "nothing"})
    one = cluster.forecaster()
    cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
    cluster.until(lambda: cluster.condition(name="wrong") == ("False", "InvalidSpec"), one)
    cluster.until(lambda: cluster.condition(name="lost") == ("False", "SourceNotFound"), one)
    conditions = cluster.get(f"{POLICIES}/wrong")["status"]["conditions"]
    assert any(re.match("spec.schedules.0..begins: 'soon' is not a schedule", one["message"]) for one in conditions)


def test_a_server_that_fails_cuts_and_forgets_is_followed_with_few_requests(cluster):
    cluster.create_source()
    cluster.create_policy()
    cluster.order("fault", status=500, count=3)
    cluster.order("fault", status=429, count=3, retryAfter=1)
    one = cluster.forecaster()
    cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
    cluster.order("cut")
    cluster.create_policy(value="second", scaleTargetRef={"name": "second"})
    cluster.until(lambda: cluster.get(f"{SCALED}/second"), one)
    cluster.order("end")
    cluster.order("compact")
    cluster.create_policy(value="third", scaleTargetRef={"name": "third"})
    cluster.until(lambda: cluster.get(f"{SCALED}/third"), one)
    cluster.until(lambda: cluster.condition(name="third") == ("True", "Planned"), one)
    # A watch that was cut waits before it starts again, so the first seconds may still hold lists and watches.
    # The lease is renewed by two requests each 5 s, and three policies may have a new status.
    assert any(len(requests_of(cluster, one, seconds=10)) <= 12 for _ in range(3))


def requests_of(cluster, program, seconds):
    before, began = len(cluster.log()), time.monotonic()
    cluster.until(lambda: time.monotonic() - began > seconds, program)
    return own(cluster, before)


def own(cluster, since=0):
    return [entry for entry in cluster.log()[since:] if entry["authorization"]]


def test_a_storm_of_errors_is_met_with_few_requests_and_survived(cluster):
    cluster.create_source()
    cluster.create_policy()
    one = cluster.forecaster()
    cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
    for storm in ({"status": 500}, {"status": 429, "retryAfter": 2}, {"status": 503, "body": "<html>overloaded</html>"}):
        before, began = len(cluster.log()), time.monotonic()
        cluster.order("fault", count=1_000_000, **storm)
        # Open watches are not affected; these have to be started again.
        cluster.order("cut")
        cluster.until(lambda: time.monotonic() - began > 10, one)
        sent = len(own(cluster, before))
        print(f"{storm}: {sent * 6} requests a minute")
        # Five watches and the lease, with waits of 1, 2, 4 s and so on.
        assert 5 <= sent <= 45
        cluster.order("calm")
        name = f"after-{storm['status']}"
        cluster.create_policy(value=name, scaleTargetRef={"name": name})
        cluster.until(lambda: cluster.get(f"{SCALED}/{name}"), one)


def test_a_new_token_is_used_when_the_file_changes(cluster, tmp_path):
    cluster.create_source()
    cluster.create_policy()
    token = tmp_path / "token"
    token.write_text("first")
    cluster.order("tokens", valid=["first"])
    one = cluster.forecaster("a", tokenFile=str(token))
    cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
    # As the kubelet replaces it.
    (tmp_path / "new").write_text("second")
    (tmp_path / "new").rename(token)
    cluster.order("tokens", valid=["second"])
    before = len(cluster.log())
    cluster.order("end")
    cluster.create_policy(value="next", scaleTargetRef={"name": "next"})
    cluster.until(lambda: cluster.get(f"{SCALED}/next"), one)
    cluster.until(lambda: cluster.condition(name="next") == ("True", "Planned"), one)
    late = own(cluster, before)
    assert [entry for entry in late if entry["authorization"] == "Bearer second"]
    assert sum(entry["status"] == 401 for entry in late) <= 1
    assert "first" not in one.output and "second" not in one.output


def test_a_headroom_policy_scales_placeholder_pods_for_the_policies_that_it_names(cluster):
    cluster.create_source()
    cluster.create_policy()
    cluster.ask("POST", HEADROOM_POLICIES, HEADROOM)
    one = cluster.forecaster()
    cluster.until(lambda: cluster.get(f"{SCALED}/placeholders"), one)
    made = cluster.get(f"{SCALED}/placeholders")
    assert made["metadata"]["ownerReferences"][0]["kind"] == "HeadroomPolicy"
    assert made["spec"]["triggers"][0]["metadata"]["workloads"] == "shop_web=500m/512Mi,other_api=0.5/0"

    def ready():
        conditions = cluster.get(f"{HEADROOM_POLICIES}/placeholders").get("status", {}).get("conditions", [])
        return [(condition["status"], condition["reason"]) for condition in conditions]

    cluster.until(lambda: ready() == [("False", "PolicyNotFound")], one)
    cluster.ask("PATCH", f"{HEADROOM_POLICIES}/placeholders", {"spec": {"policies": HEADROOM["spec"]["policies"][:1]}})
    cluster.until(lambda: cluster.get(f"{SCALED}/placeholders")["spec"]["triggers"][0]["metadata"]["workloads"] == "shop_web=500m/512Mi", one)
    assert not one.output.count("cannot write to the cluster")


def test_a_lone_forecaster_renews_its_lease_with_one_request(cluster):
    one = cluster.forecaster()

    def requests(*methods):
        return [entry for entry in cluster.log() if "/leases" in entry["path"] and entry["authorization"] and entry["method"] in methods]

    cluster.until(lambda: len(requests("PUT")) >= 3, one)
    assert len(requests("GET")) == 1
    # Another one is seen by the conflict.
    other = cluster.forecaster("b")
    other.wait_for("members=2 active=true")
    one.wait_for("members=2 active=true")
    assert {entry["status"] for entry in requests("PUT")} == {200, 409}


def writers(log):
    """Who has written each policy's objects, in order: a writer that is followed by another one and returns is listed again."""
    found = {}
    for entry in log:
        match = re.search("/(forecastpolicies|scaledobjects)/([^/?]+)", entry["path"])
        if match and entry["method"] != "GET" and entry["authorization"] and entry["status"] in (200, 201):
            names = found.setdefault(match[2], [])
            if names[-1:] != [entry["authorization"]]:
                names.append(entry["authorization"])
    return found


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_forecasters_share_the_policies_and_take_over_those_of_one_that_dies(cluster, names):
    cluster.create_source()
    policies = [f"p{number}" for number in range(24)]
    programs = {f"Bearer token-{name}": cluster.forecaster(name) for name in names}
    for program in programs.values():
        # Each has seen the others, and has been seen.
        program.wait_for(f"members={len(names)} active=true")
    for policy in policies:
        cluster.create_policy(value=policy, scaleTargetRef={"name": policy})
    for program in programs.values():
        # All forecast all: plans in memory are served by any of them.
        cluster.until(lambda: len(shown(program, "/workloads")["workloads"]) == len(policies), program)

    def planned(most):
        return all(
            cluster.condition(name=policy) == ("True", "Planned")
            and (cluster.get(f"{SCALED}/{policy}") or {"spec": {}})["spec"].get("maxReplicaCount") == most for policy in policies)

    cluster.until(lambda: planned(100), *programs.values())
    by_policy = writers(cluster.log())
    assert {name for names_of_one in by_policy.values() for name in names_of_one} == set(programs)
    # A writer that has given an object up for one that joined does not write it again.
    assert all(len(names_of_one) == len(set(names_of_one)) for names_of_one in by_policy.values()), by_policy
    most = 100
    while len(programs) > 1:
        dying = by_policy[policies[0]][-1]
        program = programs.pop(dying).process
        program.kill()
        program.wait()
        # Plans in memory have no owner: each survivor serves all of them at once, and refreshes them.
        for one in programs.values():
            for policy in policies:
                plan = known(shown(one, f"/forecast/current?workload=shop_{policy}"))
                age = time.time() - datetime.datetime.fromisoformat(plan["generatedAt"]).timestamp()
                assert plan["desiredReplicas"][0] == 3 and age < 30, (policy, plan)
        since = len(cluster.log())
        most -= 1
        for policy in policies:
            cluster.ask("PATCH", f"{POLICIES}/{policy}", {"spec": {"capacity": {"maxReplicas": most}}})
        cluster.until(lambda: planned(most), *programs.values())
        # The others keep theirs, and take over those of the dead one.
        new = writers(cluster.log()[since:])
        assert all(len(names_of_one) == 1 for names_of_one in new.values()), new
        assert all(new[policy] == by_policy[policy][-1:] for policy in policies if by_policy[policy][-1] != dying), (by_policy, new)
        by_policy = new


def test_forecasters_on_redis_share_the_forecasts_and_write_for_their_own(cluster):
    port = free_port()
    redis = cluster.stack.enter_context(Program("redis-server", "--port", port, "--save", "", "--appendonly", "no"))
    redis.wait_for("Ready to accept connections")
    cluster.create_source()
    policies = [f"p{number}" for number in range(12)]
    for policy in policies:
        cluster.create_policy(value=policy, scaleTargetRef={"name": policy})
    settings = ("-storage", "redis", "-redis-addr", f"127.0.0.1:{port}", "-shard-lease", "3s")
    programs = {f"Bearer token-{name}": cluster.forecaster(name, *settings) for name in "ab"}

    def planned(most):
        return all(
            cluster.condition(name=policy) == ("True", "Planned")
            and (cluster.get(f"{SCALED}/{policy}") or {"spec": {}})["spec"].get("maxReplicaCount") == most for policy in policies)

    def change(most):
        for policy in policies:
            cluster.ask("PATCH", f"{POLICIES}/{policy}", {"spec": {"capacity": {"maxReplicas": most}}})

    cluster.until(lambda: planned(100), *programs.values())
    since = len(cluster.log())
    change(99)
    cluster.until(lambda: planned(99), *programs.values())
    written = writers(cluster.log()[since:])
    assert {one for names in written.values() for one in names} == set(programs)
    assert all(len(names) == 1 for names in written.values()), written
    dying = programs.pop(written[policies[0]][0]).process
    dying.kill()
    dying.wait()
    since = len(cluster.log())
    change(98)
    cluster.until(lambda: planned(98), *programs.values())
    assert {one for names in writers(cluster.log()[since:]).values() for one in names} == set(programs)


CERTIFICATES = """
new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@"; }
new -x509 -keyout ca.key -out ca.crt -days 2 -subj /CN=authority
for name in server client; do
  new -keyout $name.key -out $name.csr -subj /CN=$name
  openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $name.crt -days 2 -extfile names
done
"""


def test_a_trigger_of_keda_is_forecast_with_a_certificate_from_a_secret(cluster, tmp_path):
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1")
    subprocess.run(["bash", "-e", "-c", CERTIFICATES], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    encoded = {name: base64.b64encode((tmp_path / f"client.{end}").read_bytes()).decode() for name, end in (("tls.crt", "crt"), ("tls.key", "key"))}
    keda = subprocess.Popen(
        [sys.executable, ROOT / "Tests/Python/keda_metrics_double.py", "--tls", "ca.crt", "server.key", "server.crt"], cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    cluster.stack.callback(keda.wait)
    cluster.stack.callback(keda.kill)
    port = re.search("[0-9]+", keda.stdout.readline())[0]
    cluster.ask("POST", "/api/v1/namespaces/shop/secrets", {"metadata": {"name": "keda"}, "data": encoded})
    cluster.ask("POST", "/api/v1/namespaces/shop/configmaps", {
        "metadata": {"name": "authority"}, "data": {"ca.crt": (tmp_path / "ca.crt").read_text()}})
    cluster.ask("POST", SOURCES, {
        "apiVersion": "kedastral.io/v1alpha1", "kind": "DataSource", "metadata": {"name": "keda"}, "spec": {
            "type": "keda", "config": {"address": f"127.0.0.1:{port}"}, "secretRefs": {"tls": {"name": "keda"}},
            "configMapRef": {"name": "authority"}}})
    cluster.create_policy(
        dataSourceRef={"name": "keda"}, sourceConfig={"scaledObject": "orders", "trigger": "lag"},
        forecast={"interval": "1s", "step": "1s", "horizon": "30s", "window": "10m"}, leadTime="10s")
    one = cluster.forecaster()

    def has_plan():
        keda.stdin.write("value shop orders lag 250\n")
        keda.stdin.flush()
        return cluster.condition() == ("True", "Planned")

    cluster.until(has_plan, one)
    assert cluster.get(f"{POLICIES}/web")["status"]["currentLoad"] == 250
    cluster.until(lambda: cluster.source_condition(name="keda") == ("True", "SamplesReceived"), one)
    assert "PRIVATE KEY" not in one.output


def test_an_assistant_lists_and_reads_policies(cluster):
    cluster.create_source()
    cluster.create_policy()
    cluster.create_policy(value="other", scaleTargetRef={"name": "other"}, dryRun=True)
    one = cluster.forecaster()
    cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
    calls = [
        ("list_forecast_policies", {}), ("list_forecast_policies", {"namespace": "elsewhere"}),
        ("list_forecast_policies", {"filter": "oth"}), ("get_forecast_policy", {"namespace": "shop", "name": "web"}),
        ("get_forecast_policy", {"namespace": "shop", "name": "lost"})]
    lines = [json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
             for number, (name, arguments) in enumerate(calls)]
    command = [PROGRAMS / "kedastral", "mcp", "--kubeconfig", cluster.kubeconfig("assistant")]
    done = subprocess.run(
        command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60, env={**os.environ, "no_proxy": "*"})
    answers = {one["id"]: one["result"] for one in map(json.loads, done.stdout.splitlines())}
    both, none, filtered, policy, lost = (answers[number] for number in range(len(calls)))
    assert both["structuredContent"]["count"] == 2
    first = next(one for one in both["structuredContent"]["policies"] if one["name"] == "web")
    assert (first["workload"], first["ready"], first["reason"], first["target"]) == ("shop_web", "True", "Planned", "Deployment/web")
    assert none["structuredContent"] == {"count": 0, "policies": []}
    assert [one["name"] for one in filtered["structuredContent"]["policies"]] == ["other"]
    assert policy["structuredContent"]["spec"]["capacity"]["targetPerPod"] == 100
    assert {one["type"] for one in policy["structuredContent"]["status"]["conditions"]} >= {"Ready", "SourceReachable"}
    assert lost["isError"] and "no ForecastPolicy 'lost'" in lost["content"][0]["text"]
    # They only read.
    assert {entry["method"] for entry in cluster.log() if entry["authorization"] == "Bearer token-assistant"} == {"GET"}


def test_one_namespace_alone(cluster):
    cluster.create_source()
    cluster.create_policy()
    one = cluster.forecaster("a", "-namespace", "shop")
    cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
    lists = [entry["path"] for entry in cluster.log() if entry["method"] == "GET" and entry["authorization"]]
    assert not [path for path in lists if re.search("v1(alpha1)?/(clusterdatasources|[a-z]+[?])", path)], lists


def test_the_access_must_be_there(tmp_path):
    with Program(PROGRAMS / "kedastral-forecaster", "-kubernetes", "-listen", "127.0.0.1:0") as one:
        assert one.process.wait(timeout=20) == 1 and "use a kubeconfig" in one.output
    (tmp_path / "config").write_text("clusters: 1")
    with Program(PROGRAMS / "kedastral-forecaster", "-kubernetes", "-kubeconfig", tmp_path / "config", "-listen", "127.0.0.1:0") as one:
        assert one.process.wait(timeout=20) == 1 and "is not a kubeconfig" in one.output
