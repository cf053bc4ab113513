"""The examples that serve: started as their pages say, between a real Redis and the official gRPC client."""
import json
import subprocess
import sys
import urllib.error
import urllib.request

import grpc
import externalscaler_pb2 as messages
import externalscaler_pb2_grpc as stubs
import pytest
from programs import PROGRAMS, ROOT, Program, eventually, free_port


def replicas(port, workload, program, **metadata):
    """What KEDA would want, as soon as there is a plan."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        scaler = stubs.ExternalScalerStub(channel)
        reference = messages.ScaledObjectRef(name=workload, scalerMetadata=metadata)

        def ask():
            [spec] = scaler.GetMetricSpec(reference, timeout=60).metricSpecs
            request = messages.GetMetricsRequest(scaledObjectRef=reference, metricName=spec.metricName)
            [value] = scaler.GetMetrics(request, timeout=60).metricValues
            assert scaler.IsActive(reference, timeout=60).result and spec.targetSizeFloat == 1
            return value.metricValueFloat

        return eventually(ask, program)


def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def test_a_host_of_ones_own_plans_by_its_own_policy_into_redis(tmp_path):
    socket = tmp_path / "redis.sock"
    with Program("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", tmp_path) as redis:
        redis.wait_for("ready to accept connections")
        environment = {"REDIS_URL": f"unix://{socket}", "HOST": "127.0.0.1", "PORT": "0"}
        with Program(PROGRAMS / "CustomForecasterHost", env=environment) as host:
            port = host.wait_for(r"serving KEDA address=127\.0\.0\.1:(\d+)")[1]
            # 300 customers need 15 pods, 24 in three zones of which any two are enough; 40 need 2, so 3. Half an hour has both.
            assert replicas(port, "shop", host, leadTime="30m") == 24
            stored = subprocess.run(
                ["redis-cli", "-s", socket, "get", "forecast:shop"], capture_output=True, text=True, check=True).stdout
            plan = json.loads(stored)
            assert plan["model"] == "last-hour" and set(plan["desiredReplicas"]) == {3, 24}
            assert host.end() == 0
    source = (ROOT / "Examples/CustomForecasterHost/Sources/CustomForecasterHost/main.swift").read_text()
    assert source.count("\n") < 100


def test_an_application_that_forecasts_itself_shows_explains_and_serves_its_plan():
    with Program(PROGRAMS / "SimpleApp", env={"HOST": "127.0.0.1", "PORT": "0", "SCALER_PORT": "0"}) as app:
        page = app.wait_for(r"serving forecasts address=127\.0\.0\.1:(\d+)")[1]
        scaler = app.wait_for(r"serving KEDA address=127\.0\.0\.1:(\d+)")[1]
        assert 2 <= replicas(scaler, "simple-app", app) <= 20
        assert "<title>" in get(f"http://127.0.0.1:{page}/")
        told = json.loads(get(f"http://127.0.0.1:{page}/explain?workload=simple-app"))
        assert told["workload"] == "simple-app" and told["model"] == "auto"
        assert app.end() == 0


@pytest.fixture(scope="module")
def prophet():
    with Program(sys.executable, ROOT / "Examples/ProphetBYOM/service.py", 0) as service:
        yield service, service.wait_for(r"forecasting on (http://\S+)")[1]


def test_prophet_forecasts_for_a_forecaster(prophet, tmp_path):
    service, url = prophet
    rows = [f"{1_700_000_040 + 60 * minute},{300 if minute % 60 < 30 else 100}" for minute in range(600)]
    (tmp_path / "load.csv").write_text("timestamp,value\n" + "\n".join(rows) + "\n")
    (tmp_path / "kedastral.yaml").write_text(f"""
        listen: 127.0.0.1:{(port := free_port())}
        defaults: {{metric: rps, window: 10h, horizon: 1h}}
        workloads:
          - name: shop
            source: {{type: csv, path: load.csv}}
            model: {{name: byom, byomUrl: '{url}'}}
            policy: {{targetPerPod: 10, quantileLevel: p90}}
        """)
    with Program(PROGRAMS / "kedastral-forecaster", "-config", "kedastral.yaml", cwd=tmp_path) as forecaster:
        current = f"http://127.0.0.1:{port}/forecast/current?workload=shop"
        plan = eventually(lambda: json.loads(get(current)), forecaster)
        assert plan["model"] == "byom" and "fallback" not in plan.get("reason", "")
        # Both halves of the hour are near, and the quantile lies above the median.
        assert max(plan["values"]) > 240 and min(plan["values"]) < 160
        assert all(low <= high for low, high in zip(plan["values"], plan["quantiles"]["0.9"]))
        assert forecaster.end() == 0


@pytest.mark.parametrize("body, problem", [
    (b"{}", "stepSeconds"), (b"[1", "cannot forecast"),
    (json.dumps({"now": "2026-01-01T00:00:00Z", "stepSeconds": 60, "horizonSeconds": 60, "features": []}).encode(), "0 samples"),
])
def test_prophet_says_what_it_cannot_forecast_from(prophet, body, problem):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(prophet[1] + "/predict", data=body), timeout=60)
    assert refused.value.code == 400 and problem in json.load(refused.value)["error"]
