"""The Helm chart: each set of values is accepted by helm, and what it renders by Kubernetes' schemas, by the policies of all
manifests, and by the programs."""
import copy
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import tarfile

import jsonschema
import kubernetes_validate
import policies
import pytest
import yaml
from chart import CHART, NAMESPACE, SETS, configuration, helm, program, rendered, secrets
from cluster import PROGRAMS, ROOT, environment, kubectl, of_kind, title
from crds import scaled_object_problems

OTHERS = yaml.safe_load((policies.FIXTURES / "others.schemas.yaml").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
# Values that are written as a whole, in a format of Kubernetes or of the configuration file.
FREE = re.compile(
    r"^(workloads|defaults|discovery|mcpServer)(\.|$)|adapterConfig|arima|podDisruptionBudget|workloadsConfig\.workloads"
    r"|(resources|strategy|[sS]ecurityContext|labels)(\.|$)")


def container_of(one):
    return one["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("name", SETS)
def test_helm_lint_has_no_complaint(name):
    done = helm("lint", "--strict", CHART, "--values", ROOT / f"Tests/ManifestTests/values/{name}.yaml")
    assert done.returncode == 0 and "[WARNING]" not in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("name", SETS)
def test_every_object_fits_its_schema(name, version):
    objects = rendered(name)
    scaled = of_kind(objects, "ScaledObject")
    assert not any(scaled_object_problems(one) for one in scaled)
    policies.objects_fit_kubernetes_schemas([one for one in objects if one["kind"] not in OTHERS and one not in scaled], version)
    for one in objects:
        if one["kind"] in OTHERS:
            schema = {"type": "object", **copy.deepcopy(OTHERS[one["kind"]])}
            schema["properties"] |= {name: {} for name in ("apiVersion", "kind", "metadata")}
            jsonschema.Draft202012Validator(policies.strict(schema)).validate(one)


@pytest.mark.parametrize("name", SETS)
def test_the_policies_of_all_manifests_hold(name):
    objects = [one for one in rendered(name)]
    # The Go implementation's values leave out what newer versions of Kubernetes expect in a restricted namespace.
    if name != "go-defaults":
        policies.containers_are_confined(objects)
    claims = [{"kind": "PersistentVolumeClaim", "metadata": {"name": "loads"}}]
    policies.mounts_exist(objects + claims, secrets(objects))
    policies.files_are_mounted(objects, secrets(objects))
    policies.services_reach_pods_by_named_ports(objects)


@pytest.mark.parametrize("name", SETS)
def test_names_are_unique_short_and_in_the_release_s_namespace(name):
    objects = rendered(name)
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))
    elsewhere = {"ServiceMonitor": "monitoring", "PrometheusRule": "monitoring", "Certificate": "keda-system"}
    for one in objects:
        namespace = one["metadata"].get("namespace")
        if one["kind"] in ("ClusterTriggerAuthentication", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass",
                           "APIService"):
            assert namespace is None
        elif one["kind"] == "RoleBinding" and one["roleRef"]["name"] == "extension-apiserver-authentication-reader":
            assert namespace == "kube-system"
        else:
            assert namespace in (NAMESPACE, elsewhere.get(one["kind"])), title(one)
        assert len(one["metadata"]["name"]) <= 63


def test_long_release_names_leave_room_for_every_suffix():
    release = "a-release-with-a-name-of-the-greatest-length-of-53-chr"[:53]
    done = helm("template", release, CHART, "--values", ROOT / "Tests/ManifestTests/values/go-workloads.yaml")
    assert done.returncode == 0, done.stderr
    assert all(len(one["metadata"]["name"]) <= 63 for one in yaml.safe_load_all(done.stdout) if one)


