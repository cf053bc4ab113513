"""The manifests without a cluster: schemas, references, safety, and the numbers of the scenario."""
import re

import jsonschema
import kubernetes_validate
import policies
import pytest
import yaml
from cluster import SECRETS, VARIANTS, containers, environment, find, of_kind, render, title, workloads
from policies import CRD, strict


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_every_object_fits_its_schema(variant, version):
    policies.objects_fit_kubernetes_schemas([one for one in render(variant) if one["kind"] != "ScaledObject"], version)


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
    policies.containers_are_confined(variant)


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
    policies.mounts_exist(variant, SECRETS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_files_that_programs_are_pointed_to_are_mounted(variant):
    policies.files_are_mounted(variant, SECRETS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_services_reach_pods_by_named_ports(variant):
    policies.services_reach_pods_by_named_ports(variant)


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
