"""Measures a forecaster whose workloads have the source `keda`: CPU, memory, and whether a value is lost when the stream is interrupted.

Arguments: forecaster, workloads, seconds, seconds between two values of a trigger. The metrics service is the double in
keda_metrics_double.py, over mutual TLS. Each value is as large as its number, so the means of the steps show which values arrived.
"""
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from bench_tools import get, usage, wait

program, workloads, seconds, period = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
folder = pathlib.Path(tempfile.mkdtemp())
STEP = 60


def certificates():
    script = """
      set -e
      new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@" 2>/dev/null; }
      new -x509 -keyout ca.key -out ca.crt -days 2 -subj "/CN=Bench authority"
      for name in server client; do
        new -keyout $name.key -out $name.csr -subj "/CN=$name"
        echo "subjectAltName=IP:127.0.0.1" > $name.ext
        openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $name.crt -extfile $name.ext -days 2 2>/dev/null
      done"""
    subprocess.run(["bash", "-c", script], cwd=folder, check=True)


class Double:
    def __init__(self):
        tls = ["--tls", str(folder / "ca.crt"), str(folder / "server.key"), str(folder / "server.crt")]
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("keda_metrics_double.py")), *tls],
            stdin=subprocess.PIPE, stdout=open(folder / "events", "w"), text=True)
        self.port = int(wait(lambda: self.events("port ")[:1])[0].split()[1])

    def events(self, prefix):
        return [line for line in open(folder / "events").read().splitlines() if line.startswith(prefix)]

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()


certificates()
keda = Double()
names = [str(number) for number in range(workloads)]
configuration = folder / "kedastral.yaml"
configuration.write_text("\n".join(
    ["listen: 127.0.0.1:0", "log: {format: json}", "defaults:", "  metric: lag", "  model: baseline", "  step: 1m",
     "  interval: 30s", "  window: 1d", "  source:", "    type: keda", f"    address: 127.0.0.1:{keda.port}",
     "    namespace: shop", "    trigger: lag", f"    caFile: {folder}/ca.crt", f"    certFile: {folder}/client.crt",
     f"    keyFile: {folder}/client.key", "workloads:"]
    + [f"  - {{name: w{name}, source: {{scaledObject: '{name}'}}}}" for name in names]))
log = open(folder / "log", "w+")
began = time.monotonic()
forecaster = subprocess.Popen([program, "-config", str(configuration)], stdout=log, stderr=log)
port = wait(lambda: [json.loads(line) for line in open(folder / "log") if '"serving forecasts"' in line])
port = int(port[0]["address"].rsplit(":", 1)[1])
wait(lambda: len(keda.events("subscribed")) >= workloads)
subscribed = time.monotonic() - began
cpu, rss = usage(forecaster.pid)

# Values are sent far from the ends of steps.
time.sleep(period - time.time() % period + period / 3)
sent = {}
number = 0
start = time.monotonic()
while time.monotonic() - start < seconds:
    number += 1
    # A value that waits while there is no stream: the order to end comes before it.
    if number % 3 == 2:
        keda.order("end")
    keda.order(f"many shop lag {workloads} {number}")
    at = float(wait(lambda: keda.events("sent")[number - 1:])[0].split()[3])
    sent.setdefault(-int(-at // STEP), []).append(number)
    time.sleep(max(0, start + number * period - time.monotonic()))
elapsed = time.monotonic() - start
end_cpu, end_rss = usage(forecaster.pid)

# The last step must have ended, and a round after it.
time.sleep(STEP - time.time() % STEP + 45)
expected = {step: sum(values) / len(values) for step, values in sent.items()}
complete = 0
for name in names:
    history = get(port, f"/history?workload=w{name}")
    begin = datetime.datetime.fromisoformat(history["start"]).timestamp()
    means = {round(begin / STEP) + index: value for index, value in enumerate(history["values"])}
    complete += all(abs((means.get(step) or 0) - mean) < 1e-6 for step, mean in expected.items())
streams = len(keda.events("stream"))
print("| workloads | values | streams opened | workloads with every value | subscribed after | CPU while receiving | RSS subscribed | RSS at the end |")
print("|---|---|---|---|---|---|---|---|")
print(f"| {workloads} | {number * workloads} | {streams} | {complete} | {subscribed:.1f} s | {(end_cpu - cpu) / elapsed * 100:.1f} % of a core "
      f"| {rss:.0f} MB | {end_rss:.0f} MB |")
forecaster.terminate()
forecaster.wait()
keda.process.kill()