def test_the_definitions_of_the_operator_s_objects_are_those_of_deploy_crds():
    rendered_ones = {one["metadata"]["name"]: one["spec"] for one in of_kind(rendered("operator"), "CustomResourceDefinition")}
    files = [path for path in (ROOT / "deploy/crds").glob("*.yaml") if path.name != "kustomization.yaml"]
    originals = {one["metadata"]["name"]: one["spec"] for one in (yaml.safe_load(path.read_text()) for path in files)}
    assert rendered_ones == originals and len(originals) == 4
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]["artifacthub.io/crds"]
    assert {one["name"] for one in yaml.safe_load(about)} == set(originals)
    kept = of_kind(rendered("operator", "crds.keep=true"), "CustomResourceDefinition")
    assert all(one["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for one in kept)
    assert not of_kind(rendered("operator", "crds.install=false"), "CustomResourceDefinition")
    assert not of_kind(rendered("minimal"), "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding")


def test_only_the_operator_s_pods_have_a_token():
    for name, expected in (("operator", {"forecaster": True, "scaler": False}), ("minimal", {"forecaster": False, "scaler": False})):
        assert expected == {
            container_of(one)["name"]: one["spec"]["template"]["spec"]["automountServiceAccountToken"]
            for one in of_kind(rendered(name), "Deployment")}


def operator_roles(of):
    """The roles of the operator itself, not those of users."""
    return [one for one in of_kind(of, "ClusterRole", "Role") if one["metadata"]["name"].endswith("-operator")]


def test_placeholder_pods_have_a_priority_below_all_others_and_are_scaled_by_the_scaler():
    objects = rendered("headroom")
    [priority] = of_kind(objects, "PriorityClass")
    [scaled] = of_kind(objects, "ScaledObject")
    placeholder = next(one for one in of_kind(objects, "Deployment") if one["metadata"]["name"] == "kedastral-headroom")
    assert (priority["value"], priority["preemptionPolicy"]) == (-5, "Never")
    pod = placeholder["spec"]["template"]["spec"]
    assert pod["priorityClassName"] == priority["metadata"]["name"] and "replicas" not in placeholder["spec"]
    assert (pod["nodeSelector"], len(pod["tolerations"])) == ({"pool": "shop"}, 1)
    assert pod["containers"][0]["resources"]["requests"] == {"cpu": "500m", "memory": "1Gi"}
    assert scaled["spec"]["scaleTargetRef"]["name"] == placeholder["metadata"]["name"]
    [trigger] = scaled["spec"]["triggers"]
    assert trigger["metadata"] == {
        "scalerAddress": "kedastral-scaler.scaling.svc:50051", "headroom": "4m", "workloads": "jobs=1/1Gi,shop=500m/512Mi",
        "placeholder": "500m/1Gi", "enableTLS": "true"}
    assert trigger["authenticationRef"] == {"name": "kedastral", "kind": "TriggerAuthentication"}
    assert not of_kind(rendered("minimal"), "PriorityClass", "ScaledObject")
    # Beside the operator, by the names that its policies show.
    beside, = of_kind(rendered("operator", "headroom.enabled=true", "headroom.workloads.shop_web=500m/512Mi"), "ScaledObject")
    assert beside["spec"]["triggers"][0]["metadata"]["workloads"] == "shop_web=500m/512Mi"


def test_users_of_a_namespace_may_write_its_policies_by_the_roles_that_they_have():
    granted = {}
    for role in of_kind(rendered("operator"), "ClusterRole"):
        for label in role["metadata"]["labels"]:
            if label.startswith("rbac.authorization.k8s.io/aggregate-to-"):
                [rule] = role["rules"]
                assert rule["resources"] == ["forecastpolicies", "headroompolicies", "datasources"]
                granted[label.rpartition("-")[2]] = rule["verbs"]
    assert set(granted) == {"admin", "edit", "view"}
    assert granted["view"] == ["get", "list", "watch"] and "create" in granted["edit"] == granted["admin"]
    assert len(of_kind(rendered("operator", "forecaster.operator.aggregateRoles=false"), "ClusterRole")) == 1


def test_the_operator_may_do_no_more_than_its_rules_name():
    """Each rule is a row of docs/kubernetes.md, with its reason."""
    roles = operator_roles(rendered("operator"))
    page = (ROOT / "docs/kubernetes.md").read_text()
    rows = set(re.findall(r"^\| `([^`]+)` \| ([a-z, ]+) \|", page, re.MULTILINE))
    rules = {
        (f"{group}/{resource}".lstrip("/"), role["kind"], verb)
        for role in roles for rule in role["rules"] for group in rule["apiGroups"] for resource in rule["resources"]
        for verb in rule["verbs"]}
    assert {(resource, verb) for resource, _, verb in rules} == {
        (resource, verb) for resource, verbs in rows for verb in verbs.split(", ")}
    assert not any("*" in word for rule in rules for word in rule)
    # Secrets are read by their name alone, and leases are those of the release's namespace.
    assert ("secrets", "ClusterRole", "get") in rules and ("secrets", "ClusterRole", "list") not in rules
    assert {kind for resource, kind, _ in rules if resource.endswith("leases")} == {"Role"}
    # For one namespace, the same rules there, but for the objects that have none.
    one = rendered("operator", "forecaster.operator.namespace=shop")
    assert not of_kind(one, "ClusterRoleBinding")
    inside, leases = operator_roles(one)
    assert (inside["metadata"]["namespace"], leases["metadata"]["namespace"]) == ("shop", NAMESPACE)
    assert inside["rules"][0]["resources"] == ["forecastpolicies", "headroompolicies", "datasources"]
    assert inside["rules"][1]["resources"] == ["forecastpolicies/status", "headroompolicies/status", "datasources/status"]
    assert inside["rules"][2:] == next(role for role in roles if role["kind"] == "ClusterRole")["rules"][2:]
    assert leases["rules"][1]["resourceNames"] == ["kedastral-operator-shop"]
    assert {one["metadata"]["namespace"] for one in of_kind(one, "RoleBinding")} == {"shop", NAMESPACE}
    without = operator_roles(rendered("operator", "forecaster.operator.readSecrets=false"))
    assert not any("secrets" in rule["resources"] for role in without for rule in role["rules"])
    without = operator_roles(rendered("operator", "forecaster.operator.writeAutoscalers=false"))
    assert [rule["verbs"] for role in without for rule in role["rules"] if rule["apiGroups"] == ["autoscaling"]] == [["list", "watch"]]
    without = operator_roles(rendered("operator", "forecaster.operator.readPods=false"))
    assert not any("pods" in rule["resources"] or "deployments/scale" in rule["resources"]
                   for role in without for rule in role["rules"])


def test_the_api_for_autoscalers_is_that_of_the_scaler_and_has_few_rights():
    objects = rendered("external-metrics")
    [registration] = of_kind(objects, "APIService")
    assert registration["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": f"{NAMESPACE}/kedastral-scaler"}
    assert not {"caBundle", "insecureSkipTLSVerify"} & set(registration["spec"])
    assert [one["metadata"]["name"] for one in of_kind(objects, "Certificate")].count("kedastral-scaler") == 1
    service = registration["spec"]["service"]
    [scaler] = [one for one in of_kind(objects, "Service") if one["metadata"]["name"] == service["name"]]
    assert {"name": "metrics-api", "port": service["port"], "targetPort": "metrics-api"} in scaler["spec"]["ports"]
    deployments = {container_of(one)["name"]: one for one in of_kind(objects, "Deployment")}
    assert {"name": "metrics-api", "containerPort": 7443} in container_of(deployments["scaler"])["ports"]
    assert environment(container_of(deployments["scaler"]))["EXTERNAL_METRICS_LISTEN"] == ":7443"
    assert deployments["scaler"]["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    assert deployments["forecaster"]["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    # The scaler reads the one ConfigMap that the cluster's role names; autoscalers read the one metric.
    [reader] = of_kind(objects, "RoleBinding")
    assert reader["roleRef"]["name"] == "extension-apiserver-authentication-reader"
    assert [one["name"] for one in reader["subjects"]] == ["kedastral"]
    [role], [binding] = of_kind(objects, "ClusterRole"), of_kind(objects, "ClusterRoleBinding")
    assert role["rules"] == [
        {"apiGroups": ["external.metrics.k8s.io"], "resources": ["kedastral-replicas"], "verbs": ["get", "list"]}]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "horizontal-pod-autoscaler", "namespace": "kube-system"}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    own = rendered("external-metrics", "externalMetrics.caBundle=QUJD")
    [registration] = of_kind(own, "APIService")
    assert registration["spec"]["caBundle"] == "QUJD" and "annotations" not in registration["metadata"]
    assert not of_kind(rendered("minimal"), "APIService")


def test_bindings_name_the_forecaster_s_account_and_roles_that_are_there():
    objects = rendered("operator")
    [account] = of_kind(objects, "ServiceAccount")
    names = {(one["kind"], one["metadata"]["name"]) for one in objects}
    for binding in of_kind(objects, "ClusterRoleBinding", "RoleBinding"):
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in names
        [subject] = binding["subjects"]
        assert subject == {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": NAMESPACE}


@pytest.mark.parametrize("name", SETS)
def test_selectors_are_the_three_labels_that_never_change(name):
    for one in of_kind(rendered(name), "Deployment"):
        assert set(one["spec"]["selector"]["matchLabels"]) == {
            f"app.kubernetes.io/{key}" for key in ("name", "instance", "component")}, title(one)


@pytest.mark.parametrize("name", SETS)
def test_the_programs_accept_the_settings(name, tmp_path):
    """All settings are checked before anything starts, so one that is wrong on purpose must be the only complaint."""
    objects = rendered(name)
    known = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "docs/settings.md").read_text()))
    if text := configuration(objects):
        (tmp_path / "kedastral.yaml").write_text(text)
    deployments = [one for one in of_kind(objects, "Deployment") if container_of(one)["name"] != "placeholder"]
    assert deployments
    for one in deployments:
        container = container_of(one)
        settings = environment(container)
        if name not in ("redis", "adapted"):
            assert set(settings) <= known
        settings |= {one["name"]: "redis://:x@redis" for one in container["env"] if "valueFrom" in one}
        if settings.get("CONFIG"):
            settings["CONFIG"] = str(tmp_path / "kedastral.yaml")
        done = subprocess.run(
            [PROGRAMS / program(container["name"]), *container.get("args", [])], capture_output=True, text=True, timeout=60,
            env={**settings, "LOG_LEVEL": "wrong-on-purpose"})
        assert done.returncode == 2, done.stderr
        complaints = [line for line in done.stderr.splitlines() if not line.startswith("see ")]
        assert len(complaints) == 1 and "wrong-on-purpose" in complaints[0], done.stderr


