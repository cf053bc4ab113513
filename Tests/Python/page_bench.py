"""Measures the page with 10,000 workloads of a real forecaster in a real Chromium: page_bench.py <program> [workloads].

Prints a Markdown table: medians of several visits, each by a fresh browser with an empty cache.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import workloads
from browser import Page

VISITS = 5
PROGRAM, COUNT = os.path.realpath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000

# Time from an action until the row that it brings is drawn.
LAG = """
const [action, text, done] = arguments, began = performance.now();
const list = document.getElementById("list"), search = document.getElementById("search");
if (action === "search") { search.value = text; search.dispatchEvent(new Event("input")); }
if (action === "scroll") list.scrollTop = list.scrollHeight / 2;
if (action === "sort") document.querySelector(`[data-order=${text}]`).click();
const before = document.querySelector(".row .name").textContent;
(function look() {
  const name = document.querySelector(".row .name")?.textContent;
  if (name && name !== "…" && name !== before) requestAnimationFrame(() => done(performance.now() - began));
  else requestAnimationFrame(look);
})();
"""


def bytes_received(page):
    """Everything that came over the network, as DevTools count it, event stream included."""
    total = 0
    for entry in page.driver.get_log("performance"):
        if '"Network.dataReceived"' in entry["message"] or '"Network.responseReceived"' in entry["message"]:
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.dataReceived":
                total += message["params"]["dataLength"]
            else:
                total += sum(len(k) + len(v) + 4 for k, v in message["params"]["response"]["headers"].items())
    return total


def visit(address):
    page = Page("about:blank", performance_log=True)
    try:
        page.driver.get(address)
        page.wait("rows", lambda: page.texts("#count")[0].startswith(f"{COUNT:,} workloads") and page.texts(".row .name")[0] not in ("", "…"))
        received = bytes_received(page)
        paint = page.script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
        rows = page.script("return performance.getEntriesByName('first rows')[0].startTime")
        page.driver.set_script_timeout(30)
        lags = [page.driver.execute_async_script(LAG, *action)
                for action in (("sort", "load"), ("scroll", ""), ("search", "invoices-0123"))]
        problems = page.console()
        if problems:
            sys.exit(f"the console is not clean: {problems}")
        return [paint, rows, received / 1000, *lags]
    finally:
        page.driver.quit()


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        configuration = workloads.write(folder, COUNT, model="seasonal-naive", window="6h", points=600)
        daemon = subprocess.Popen([PROGRAM, "-config", str(configuration), "-listen", "127.0.0.1:18391", "-scaler-listen", "127.0.0.1:18392"], cwd=folder)
        address = "http://127.0.0.1:18391/"
        try:
            end = time.monotonic() + 300
            while True:
                try:
                    with urllib.request.urlopen(address + "workloads") as answer:
                        if len(json.load(answer)["workloads"]) == COUNT:
                            break
                except OSError:
                    pass
                if time.monotonic() > end or daemon.poll() is not None:
                    sys.exit("the forecaster has not planned for all workloads")
                time.sleep(0.5)
            visits = [visit(address) for _ in range(VISITS)]
        finally:
            daemon.terminate()
            daemon.wait()
    print(f"| {COUNT:,} workloads, {VISITS} visits | median | least–most |\n|---|---|---|")
    titles = ["first paint, ms", "first rows of the list, ms", "all that was received until then, kB", "sorting by load, ms",
              "scrolling to the middle, ms", "searching, ms"]
    for title, values in zip(titles, zip(*visits)):
        print(f"| {title} | {statistics.median(values):.0f} | {min(values):.0f}–{max(values):.0f} |")


main()
