"""The manifests as kustomize renders them, and where everything is."""
import functools
import os
import pathlib
import shutil
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "Examples/multi-app-redis"
KUBERNETES = EXAMPLE / "kubernetes"
VARIANTS = ["base"] + sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
# Where the programs under test are; scripts/test sets it.
PROGRAMS = pathlib.Path(os.environ.get("KEDASTRAL_PROGRAMS", ROOT / ".build/debug"))
# What setup.sh makes, and no manifest holds.
SECRETS = {
    "redis-auth": {"password"},
    "redis-acl": {"users.acl"},
    "redis-writer": {"password"},
    "redis-reader": {"password"},
    "redis-tls-server": {"ca.crt", "tls.crt", "tls.key"},
    "redis-tls-client": {"ca.crt", "tls.crt", "tls.key"},
}


def kubectl():
    own = ROOT / ".venv/bin/kubectl"
    return str(own) if own.exists() else shutil.which("kubectl") or "kubectl"


@functools.cache
def render(variant):
    """All objects of a variant."""
    folder = KUBERNETES / "base" if variant == "base" else KUBERNETES / "overlays" / variant
    done = subprocess.run([kubectl(), "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def title(one):
    return f'{one["kind"]}/{one["metadata"]["name"]}'


def objects(of):
    """The objects of a variant by its name, or those that are given."""
    return of if isinstance(of, list) else render(of)


def of_kind(variant, *kinds):
    return [one for one in objects(variant) if one["kind"] in kinds]


def find(variant, kind, name):
    return next(one for one in of_kind(variant, kind) if one["metadata"]["name"] == name)


def workloads(variant):
    """Everything that makes pods."""
    return of_kind(variant, "Deployment", "StatefulSet", "Job", "DaemonSet", "CronJob", "Pod")


def pod_of(one):
    """The specification of the pods that an object makes, or that it is."""
    return one["spec"] if one["kind"] == "Pod" else one["spec"]["template"]["spec"]


def environment(container):
    """The variables with a fixed value."""
    return {one["name"]: one["value"] for one in container.get("env", []) if "value" in one}


def containers(variant):
    """(what it belongs to, pod specification, container) of every container."""
    for one in workloads(variant):
        pod = pod_of(one)
        for container in pod.get("initContainers", []) + pod["containers"]:
            yield one, pod, container