def test_a_change_of_the_workloads_reaches_the_mounted_file_and_restarts_no_pod():
    before, after = rendered("minimal"), rendered("minimal", "workloads[0].policy.max=21")
    assert configuration(before) != configuration(after)
    assert of_kind(before, "Deployment") == of_kind(after, "Deployment")
    [forecaster] = [one for one in of_kind(before, "Deployment") if container_of(one)["name"] == "forecaster"]
    mounts = container_of(forecaster)["volumeMounts"]
    # A file that is mounted by subPath is never replaced.
    assert all("subPath" not in mount for mount in mounts)
    assert environment(container_of(forecaster))["CONFIG"] == "/etc/kedastral/kedastral.yaml"


def test_the_single_workload_of_the_go_chart_becomes_one_of_the_file():
    [workload] = yaml.safe_load(configuration(rendered("go-defaults")))["workloads"]
    assert workload == {
        "name": "my-api", "metric": "http_rps", "horizon": "30m", "step": "1m", "interval": "30s", "window": "30m",
        "source": {"type": "prometheus", "url": "http://prometheus:9090", "query": "sum(rate(http_requests_total[1m]))"},
        "model": {"name": "baseline"},
        "policy": {
            "targetPerPod": 100, "headroom": 1.2, "min": 1, "max": 100, "upMaxFactor": 2, "downMaxPercent": 50}}
    scaler = next(one for one in of_kind(rendered("go-defaults"), "Deployment") if container_of(one)["name"] == "scaler")
    settings = environment(container_of(scaler))
    assert (settings["LEAD_TIME"], settings["FORECASTER_URL"]) == ("15m", "http://kedastral-forecaster:8081")
    services = {one["metadata"]["name"] for one in of_kind(rendered("go-defaults"), "Service")}
    assert services == {"kedastral-forecaster", "kedastral-scaler"}


