"""The manifests without a cluster: schemas, references, safety, and the numbers of the scenario."""
import re

import jsonschema
import kubernetes_validate
import pytest
import yaml
from cluster import ROOT, SECRETS, VARIANTS, containers, environment, find, of_kind, render, title, workloads

CRD = yaml.safe_load((ROOT / "Tests/ManifestTests/fixtures/scaledobjects.crd.yaml").read_text())


def strict(schema):
    """The schema, with unknown fields forbidden as a strict API server forbids them."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: strict(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        changed.setdefault("additionalProperties", False)
    return changed


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_every_object_fits_its_schema(variant, version):
    for one in render(variant):
        if one["kind"] != "ScaledObject":
            try:
                kubernetes_validate.validate(one, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                pytest.fail(f"{title(one)}: {'.'.join(map(str, error.path))}: {error.message}")


@pytest.mark.parametrize("variant", VARIANTS)
def test_scaled_objects_fit_kedas_schema(variant):
    definition = CRD["spec"]["versions"][0]
    schema = strict(definition["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    scaled = of_kind(variant, "ScaledObject")
    assert len(scaled) == 2
    for one in scaled:
        assert one["apiVersion"] == f'{CRD["spec"]["group"]}/{definition["name"]}'
        jsonschema.Draft202012Validator(schema).validate(one)
        # The definition's rule in CEL.
        assert one["spec"]["minReplicaCount"] <= one["spec"]["maxReplicaCount"]


def test_the_strict_schema_finds_a_misspelt_field():
    broken = yaml.safe_load(yaml.safe_dump(of_kind("base", "ScaledObject")[0]))
    broken["spec"]["fallback"]["replica"] = 3
    schema = strict(CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    with pytest.raises(jsonschema.ValidationError, match="replica"):
        jsonschema.Draft202012Validator(schema).validate(broken)


@pytest.mark.parametrize("variant", VARIANTS)
def test_objects_are_named_once_and_live_in_one_namespace(variant):
    objects = render(variant)
    names = [title(one) for one in objects]
    assert len(names) == len(set(names))
    clusterwide = {"Namespace", "PersistentVolume", "StorageClass"}
    for one in objects:
        if one["kind"] not in clusterwide:
            assert one["metadata"].get("namespace") == "multi-app-redis", title(one)


@pytest.mark.parametrize("variant", VARIANTS)
def test_containers_are_confined(variant):
    for one, pod, container in containers(variant):
        where = f'{title(one)}: {container["name"]}'
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0, where
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert pod.get("automountServiceAccountToken") is False or "serviceAccountName" in pod, where
        assert pod["enableServiceLinks"] is False, where
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }, where
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) == {"cpu", "memory"}, where
        image = container["image"]
        assert ":" in image and not image.endswith(":latest"), where
        if one["kind"] != "Job":
            assert {"readinessProbe", "livenessProbe"} <= set(container), where


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_version_of_redis(variant):
    assert len({c["image"] for _, _, c in containers(variant) if c["image"].startswith("redis")}) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_our_own_programs_are_probed_where_they_answer(variant):
    for one, _, container in containers(variant):
        if container["image"].startswith(("kedastral-", "multi-app-demo")):
            assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}, title(one)
            probes = [container.get(kind, {}).get("httpGet", {}).get("path") for kind in ("startupProbe", "readinessProbe")]
            assert "/readyz" in probes, title(one)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_pods_mount_exists(variant):
    configurations = {one["metadata"]["name"]: one["data"] for one in of_kind(variant, "ConfigMap")}
    claims = {one["metadata"]["name"] for one in of_kind(variant, "PersistentVolumeClaim")}
    accounts = {one["metadata"]["name"] for one in of_kind(variant, "ServiceAccount")}
    for one in workloads(variant):
        pod = one["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        for volume in pod.get("volumes", []):
            if "configMap" in volume:
                assert volume["configMap"]["name"] in configurations, title(one)
            if "secret" in volume:
                assert volume["secret"]["secretName"] in SECRETS, title(one)
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, title(one)
        if "serviceAccountName" in pod:
            assert pod["serviceAccountName"] in accounts
        for container in pod["containers"]:
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounted <= volumes, title(one)
            for variable in container.get("env", []):
                reference = variable.get("valueFrom", {}).get("secretKeyRef")
                if reference:
                    assert reference["key"] in SECRETS[reference["name"]], title(one)
        # Every volume is used by some container.
        used = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
        assert volumes == used, title(one)


@pytest.mark.parametrize("variant", VARIANTS)
def test_files_that_programs_are_pointed_to_are_mounted(variant):
    for one, pod, container in containers(variant):
        secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume} \
            if "volumes" in pod else {}
        mounts = {mount["mountPath"]: secrets.get(mount["name"]) for mount in container.get("volumeMounts", [])}
        for name, value in environment(container).items():
            if name.endswith("_FILE"):
                folder, _, file = value.rpartition("/")
                assert file in SECRETS[mounts[folder]], f"{title(one)}: {name}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_services_reach_pods_by_named_ports(variant):
    for service in of_kind(variant, "Service"):
        selector = service["spec"]["selector"].items()
        chosen = [one for one in workloads(variant) if selector <= one["spec"]["template"]["metadata"]["labels"].items()]
        assert len(chosen) == 1, title(service)
        ports = {port["name"] for c in chosen[0]["spec"]["template"]["spec"]["containers"] for port in c["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, title(service)


@pytest.mark.parametrize("variant", VARIANTS)
def test_prometheus_scrapes_ports_that_are_there(variant):
    annotated = 0
    for one in workloads(variant):
        annotations = one["spec"]["template"]["metadata"].get("annotations", {})
        if annotations.get("prometheus.io/scrape") == "true":
            ports = [port["containerPort"] for c in one["spec"]["template"]["spec"]["containers"] for port in c["ports"]]
            assert int(annotations["prometheus.io/port"]) in ports, title(one)
            annotated += 1
    assert annotated == 7


@pytest.mark.parametrize("variant", VARIANTS)
def test_addresses_name_services_of_the_namespace(variant):
    services = {one["metadata"]["name"]: {port["port"] for port in one["spec"]["ports"]} for one in of_kind(variant, "Service")}
    for one, _, container in containers(variant):
        for name, value in environment(container).items():
            if name in ("REDIS_ADDR", "REDIS_URL", "ADAPTER_URL", "TARGET_URL", "REDIS_SENTINELS"):
                for address in value.split(","):
                    host, _, port = re.sub(r"^\w+://", "", address).partition(":")
                    assert int(port or 80) in services[host.split(".")[-1]], f"{title(one)}: {name}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_scenarios_numbers(variant):
    expected = {
        "api-app": ("hourly-spike", "50", "1.2", 20),
        "worker-app": ("business-hours", "40", "1.3", 15),
    }
    for app, (pattern, per_pod, headroom, maximum) in expected.items():
        load = environment(find(variant, "Deployment", f"{app}-load")["spec"]["template"]["spec"]["containers"][0])
        assert (load["PATTERN"], load["TARGET_URL"]) == (pattern, f"http://{app}")
        forecaster = environment(find(variant, "Deployment", f"{app}-forecaster")["spec"]["template"]["spec"]["containers"][0])
        assert (forecaster["WORKLOAD"], forecaster["TARGET_PER_POD"], forecaster["HEADROOM"]) == (app, per_pod, headroom)
        assert (forecaster["MAX_REPLICAS"], forecaster["INTERVAL"]) == (str(maximum), "30s")
        assert f'app="{app}"' in forecaster["ADAPTER_QUERY"] and 'namespace="multi-app-redis"' in forecaster["ADAPTER_QUERY"]
        scaled = find(variant, "ScaledObject", app)["spec"]
        assert (scaled["scaleTargetRef"]["name"], scaled["maxReplicaCount"]) == (app, maximum)
        assert "pollingInterval" not in scaled, "without effect while at least one replica runs"
        assert scaled["fallback"]["failureThreshold"] == 3 and scaled["fallback"]["replicas"] > 1
        metadata = scaled["triggers"][0]["metadata"]
        assert metadata == {
            "scalerAddress": "kedastral-scaler.multi-app-redis.svc:50051", "workload": app, "leadTime": "5m"}
        assert "replicas" not in find(variant, "Deployment", app)["spec"], "the number of replicas is KEDA's"
        peak = float(load["PEAK_RPS"]) * float(headroom) / float(per_pod)
        assert peak <= maximum, "the peak fits into the maximum"
    scaler = environment(find(variant, "Deployment", "kedastral-scaler")["spec"]["template"]["spec"]["containers"][0])
    assert (scaler["LEAD_TIME"], scaler["STALE_AFTER"]) == ("5m", "2m")
    assert all("ScaledObject" != one["kind"] or one["spec"]["triggers"][0]["type"] == "external" for one in render(variant))
