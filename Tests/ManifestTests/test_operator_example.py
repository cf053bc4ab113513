"""Examples/operator: its objects fit the definitions, and its scripts say what they would do."""
import re
import subprocess

import kubernetes_validate
import policies
import pytest
import yaml
from chart import CHART, helm
from cluster import ROOT, environment, find, kubectl, of_kind
from crds import problems
from test_scripts import tools

EXAMPLE = ROOT / "Examples/operator"
__all__ = ["tools"]


@pytest.fixture(scope="module")
def objects():
    done = subprocess.run([kubectl(), "kustomize", EXAMPLE / "kubernetes"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def installed():
    done = helm("template", "kedastral", CHART, "--namespace", "operator-demo", "--values", EXAMPLE / "values.yaml")
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def run(script, *arguments, env=None):
    return subprocess.run([EXAMPLE / script, *arguments], capture_output=True, text=True, timeout=60, env=env)


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_every_object_fits_its_schema(objects, version):
    own = [one for one in objects if one["apiVersion"].startswith("kedastral.io/")]
    assert [one["kind"] for one in own] == ["DataSource", "ForecastPolicy", "ForecastPolicy"]
    for one in own:
        plural = {"DataSource": "datasources", "ForecastPolicy": "forecastpolicies"}[one["kind"]]
        assert problems(plural, one) == [], one["metadata"]["name"]
    policies.objects_fit_kubernetes_schemas([one for one in objects if one not in own], version)


def test_the_applications_are_those_of_the_multi_app_example_without_its_forecasters(objects):
    names = {one["metadata"]["name"] for one in of_kind(objects, "Deployment")}
    assert names == {"api-app", "worker-app", "api-app-load", "worker-app-load", "prometheus"}
    assert not of_kind(objects, "ScaledObject", "StatefulSet")
    assert {one["metadata"].get("namespace", "operator-demo") for one in objects} == {"operator-demo"}


def test_policies_begin_as_dry_runs_of_loads_that_fit_their_limits(objects):
    [source] = of_kind(objects, "DataSource")
    services = {one["metadata"]["name"]: one["spec"]["ports"][0]["port"] for one in of_kind(objects, "Service")}
    host, port = re.fullmatch(r"http://(\w+):(\d+)", source["spec"]["config"]["url"]).groups()
    assert services[host] == int(port)
    for policy in of_kind(objects, "ForecastPolicy"):
        name, spec = policy["metadata"]["name"], policy["spec"]
        assert spec["dryRun"] is True and spec["dataSourceRef"]["name"] == source["metadata"]["name"]
        assert find(objects, "Deployment", spec["scaleTargetRef"]["name"])
        assert f'namespace="operator-demo",app="{name}"' in spec["query"]
        load = environment(find(objects, "Deployment", f"{name}-load")["spec"]["template"]["spec"]["containers"][0])
        capacity = spec["capacity"]
        assert float(load["PEAK_RPS"]) * capacity["headroom"] / capacity["targetPerPod"] <= capacity["maxReplicas"]


@pytest.mark.parametrize("tool", ["minikube", "kind"])
def test_a_dry_run_prints_every_step_and_runs_none(tools, installed, objects, tool):
    done = run("setup.sh", "--dry-run", "--with", tool, env=tools("docker", "kubectl", "helm", tool))
    assert done.returncode == 0, done.stderr
    assert not tools.called.exists() and "please install" not in done.stdout
    context = {"minikube": "kedastral-operator-demo", "kind": "kind-kedastral-operator-demo"}[tool]
    steps = [line for line in done.stdout.splitlines() if line.startswith("+ ")]
    assert all(f"--context {context} " in line for line in steps if line.startswith("+ kubectl"))
    assert all(f"--kube-context {context} " in line for line in steps if line.startswith("+ helm"))
    # All images that are ours are built.
    built = set(re.findall(r"--tag (\S+)", done.stdout))
    pods = [one["spec"]["template"]["spec"] for one in of_kind(installed + objects, "Deployment")]
    pods += [one["spec"] for one in of_kind(installed, "Pod")]
    images = {container["image"] for pod in pods for container in pod["containers"]}
    assert built == {image for image in images if image.endswith(":dev")}
    # What is waited for is there.
    names = {one["metadata"]["name"] for one in of_kind(installed + objects, "Deployment")} | {
        "keda-operator", "keda-metrics-apiserver"}
    assert set(re.findall(r"rollout status deployment/(\S+)", done.stdout)) == names
    definitions = {one["metadata"]["name"] for one in of_kind(installed, "CustomResourceDefinition")}
    assert set(re.findall(r"customresourcedefinition/(\S+)", done.stdout)) == definitions


def test_activation_changes_nothing_but_the_dry_run_of_each_policy(tools, objects):
    done = run("setup.sh", "--dry-run", "--activate", "--with", "kind", env=tools("docker", "kubectl", "helm", "kind"))
    assert done.returncode == 0, done.stderr
    patched = re.findall(r"patch forecastpolicy (\S+) --type merge --patch (\S+)", done.stdout)
    assert patched == [(one["metadata"]["name"], '{"spec":{"dryRun":false}}') for one in of_kind(objects, "ForecastPolicy")]


def test_setup_names_missing_tools_and_refuses_what_it_does_not_know(tools):
    done = run("setup.sh", env=tools("kubectl"))
    assert done.returncode == 1 and "please install: docker helm minikube" in done.stderr
    assert run("setup.sh", "bananas", env=tools()).returncode == 2
    assert "bananas" in run("setup.sh", "--with", "bananas", env=tools()).stderr
    assert not tools.called.exists()


def test_cleanup_touches_only_the_cluster_of_the_example(tools):
    done = run("cleanup.sh", "--dry-run", env=tools("minikube", "kind"))
    assert done.returncode == 0 and not tools.called.exists()
    assert done.stdout.count("kedastral-operator-demo") == 2 == done.stdout.count("+ ")
    assert run("cleanup.sh", env=tools()).stdout == "# there is no cluster kedastral-operator-demo\n"