def test_workloads_in_the_go_format_are_converted():
    first, second = yaml.safe_load(configuration(rendered("go-workloads")))["workloads"]
    assert first["model"] == {"name": "arima", "p": 2, "d": 1}
    assert first["policy"] == {
        "targetPerPod": 100, "headroom": 1.2, "min": 2, "max": 50, "upMaxFactor": 2.5, "downMaxPercent": 30}
    assert second["model"] == {"name": "byom", "byomUrl": "http://prophet:8082"}
    assert second["source"] == {
        "type": "http", "url": "http://queue/depth", "valuePath": "data.#.value", "timestampPath": "data.#.ts"}
    assert second["policy"]["quantileLevel"] == "p90"


def test_several_forecasters_share_their_workloads_and_are_spread():
    [forecaster] = [one for one in of_kind(rendered("redis"), "Deployment") if container_of(one)["name"] == "forecaster"]
    assert forecaster["spec"]["replicas"] == 3 and environment(container_of(forecaster))["SHARD_LEASE"] == "15s"
    pod = forecaster["spec"]["template"]["spec"]
    [constraint] = pod["topologySpreadConstraints"]
    labels = forecaster["spec"]["selector"]
    assert constraint["topologyKey"] == "topology.kubernetes.io/zone" and constraint["labelSelector"] == labels
    [term] = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term == {"topologyKey": "kubernetes.io/hostname", "labelSelector": labels}
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert {one["metadata"]["name"] for one in of_kind(rendered("redis"), "PodDisruptionBudget")} == {
        "kedastral-forecaster", "kedastral-scaler"}


