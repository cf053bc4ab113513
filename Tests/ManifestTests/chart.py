"""The Helm chart as helm renders it, for each set of values in values/."""
import functools
import shutil
import subprocess

import yaml
from cluster import ROOT

CHART = ROOT / "deploy/helm/kedastral"
FOLDER = ROOT / "Tests/ManifestTests/values"
SETS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
NAMESPACE = "scaling"
CERTIFICATE = {"ca.crt", "tls.crt", "tls.key"}
# The Secrets of which the values say that they exist.
SECRETS = {
    "redis-auth": {"password"}, "redis-reader": {"password"}, "redis-url": {"url"}, "redis-tls-client": CERTIFICATE,
    "forecaster-certificate": CERTIFICATE, "scaler-certificate": CERTIFICATE, "keda-client": CERTIFICATE,
    "http-token": {"bearer", "token"}, "push-token": {"token"}, "series-write-token": {"token"}, "prometheus-token": {"token"},
    "source-credentials": set(),
}


def helm(*words, **options):
    own = ROOT / ".venv/bin/helm"
    program = str(own) if own.exists() else shutil.which("helm") or "helm"
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=60, **options)


def values(name):
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text())


@functools.cache
def rendered(name, *settings):
    """All objects of a set of values."""
    done = helm(
        "template", "kedastral", CHART, "--namespace", NAMESPACE, "--values", FOLDER / f"{name}.yaml",
        *(word for setting in settings for word in ("--set", setting)))
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def secrets(of):
    """The keys of the Secrets that are there once the objects are: those of the objects too."""
    found = dict(SECRETS)
    for one in of:
        if one["kind"] == "Secret":
            found[one["metadata"]["name"]] = set(one["data"])
        if one["kind"] == "Certificate":
            found[one["spec"]["secretName"]] = CERTIFICATE
    return found


def configuration(of):
    """The configuration file that the chart writes, if it does."""
    return next((one["data"]["kedastral.yaml"] for one in of if "kedastral.yaml" in one.get("data", {})), None)


def program(component):
    return {"forecaster": "kedastral-forecaster", "scaler": "kedastral-scaler", "all-in-one": "kedastral"}[component]
