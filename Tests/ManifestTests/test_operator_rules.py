"""The chart's rules for the operator, compared with what the real program requests of the double of the API server."""
import contextlib
import re
import urllib.parse

import pytest
import test_operator as operator
from chart import rendered
from cluster import environment, of_kind

POLICIES, SCALED, SOURCES = operator.POLICIES, operator.SCALED, operator.SOURCES
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def request(entry):
    """(namespace, resource with its group, verb, name) of a request, as an API server authorizes it."""
    url = urllib.parse.urlsplit(entry["path"])
    match = re.fullmatch(r"/(?:api/v1|apis/([^/]+)/[^/]+)(?:/namespaces/([^/]+))?/([^/]+)(?:/([^/]+))?(?:/([^/]+))?", url.path)
    group, namespace, resource, name, subresource = (part or "" for part in match.groups())
    verb = VERBS.get(entry["method"]) or ("watch" if "watch=true" in url.query else "get" if name else "list")
    return namespace, f"{group}/{resource}".lstrip("/") + (f"/{subresource}" if subresource else ""), verb, name


def rules(objects):
    """(namespace, resource with its group, verb, names) of all rules; the namespace is empty for all, and so are the names."""
    for role in of_kind(objects, "ClusterRole", "Role"):
        # Other roles are those of users.
        own = role["metadata"]["name"].endswith("-operator")
        for rule in role["rules"] if own else ():
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        yield (
                            role["metadata"].get("namespace", ""), f"{group}/{resource}".lstrip("/"), verb,
                            tuple(rule.get("resourceNames", ())))


def allows(rule, asked):
    namespace, resource, verb, names = rule
    return (resource, verb) == asked[1:3] and namespace in ("", asked[0]) and (not names or asked[3] in names)


@pytest.mark.parametrize("settings, namespace", [((), None), (("forecaster.operator.namespace=shop",), "shop")])
def test_the_rules_allow_what_the_operator_requests_and_nothing_else(tmp_path, settings, namespace):
    objects = rendered("operator", "workloads=null", *settings)
    [forecaster] = [one for one in of_kind(objects, "Deployment") if one["metadata"]["name"].endswith("-forecaster")]
    variables = environment(forecaster["spec"]["template"]["spec"]["containers"][0])
    assert variables["OPERATOR_MODE"] == "true" and variables.get("WATCH_NAMESPACE") == namespace
    with contextlib.ExitStack() as stack:
        cluster = operator.Cluster(tmp_path, stack)
        cluster.create_source()
        cluster.ask("POST", "/api/v1/namespaces/shop/configmaps", {
            "metadata": {"name": "authorities"}, "data": {"ca.crt": "not read by a source without TLS"}})
        for kind in ("Deployment", "StatefulSet"):
            cluster.ask("POST", f"/apis/apps/v1/namespaces/shop/{kind.lower()}s", {
                "metadata": {"name": kind.lower()}, "status": {"selector": "app=web"}})
            cluster.create_policy(
                value=kind.lower(), leadTime="auto", scaleTargetRef={"apiVersion": "apps/v1", "kind": kind, "name": kind.lower()})
        cluster.create_policy()
        cluster.create_autoscaler("raised")
        cluster.create_policy(value="raised", scaleTargetRef={"name": "raised"}, apply="minReplicas")
        cluster.create_policy(value="lost", scaleTargetRef={"name": "other"}, dataSourceRef={"name": "nothing"})
        cluster.ask("POST", operator.HEADROOM_POLICIES, operator.HEADROOM)
        shared = "/apis/kedastral.io/v1alpha1/clusterdatasources"
        cluster.ask("POST", shared, {"metadata": {"name": "shared"}, "spec": {"type": "prometheus", "config": {"url": "http://p:9090"}}})
        one = cluster.forecaster("a", *(["-namespace", namespace] if namespace else []))
        cluster.until(lambda: namespace or cluster.get(f"{shared}/shared").get("status"), one)
        cluster.until(lambda: cluster.get(f"{SCALED}/web"), one)
        cluster.until(lambda: cluster.condition() == ("True", "Planned"), one)
        cluster.until(lambda: cluster.get(f"{operator.HEADROOM_POLICIES}/placeholders").get("status"), one)
        cluster.until(lambda: cluster.get(operator.EVENTS)["items"], one)
        cluster.until(lambda: cluster.get(f"{operator.AUTOSCALERS}/raised")["spec"]["minReplicas"] > 1, one)
        for kind in ("deployment", "statefulset"):
            cluster.until(lambda: any(f"/{kind}/scale" in entry["path"] for entry in cluster.log()), one)
        cluster.until(lambda: any("/pods?" in entry["path"] for entry in cluster.log()), one)
        cluster.ask("PATCH", f"{SOURCES}/prometheus", {"spec": {"configMapRef": {"name": "authorities"}}})
        cluster.ask("PATCH", f"{POLICIES}/web", {"spec": {"dryRun": True}})
        cluster.until(lambda: cluster.get(f"{SCALED}/web") is None, one)
        leases = "/apis/coordination.k8s.io/v1/namespaces"
        cluster.until(lambda: any("PUT" == entry["method"] and leases in entry["path"] for entry in cluster.log()), one)
        cluster.until(lambda: any("configmaps/" in entry["path"] and entry["authorization"] for entry in cluster.log()), one)
        asked = {request(entry) for entry in cluster.log() if entry["authorization"]}
    # The kubeconfig of the test names another namespace than the chart's release.
    asked = {("scaling" if where == "kedastral" else where, *rest) for where, *rest in asked}
    # Applying an object that is not there yet needs the right to create it.
    asked.add(("shop", "keda.sh/scaledobjects", "create", ""))
    granted = list(rules(objects))
    refused = [one for one in asked if not any(allows(rule, one) for rule in granted)]
    assert not refused
    unused = [rule for rule in granted if not any(allows(rule, one) for one in asked)]
    assert not unused
