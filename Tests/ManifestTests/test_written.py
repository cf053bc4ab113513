"""The texts that a forecaster offers for copying: valid for KEDA's schema, and for the forecaster itself."""
import socket
import subprocess
import time
import urllib.error
import urllib.request

import jsonschema
import pytest
import yaml
from cluster import PROGRAMS
from policies import CRD, strict

CONFIGURATION = """
scaler: {address: 'scaler.keda.svc:7000'}
workloads:
  - name: Shop_Web
    metric: 'orders: #1'
    source: {type: csv, path: load.csv}
    model: seasonal-naive
    policy: {targetPerPod: 12.5, quantileLevel: p90, min: 0, max: 7}
    window: 1h
"""


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.read().decode()


def forecast(folder, text):
    """Runs a forecaster with a configuration until it has planned; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "k.yaml").write_text(text)
    daemon = subprocess.Popen([PROGRAMS / "kedastral-forecaster", "-config", "k.yaml", "-listen", f"127.0.0.1:{port}"], cwd=folder)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                get(port, "/forecast/current?workload=Shop_Web")
                break
            except (OSError, urllib.error.URLError):
                assert daemon.poll() is None and time.monotonic() < end, "the forecaster has no plan"
                time.sleep(0.1)
        yield port
    finally:
        daemon.terminate()
        daemon.wait(timeout=20)


@pytest.fixture
def folder(tmp_path):
    lines = [f"{1_700_000_040 + 60 * minute},{100 + minute % 60}" for minute in range(240)]
    (tmp_path / "load.csv").write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    return tmp_path


def test_a_scaled_object_to_copy_fits_kedas_schema(folder):
    for port in forecast(folder, CONFIGURATION):
        written = yaml.safe_load(get(port, "/scaledobject?workload=Shop_Web&leadTime=7m"))
    schema = strict(CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    jsonschema.Draft202012Validator(schema).validate(written)
    assert written["metadata"]["name"] == "shop-web"
    assert written["spec"]["minReplicaCount"] == 0 and written["spec"]["maxReplicaCount"] == 7
    assert written["spec"]["triggers"][0]["metadata"] == {
        "scalerAddress": "scaler.keda.svc:7000", "workload": "Shop_Web", "leadTime": "7m"}


def test_a_configuration_to_copy_runs_a_forecaster_that_offers_the_same(folder):
    for port in forecast(folder, CONFIGURATION):
        first = get(port, "/configuration?workload=Shop_Web")
    assert yaml.safe_load(first)["workloads"][0]["metric"] == "orders: #1"
    for port in forecast(folder, first):
        assert get(port, "/configuration?workload=Shop_Web") == first
