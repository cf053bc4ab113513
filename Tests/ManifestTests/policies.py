"""What holds for all manifests: those of the example, and those that the chart and the kustomize base make.

`of` is a variant of the example, or a list of objects."""
import kubernetes_validate
import pytest
import yaml
from cluster import ROOT, containers, environment, objects, of_kind, pod_of, title, workloads

FIXTURES = ROOT / "Tests/ManifestTests/fixtures"
CRD = yaml.safe_load((FIXTURES / "scaledobjects.crd.yaml").read_text())


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


def objects_fit_kubernetes_schemas(of, version):
    for one in objects(of):
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            pytest.fail(f"{title(one)}: {'.'.join(map(str, error.path))}: {error.message}")


def containers_are_confined(of):
    for one, pod, container in containers(of):
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
        # A placeholder does nothing that a probe could see.
        if one["kind"] not in ("Job", "Pod") and container["name"] != "placeholder":
            assert {"readinessProbe", "livenessProbe"} <= set(container), where


def mounts_exist(of, secrets):
    """`secrets` are the keys of the Secrets that exist, by name."""
    configurations = {one["metadata"]["name"]: one["data"] for one in of_kind(of, "ConfigMap")}
    claims = {one["metadata"]["name"] for one in of_kind(of, "PersistentVolumeClaim")}
    accounts = {one["metadata"]["name"] for one in of_kind(of, "ServiceAccount")}
    for one in workloads(of):
        pod = pod_of(one)
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        for volume in pod.get("volumes", []):
            if "configMap" in volume:
                assert volume["configMap"]["name"] in configurations, title(one)
            if "secret" in volume:
                keys = secrets[volume["secret"]["secretName"]]
                assert {item["key"] for item in volume["secret"].get("items", [])} <= keys, title(one)
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
                    assert reference["key"] in secrets[reference["name"]], title(one)
        # Every volume is used by some container.
        used = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
        assert volumes == used, title(one)


def files_are_mounted(of, secrets):
    for one, pod, container in containers(of):
        volumes = {volume["name"]: volume["secret"] for volume in pod.get("volumes", []) if "secret" in volume}
        mounts = {mount["mountPath"]: volumes.get(mount["name"]) for mount in container.get("volumeMounts", [])}
        for name, value in environment(container).items():
            if name.endswith("_FILE"):
                folder, _, file = value.rpartition("/")
                secret = mounts[folder]
                paths = {item["path"] for item in secret.get("items", [])} or secrets[secret["secretName"]]
                assert file in paths, f"{title(one)}: {name}"


def services_reach_pods_by_named_ports(of):
    for service in of_kind(of, "Service"):
        selector = service["spec"]["selector"].items()
        chosen = [
            one for one in workloads(of)
            if "template" in one["spec"] and selector <= one["spec"]["template"]["metadata"]["labels"].items()]
        assert len(chosen) == 1, title(service)
        ports = {port["name"] for c in chosen[0]["spec"]["template"]["spec"]["containers"] for port in c["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, title(service)

