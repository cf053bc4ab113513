"""Measures what exported and written forecasts cost a forecaster; see scripts/bench-series."""
import http.server
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

from bench_tools import usage, wait

FORMS = (
    ("none", ""),
    ("`ahead: [5m, 20m]`", "series: {ahead: [5m, 20m]}"),
    ("`write: 9m`", "series: {write: 9m}"),
)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    count, requests, written = 0, 0, 0


class Handler(http.server.BaseHTTPRequestHandler):
    """A Prometheus that has a series for each workload, and takes whatever is written."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/api/v1/write"):
            self.server.requests += 1
            self.server.written += len(text)
            return self.answer(204, b"")
        query = dict(urllib.parse.parse_qsl(text.decode() or urllib.parse.urlsplit(self.path).query))
        start, end, step = (float(query[key]) for key in ("start", "end", "step"))
        times = [start + step * index for index in range(int((end - start) / step) + 1)]
        result = [{"metric": {"app": f"app-{number:05}"}, "values": [[at, str(100 + number % 900 + at / step % 7)] for at in times]}
                  for number in range(self.server.count)]
        self.answer(200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode())

    do_GET = do_POST

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def configuration(server, series):
    url = f"http://127.0.0.1:{server.server_address[1]}"
    names = "\n".join(f"  - {{name: app-{number:05}}}" for number in range(server.count))
    return f"""
seriesWrite: {{url: '{url}/api/v1/write'}}
defaults:
  metric: rps
  model: baseline
  window: 1h
  source: {{url: '{url}', query: 'sum by (app) (rate(requests_total[1m]))', label: app}}
  policy: {{targetPerPod: 100}}
  {series}
workloads:
{names}
"""


def metrics(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=120) as answer:
        return answer.read()


def measure(program, server, series, seconds):
    """(RSS in MB, CPU seconds a minute, bytes of /metrics, its lines, milliseconds of a scrape, write requests and kB a minute)"""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "k.yaml"
        path.write_text(configuration(server, series))
        port = 18000 + os.getpid() % 2000
        child = subprocess.Popen([program, f"-config={path}", f"-listen=127.0.0.1:{port}", "-log-level=error"])
        try:
            def all_planned():
                try:
                    return metrics(port).count(b"\nkedastral_max_replicas{") == server.count
                except OSError:
                    return False

            wait(all_planned, 600)
            time.sleep(60)
            before, requests, written, began = usage(child.pid)[0], server.requests, server.written, time.monotonic()
            time.sleep(seconds)
            minutes = (time.monotonic() - began) / 60
            cpu, rss = usage(child.pid)
            writes = (server.requests - requests) / minutes, (server.written - written) / 1000 / minutes
            times = []
            for _ in range(5):
                began = time.monotonic()
                page = metrics(port)
                times.append((time.monotonic() - began) * 1000)
                time.sleep(2)
            return rss, (cpu - before) / minutes, len(page), page.count(b"\n"), statistics.median(times), *writes
        finally:
            child.terminate()
            child.wait()


def main():
    program, count, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    server = Server(("127.0.0.1", 0), Handler)
    server.count = count
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"{count} workloads, {os.cpu_count()} cores\n")
    print("| series | RSS, MB | CPU per minute, s | /metrics, MB | lines | scrape, ms | write requests per minute | kB per minute |")
    print("|---|---|---|---|---|---|---|---|")
    for name, series in FORMS:
        rss, cpu, size, lines, scrape, requests, kilobytes = measure(program, server, series, seconds)
        print(f"| {name} | {rss:.0f} | {cpu:.1f} | {size / 1e6:.1f} | {lines:,} | {scrape:.0f} | {requests:.0f} | {kilobytes:.0f} |", flush=True)


main()