def test_a_strategy_of_recreate_has_no_settings_of_a_rolling_update():
    [forecaster] = [one for one in of_kind(rendered("adapted"), "Deployment") if container_of(one)["name"] == "forecaster"]
    assert forecaster["spec"]["strategy"] == {"type": "Recreate"}


def test_passwords_are_in_secrets_only():
    text = json.dumps([one for one in rendered("sentinel") if one["kind"] != "Secret"])
    assert "p@ss word" not in text and "REDIS_PASSWORD_FILE" in text


def test_monitors_select_the_services():
    for name in ("all-in-one", "existing-certificates", "monitored"):
        services = of_kind(rendered(name), "Service")
        monitors = of_kind(rendered(name), "ServiceMonitor")
        assert len(monitors) == (1 if name == "all-in-one" else 2)
        for monitor in monitors:
            labels = monitor["spec"]["selector"]["matchLabels"].items()
            chosen = [one for one in services if labels <= one["metadata"]["labels"].items()]
            assert any(
                endpoint["port"] == port["name"] for one in chosen for port in one["spec"]["ports"]
                for endpoint in monitor["spec"]["endpoints"]), title(monitor)
            assert monitor["spec"]["namespaceSelector"] == {"matchNames": [NAMESPACE]}


def test_the_network_policy_admits_keda_the_scaler_the_test_and_who_is_named():
    policies_by_name = {one["metadata"]["name"]: one["spec"] for one in of_kind(rendered("monitored"), "NetworkPolicy")}
    grpc, http = policies_by_name["kedastral-scaler"]["ingress"]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}} in grpc["from"]
    components = [
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for peer in policies_by_name["kedastral-forecaster"]["ingress"][0]["from"] if "podSelector" in peer]
    assert components == ["scaler", "test"]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}} in http["from"]
    assert policies_by_name["kedastral-scaler"]["policyTypes"] == ["Ingress", "Egress"]
    # The scaler requests plans from the forecaster, whatever the values restrict.
    to = policies_by_name["kedastral-scaler"]["egress"][0]["to"][0]["podSelector"]["matchLabels"]
    assert to["app.kubernetes.io/component"] == "forecaster"
    assert len(policies_by_name["kedastral-scaler"]["egress"]) == 1 + len(policies_by_name["kedastral-forecaster"]["egress"])


def test_the_rendered_alerts_and_dashboard_are_the_originals(tmp_path):
    [rule] = of_kind(rendered("monitored"), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((ROOT / "deploy/alerts/kedastral.rules.yml").read_text())
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rule["spec"]))
    subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], check=True, capture_output=True)
    dashboard = next(one for one in of_kind(rendered("monitored"), "ConfigMap") if "kedastral.json" in one["data"])
    assert json.loads(dashboard["data"]["kedastral.json"]) == json.loads((ROOT / "deploy/grafana/kedastral.json").read_text())


