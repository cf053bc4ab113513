"""What the benchmarks of a forecaster share."""
import json
import os
import sys
import time
import urllib.request


def wait(condition, limit=120):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.05)
    sys.exit("timed out")


def usage(process):
    """CPU seconds and resident megabytes."""
    fields = open(f"/proc/{process}/stat").read().rsplit(") ", 1)[1].split()
    rss = next(line for line in open(f"/proc/{process}/status") if line.startswith("VmRSS"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(rss.split()[1]) / 1024


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.load(answer)
