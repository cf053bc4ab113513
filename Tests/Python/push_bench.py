"""Measures a forecaster whose workloads have the source `otlp`: CPU, memory, and whether load is lost when a sender is interrupted.

Arguments: forecaster, workloads, seconds, seconds between two requests. Each request has one point of a cumulative counter for each
workload; the counter of workload n grows by n + 1 per second. In the middle third nothing is sent: the sender keeps its requests
and sends them afterwards, oldest first.
"""
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

from bench_tools import get, usage, wait
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

program, workloads, seconds, period = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
folder = pathlib.Path(tempfile.mkdtemp())
STEP = 60


def request(instant, began):
    """A request with the counters at an instant."""
    message = ExportMetricsServiceRequest()
    metrics = message.resource_metrics.add().scope_metrics.add().metrics.add()
    metrics.name = "http.server.requests"
    metrics.sum.is_monotonic = True
    metrics.sum.aggregation_temporality = 2
    for number in range(workloads):
        point = metrics.sum.data_points.add()
        point.start_time_unix_nano = int(began * 1e9)
        point.time_unix_nano = int(instant * 1e9)
        point.as_double = (instant - began) * (number + 1)
        attribute = point.attributes.add()
        attribute.key = "app"
        attribute.value.string_value = str(number)
    return message.SerializeToString()


def send(body):
    """Posts a request; returns how long the response took."""
    begin = time.monotonic()
    post = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/metrics", body, {"Content-Type": "application/x-protobuf"}, method="POST")
    with urllib.request.urlopen(post, timeout=30) as answer:
        assert answer.status == 200 and answer.read() == b"", "the response rejects points"
    return time.monotonic() - begin


configuration = folder / "kedastral.yaml"
configuration.write_text("\n".join(
    ["listen: 127.0.0.1:0", "log: {format: json}", "defaults:", "  metric: rps", "  model: baseline", "  step: 1m",
     "  interval: 30s", "  window: 1d", "  source: {type: otlp, metric: http.server.requests}", "workloads:"]
    + [f"  - {{name: w{number}, source: {{attributes: {{app: '{number}'}}}}}}" for number in range(workloads)]))
log = open(folder / "log", "w+")
forecaster = subprocess.Popen([program, "-config", str(configuration)], stdout=log, stderr=log)
serving = wait(lambda: [json.loads(line) for line in open(folder / "log") if '"serving forecasts"' in line])
port = int(serving[0]["address"].rsplit(":", 1)[1])
time.sleep(5)

began = time.time()
cpu, rss = usage(forecaster.pid)
kept, latencies, sizes, number = [], [], [], 0
while time.time() - began < seconds:
    number += 1
    time.sleep(max(0, began + number * period - time.time()))
    body = request(began + number * period, began)
    sizes.append(len(body))
    if seconds / 3 < number * period < seconds * 2 / 3:
        kept.append(body)
        continue
    for body in [*kept, body]:
        latencies.append(send(body))
    kept = []
elapsed = time.time() - began
end_cpu, end_rss = usage(forecaster.pid)

# A round must have read the last complete step.
time.sleep(45)
# Steps that lie wholly between the first and the last request.
steps = range(int(began // STEP) + 2, int((began + number * period) // STEP) + 1)
complete = 0
for workload in range(workloads):
    history = get(port, f"/history?workload=w{workload}")
    first = round(datetime.datetime.fromisoformat(history["start"]).timestamp() / STEP)
    loads = {first + index: value for index, value in enumerate(history["values"])}
    complete += all(abs((loads.get(step) or 0) - (workload + 1)) < 1e-3 * (workload + 1) for step in steps)
latencies.sort()
print("| workloads | points | body | workloads with all load | response, median | response, slowest | CPU while receiving | RSS at the start | RSS at the end |")
print("|---|---|---|---|---|---|---|---|---|")
print(f"| {workloads} | {number * workloads} | {sum(sizes) / len(sizes) / 1e3:.0f} kB | {complete} "
      f"| {latencies[len(latencies) // 2] * 1e3:.0f} ms | {latencies[-1] * 1e3:.0f} ms "
      f"| {(end_cpu - cpu) / elapsed * 100:.1f} % of a core | {rss:.0f} MB | {end_rss:.0f} MB |")
forecaster.terminate()
forecaster.wait()