def test_the_package_has_what_the_chart_needs_and_nothing_else(tmp_path):
    done = helm("package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    [package] = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        names = {name.removeprefix("kedastral/") for name in archive.getnames()}
    assert {"Chart.yaml", "README.md", "values.yaml", "values.schema.json", "files/kedastral.json", "templates/NOTES.txt"} <= names
    assert not {name for name in names if name.startswith("README.head") or name.endswith((".tgz", ".orig"))}
    listed = helm("template", "kedastral", package, "--values", ROOT / "Tests/ManifestTests/values/monitored.yaml")
    assert "KedastralForecastStale" in listed.stdout


def test_a_cluster_that_is_too_old_is_refused():
    minimal = ROOT / "Tests/ManifestTests/values/minimal.yaml"
    done = helm("template", "kedastral", CHART, "--values", minimal, "--kube-version", "1.22.0")
    assert done.returncode != 0 and "requires kubeVersion" in done.stderr


def test_the_version_is_that_of_the_programs():
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    source = (ROOT / "Sources/Kedastral/KedastralService.swift").read_text()
    assert about["appVersion"] == re.search(r'version = "([^"]+)"', source)[1]


def chart_script():
    path = str(ROOT / "scripts/chart")
    loader = importlib.machinery.SourceFileLoader("chart_script", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("chart_script", loader))
    loader.exec_module(module)
    return module


def test_every_value_has_a_comment():
    assert chart_script().table()[1] == []


def test_the_readme_the_copies_and_the_kustomize_base_are_current():
    for path, text in chart_script().derived().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)}: run scripts/chart"


def test_a_value_without_a_comment_is_found():
    module = chart_script()
    text = "# Above.\na: 1\nb:\n  # In b.\n  c: {d: 1}\n  e: 2\n"
    assert [path for path, _, comment in module.rows(yaml.safe_load(text), module.comments(text)) if not comment] == ["b.e"]


def properties(schema, path=""):
    """The paths that the schema has, and their schemas."""
    while "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    if schema.get("properties"):
        for key, one in schema["properties"].items():
            yield from properties(one, f"{path}.{key}" if path else key)
    else:
        yield path


def test_the_schema_has_the_values_and_no_others():
    described = {path for path in properties(SCHEMA) if not FREE.search(path)}
    given = {path for path in chart_script().leaves(VALUES) if not FREE.search(path)}
    assert described == given


def test_every_value_is_used_by_a_template():
    text = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    named = set(re.findall(r"[.\"](\w+)", text))
    assert {path.rpartition(".")[2] for path in chart_script().leaves(VALUES) if not FREE.search(path)} <= named


def test_a_schema_that_helm_3_reads_too():
    """Older versions of Helm know the drafts up to 7."""
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_a_workload_in_the_variables_is_a_workload_too():
    done = helm(
        "template", "kedastral", CHART, "--set", "forecaster.env[0].name=WORKLOAD", "--set", "forecaster.env[0].value=shop")
    assert done.returncode == 0, done.stderr
    assert "ConfigMap" not in done.stdout


def test_the_schema_has_the_workload_settings_of_the_programs():
    keys = set(re.findall(r"`workloads\[\]\.(\w+(?:\.\w+)?)(?:\[\])?`", (ROOT / "docs/settings.md").read_text()))
    workload = SCHEMA["properties"]["workloads"]["items"]["properties"]
    for section in ("source", "policy"):
        assert {key.partition(".")[2] for key in keys if key.startswith(section + ".")} == set(
            SCHEMA["definitions"][section]["properties"])
    assert {key.partition(".")[0] for key in keys} == set(workload)


