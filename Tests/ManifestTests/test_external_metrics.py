"""The API for autoscalers without KEDA: the real program, and a double of the API server that shows the certificates of its aggregator.

The certificates are real; what the double leaves out is the API server's own authorization, which comes before the aggregator."""
import contextlib
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
import test_operator as operator
import test_recipes as recipes
import yaml
from cluster import PROGRAMS, ROOT

sys.path.insert(0, str(ROOT / "Tests/DocumentTests"))
from programs import Program, eventually, free_port  # noqa: E402

API = "/apis/external.metrics.k8s.io/v1beta1"
AUTHENTICATION = "/api/v1/namespaces/kube-system/configmaps"


class Certificates:
    """An authority with its certificates, in a folder of their own."""

    def __init__(self, folder, name):
        self.folder = folder / name
        self.folder.mkdir()
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", "ca.key", "-out", "ca.crt", "-days", "2")
        self.authority = self.folder / "ca.crt"

    def run(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def issue(self, subject, usage="clientAuth", names=""):
        """(certificate, key) for a subject such as /CN=front-proxy-client."""
        name = subject.replace("/", "_").replace("=", "-")
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                 "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.folder / f"{name}.ext").write_text(f"extendedKeyUsage={usage}\n" + (f"subjectAltName={names}\n" if names else ""))
        self.run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                 "-out", f"{name}.crt", "-extfile", f"{name}.ext", "-days", "2")
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"


class Trial:
    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        self.own, self.proxy = Certificates(folder, "serving"), Certificates(folder, "front-proxy-ca")
        self.certificate, self.key = self.own.issue("/CN=kedastral", "serverAuth", "IP:127.0.0.1")
        rows = "\n".join(f"{1_699_999_980 + 60 * minute},250" for minute in range(3000))
        (folder / "load.csv").write_text(f"timestamp,value\n{rows}\n")

    def start(self, *words, env=None, workloads=({"name": "web"},)):
        (self.folder / "kedastral.yaml").write_text(yaml.safe_dump({
            "defaults": {
                "metric": "rps", "source": {"type": "csv", "path": str(self.folder / "load.csv")}, "model": "baseline", "window": "1d",
                "interval": "1s", "policy": {"targetPerPod": 100, "headroom": 1.2, "min": 1, "max": 20}},
            "workloads": list(workloads)}))
        self.port, self.http = free_port(), free_port()
        return self.stack.enter_context(Program(
            PROGRAMS / "kedastral", "run", "-config", self.folder / "kedastral.yaml", "-listen", f"127.0.0.1:{self.http}",
            "-scaler-listen", f"127.0.0.1:{free_port()}", "-tls-enabled", "-tls-cert-file", self.certificate, "-tls-key-file", self.key,
            "-external-metrics-listen", f"127.0.0.1:{self.port}", *words, env={"no_proxy": "*", **(env or {})}))

    def ask(self, path, client=None):
        """(status, document) of a request with a client certificate, or without one."""
        context = ssl.create_default_context(cafile=str(self.own.authority))
        if client:
            context.load_cert_chain(*map(str, client))
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        try:
            with opener.open(request, timeout=20) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        return status, json.loads(body) if body.startswith(b"{") else body.decode()

    def value(self, client, workload="web"):
        status, found = self.ask(f"{API}/namespaces/shop/kedastral-replicas?labelSelector=workload%3D{workload}", client)
        return found["items"][0]["value"] if status == 200 else None