@pytest.mark.parametrize("setting, complaint", [
    ("forecaster.replicaCount=two", "'/forecaster/replicaCount': got string, want integer"),
    ("forecaster.replicas=2", "'/forecaster': additional properties 'replicas' not allowed"),
    ("mode=both", "'/mode': value must be one of 'separate', 'all-in-one'"),
    ("scaler.config.leadTime=5minutes", "'/scaler/config/leadTime': '5minutes' does not match pattern"),
    ("scaler.service.grpcPort=70000", "'/scaler/service/grpcPort': maximum: got 70,000, want 65,535"),
    ("workloads[0].name=a b", "'/workloads/0/name': 'a b' does not match pattern"),
    ("workloads[0].polcy.max=2", "'/workloads/0': additional properties 'polcy' not allowed"),
    ("forecaster.config.storage=file", "'/forecaster/config/storage': value must be one of 'memory', 'redis'"),
    ("triggerAuthentication.kind=Secret", "value must be one of 'TriggerAuthentication', 'ClusterTriggerAuthentication'"),
    # Values that exclude or need each other.
    ("workloads=null", "no workload is configured: set workloads"),
    ("defaults=null", "workload shop has no source.url: set it there or in defaults.source.url"),
    ("forecaster.replicaCount=2", "share their workloads through Redis; set forecaster.config.storage=redis"),
    ("forecaster.enabled=false", "the scaler has no forecaster: set scaler.config.forecasterURL"),
    ("scaler.config.tls.enabled=true", "scaler.config.tls.enabled needs a certificate"),
    ("forecaster.tls.existingSecret=x", "the scaler that requests its plans has no certificate: set scaler.tls"),
    ("scaler.config.tls.caFile=/etc/other/ca.crt", "/etc/other/ca.crt is not beside /etc/tls/tls.crt"),
    ("triggerAuthentication.create=true", "triggerAuthentication.create needs TLS of the scaler"),
    ("externalMetrics.enabled=true", "externalMetrics.enabled needs TLS of the scaler: set scaler.tls.existingSecret"),
    ("externalMetrics.enabled=true,scaler.tls.existingSecret=x", "without cert-manager needs externalMetrics.caBundle"),
    ("externalMetrics.caBundle=-----BEGIN", "'/externalMetrics/caBundle': '-----BEGIN' does not match pattern"),
    ("mcpServer.enabled=true", "run `kedastral mcp --server URL` beside the assistant"),
    ("forecaster.config.redis.existingSecretUrlKey=url,forecaster.config.storage=redis", "but no existingSecret"),
    ("forecaster.config.redis.sentinels[0]=s:1,forecaster.config.storage=redis", "sentinels needs sentinelMaster"),
])
def test_wrong_values_are_refused_with_what_is_wrong(setting, complaint):
    done = helm("template", "kedastral", CHART, "--values", ROOT / "Tests/ManifestTests/values/minimal.yaml", "--set", setting)
    assert done.returncode != 0 and complaint in done.stderr, done.stderr


def test_the_notes_name_the_scaler_and_warn_of_images_of_the_go_implementation():
    def notes(name):
        done = helm(
            "install", "kedastral", CHART, "--namespace", NAMESPACE, "--dry-run=client", "--values",
            ROOT / f"Tests/ManifestTests/values/{name}.yaml")
        assert done.returncode == 0, done.stderr
        return done.stdout.partition("NOTES:")[2]

    assert "scalerAddress: kedastral-scaler.scaling.svc:50051" in notes("minimal")
    assert "WARNING" not in notes("minimal") and "authenticationRef" not in notes("minimal")
    assert notes("go-defaults").count("is the image of the Go implementation") == 2
    assert "kind: ClusterTriggerAuthentication" in notes("cluster-issuer")


@pytest.mark.parametrize("name, settings, expected", [
    ("operator", (), None),
    ("operator", ("forecaster.operator.triggerAuthentication=ClusterTriggerAuthentication/mine",), "ClusterTriggerAuthentication/mine"),
    ("cluster-issuer", ("forecaster.operator.enabled=true",), "ClusterTriggerAuthentication/kedastral"),
])
def test_the_operator_s_triggers_use_the_trigger_authentication(name, settings, expected):
    objects = rendered(name, *settings)
    [variables] = [found for one in of_kind(objects, "Deployment")
                   if "OPERATOR_MODE" in (found := environment(one["spec"]["template"]["spec"]["containers"][0]))]
    assert variables.get("TRIGGER_AUTHENTICATION") == expected
    if expected and name == "cluster-issuer":
        made, = of_kind(objects, "ClusterTriggerAuthentication")
        assert expected == f"{made['kind']}/{made['metadata']['name']}"