@pytest.fixture
def trial(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Trial(tmp_path, stack)


def refused(trial, client):
    """Whether the handshake fails, or the answer is 403."""
    try:
        status, _ = trial.ask(API, client)
        return status == 403
    except (ssl.SSLError, urllib.error.URLError, ConnectionError):
        return True


def test_the_api_server_alone_reads_the_replicas_of_a_plan(trial):
    one = trial.start("-external-metrics-client-ca-file", trial.proxy.authority, "-external-metrics-client-names", "front-proxy-client")
    front = trial.proxy.issue("/CN=front-proxy-client")
    # 250 with a headroom of 20 % at 100 for each pod.
    eventually(lambda: trial.value(front) == "3", one)
    status, resources = trial.ask(API, front)
    assert status == 200 and [resource["name"] for resource in resources["resources"]] == ["kedastral-replicas"]
    assert trial.ask("/healthz", front) == (200, "ok") and trial.ask("/healthz") == (200, "ok")
    # What an aggregated API need not have, the API server does without.
    assert {trial.ask(path, front)[0] for path in ("/apis", "/metrics", "/workloads", "/")} == {404}
    assert trial.ask("/openapi/v2", front)[1]["swagger"] == "2.0" and trial.ask("/openapi/v3", front)[1] == {"paths": {}}
    assert trial.ask(f"{API}/namespaces/shop/kedastral-replicas?labelSelector=workload%3Dother", front)[0] == 404
    assert trial.ask(f"{API}/namespaces/shop/other?labelSelector=workload%3Dweb", front)[0] == 404

    # A certificate of another name, of another authority, for another use, of two names, and none at all.
    assert refused(trial, trial.proxy.issue("/CN=someone"))
    assert refused(trial, trial.own.issue("/CN=front-proxy-client"))
    assert refused(trial, trial.proxy.issue("/OU=x/CN=front-proxy-client", "serverAuth"))
    assert refused(trial, trial.proxy.issue("/CN=someone/CN=front-proxy-client"))
    assert refused(trial, None)
    # The other listeners know nothing of these certificates.
    context = ssl.create_default_context(cafile=str(trial.own.authority))
    with urllib.request.urlopen(f"https://127.0.0.1:{trial.http}/metrics", timeout=20, context=context) as answer:
        metrics = answer.read().decode()
    assert 'kedastral_external_metrics_requests_total{code="200"}' in metrics
    assert 'kedastral_tls_certificate_not_after_seconds{listener="external-metrics"}' in metrics
    assert one.end() == 0


def test_a_dry_run_and_an_old_plan_have_no_value(trial):
    one = trial.start(
        "-external-metrics-client-ca-file", trial.proxy.authority, "-stale-after", "3s",
        workloads=({"name": "web"}, {"name": "trial", "dryRun": True}))
    # Without names any certificate of the authority is accepted.
    front = trial.proxy.issue("/CN=any")
    eventually(lambda: trial.value(front) == "3", one)
    path = f"{API}/namespaces/shop/kedastral-replicas?labelSelector=workload%3D"
    status, found = eventually(lambda: (answer := trial.ask(path + "trial", front))[1]["message"].endswith("not served") and answer, one)
    assert (status, found["reason"]) == (404, "NotFound") and "is a dry run" in found["message"]


def test_the_cluster_says_who_its_api_server_is(trial):
    double = trial.stack.enter_context(Program(sys.executable, operator.DOUBLE))
    cluster = operator.Cluster.__new__(operator.Cluster)
    cluster.folder, cluster.double = trial.folder, double
    cluster.url = f'http://127.0.0.1:{double.wait_for("port ([0-9]+)[.]").group(1)}'
    one = trial.start(env={"KUBECONFIG": str(cluster.kubeconfig())})
    front = trial.proxy.issue("/CN=front-proxy-client")
    # Before that, no client is served; the rest of the program works.
    one.wait_for("external metrics wait for the API server's authority")
    with pytest.raises(urllib.error.URLError):
        trial.ask(API, front)
    cluster.ask("POST", AUTHENTICATION, {
        "metadata": {"name": "extension-apiserver-authentication"}, "data": {
            "requestheader-client-ca-file": trial.proxy.authority.read_text(),
            "requestheader-allowed-names": '["front-proxy-client"]'}})
    eventually(lambda: trial.value(front) == "3", one)
    assert refused(trial, trial.proxy.issue("/CN=someone"))
    asked = {(entry["method"], entry["path"]) for entry in cluster.log() if entry["authorization"]}
    assert asked == {("GET", f"{AUTHENTICATION}/extension-apiserver-authentication")}
    assert "token-a" not in one.output


def test_the_autoscaler_of_the_recipe_gets_a_value(trial):
    [metric] = [
        one["external"]["metric"] for _, found in recipes.OBJECTS if found["kind"] == "HorizontalPodAutoscaler"
        for one in found["spec"]["metrics"] if one["type"] == "External"]
    labels = metric["selector"]["matchLabels"]
    assert labels["workload"] in recipes.WORKLOADS
    one = trial.start("-external-metrics-client-ca-file", trial.proxy.authority, workloads=({"name": labels["workload"]},))
    front = trial.proxy.issue("/CN=front-proxy-client")
    # As the autoscaler writes it: sorted, and encoded.
    selector = urllib.parse.quote(",".join(f"{name}={value}" for name, value in sorted(labels.items())), safe="")
    path = f"{API}/namespaces/shop/{metric['name']}?labelSelector={selector}"
    status, found = eventually(lambda: (answer := trial.ask(path, front))[0] == 200 and answer, one)
    assert found["items"][0]["value"] == "3" and found["items"][0]["metricLabels"] == labels


def test_a_slow_or_wrong_client_is_cut_off_and_disturbs_nobody(trial):
    one = trial.start("-external-metrics-client-ca-file", trial.proxy.authority, "-http-request-timeout", "1s")
    front = trial.proxy.issue("/CN=front-proxy-client")
    eventually(lambda: trial.value(front) == "3", one)
    with socket.create_connection(("127.0.0.1", trial.port)) as silent, socket.create_connection(("127.0.0.1", trial.port)) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert plain.recv(100)[:4] != b"HTTP"
        assert trial.value(front) == "3"
        silent.settimeout(10)
        began = time.monotonic()
        assert silent.recv(100) == b"" and time.monotonic() - began < 9
    long = f"{API}/namespaces/shop/kedastral-replicas?labelSelector=" + "a" * 17000
    assert trial.ask(long, front)[0] == 431
    assert trial.value(front) == "3" and one.end() == 0