def kustomized(folder, **more):
    """The objects of an overlay over the kustomize base, and their text."""
    overlay = {
        "namespace": "team", "resources": [os.path.relpath(ROOT / "deploy/kustomize", folder)],
        "images": [{"name": name, "newName": f"registry.example.com/{name}"} for name in ("kedastral-forecaster", "kedastral-scaler")],
        **more}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    done = subprocess.run([kubectl(), "kustomize", folder], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr
    return list(yaml.safe_load_all(done.stdout)), done.stdout


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_the_kustomize_base_keeps_the_policies_and_works_in_the_namespace_of_an_overlay(version, tmp_path):
    objects, text = kustomized(tmp_path)
    policies.objects_fit_kubernetes_schemas(objects, version)
    policies.containers_are_confined(objects)
    policies.mounts_exist(objects, {})
    policies.services_reach_pods_by_named_ports(objects)
    assert {one["metadata"]["namespace"] for one in objects} == {"team"}
    assert all(container_of(one)["image"].startswith("registry.example.com/") for one in of_kind(objects, "Deployment"))
    forecaster, scaler = (environment(container_of(one)) for one in of_kind(objects, "Deployment"))
    assert forecaster["SCALER_ADDRESS"] == "kedastral-scaler.$(POD_NAMESPACE).svc:50051"
    assert scaler["FORECASTER_URL"] == "http://kedastral-forecaster:8081"
    assert not re.search(r"default\.svc|Helm", text)


def test_the_operator_is_a_component_of_the_kustomize_base(tmp_path):
    objects, _ = kustomized(tmp_path, components=[os.path.relpath(ROOT / "deploy/kustomize/operator", tmp_path)])
    policies.objects_fit_kubernetes_schemas(objects, "1.33")
    policies.mounts_exist(objects, {})
    forecaster, scaler = of_kind(objects, "Deployment")
    settings = environment(container_of(forecaster))
    assert settings["OPERATOR_MODE"] == "true" and "CONFIG" not in settings and not of_kind(objects, "ConfigMap")
    assert [one["spec"]["template"]["spec"]["automountServiceAccountToken"] for one in (forecaster, scaler)] == [True, False]
    # The rules are the chart's, and the bindings follow the namespace.
    chart = {one["metadata"]["name"].removeprefix("scaling-"): one["rules"] for one in of_kind(rendered("operator"), "ClusterRole")}
    assert {one["metadata"]["name"]: one["rules"] for one in of_kind(objects, "ClusterRole")} == chart
    for binding in of_kind(objects, "ClusterRoleBinding", "RoleBinding"):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "kedastral", "namespace": "team"}]
    assert len(of_kind(objects, "CustomResourceDefinition")) == 4


def test_the_external_metrics_are_a_component_of_the_kustomize_base(tmp_path):
    objects, _ = kustomized(tmp_path, components=[os.path.relpath(ROOT / "deploy/kustomize/external-metrics", tmp_path)])
    policies.objects_fit_kubernetes_schemas([one for one in objects if one["kind"] != "APIService"], "1.33")
    policies.containers_are_confined(objects)
    policies.services_reach_pods_by_named_ports(objects)
    policies.mounts_exist(objects, {"kedastral-scaler-tls": {"tls.crt", "tls.key"}})
    # The scaler's settings are the chart's, but for the authority that KEDA's certificate needs.
    chart = rendered("minimal", "externalMetrics.enabled=true", "externalMetrics.caBundle=Zm9v", "scaler.tls.existingSecret=kedastral-scaler-tls")
    [expected] = [one for one in of_kind(chart, "Deployment") if one["metadata"]["name"].endswith("-scaler")]
    _, scaler = of_kind(objects, "Deployment")
    wanted = environment(container_of(expected))
    settings = environment(container_of(scaler))
    assert {**settings, "TLS_CA_FILE": "/etc/tls/ca.crt", "FORECASTER_URL": ""} == {**wanted, "FORECASTER_URL": ""}
    assert scaler["spec"]["template"]["spec"]["automountServiceAccountToken"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container_of(scaler)[probe] == container_of(expected)[probe]
    [registration] = of_kind(objects, "APIService")
    assert registration["spec"]["service"] == {"name": "kedastral-scaler", "namespace": "team", "port": 443}
    [other] = of_kind(chart, "APIService")
    assert {**other["spec"], "service": "", "caBundle": ""} == {**registration["spec"], "service": "", "caBundle": ""}
    subjects = {one["metadata"]["name"]: one["subjects"][0] for one in of_kind(objects, "ClusterRoleBinding")}
    assert subjects["kedastral-authentication-reader"] == {"kind": "ServiceAccount", "name": "kedastral", "namespace": "team"}
    assert subjects["kedastral-external-metrics"]["namespace"] == "kube-system"
