#!/usr/bin/env python3
"""Simulates KEDA and the HPA: polls the scaler with `kedastral query` as KEDA does, and prints the replicas of each HPA.

    keda-stand-in.py kedastral 127.0.0.1:50051 --interval 15 api-app:max=20,fallback=6 worker-app:max=15,fallback=4

keda_rules.py implements the rules. The replicas are value / target, rounded up, between min and max. After more than three polls
with a failed GetMetrics the fallback applies: its replicas, or the current ones if there are more. While GetMetricSpec fails, KEDA
does not count failures: no fallback applies, an active one ends, and other triggers (other=N: one that always requests N) fail too.
If there is no HPA yet, no replicas are requested, and the wait before each retry grows. KEDA's clock is scaled so that one interval
is 15 s.
"""
import argparse
import json
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

from keda_rules import Answer, Fallback, Number, ScaledObject

POLL_SECONDS = 15


class Workload:
    """One workload, and the replicas that its HPA requests."""

    def __init__(self, text):
        self.name, _, settings = text.partition(":")
        pairs = dict(pair.split("=", 1) for pair in settings.split(",") if pair)
        fallback = Fallback(int(pairs["fallback"])) if "fallback" in pairs else None
        self.keda = ScaledObject(int(pairs.get("min", 1)), int(pairs.get("max", 100)), fallback)
        self.other = [Answer(Number(1), Number(int(pairs["other"])), True)] if "other" in pairs else []
        self.target = Number(1)
        self.wish = None
        self.remark = ""

    def poll(self, program, address, interval, answers):
        """Starts polling; each response goes into the queue. Returns the polling process."""
        process = subprocess.Popen(
            [program, "query", address, "-workload", self.name, "-watch", "-interval", f"{interval * 1000:.0f}ms",
             "-timeout", "2s", "-o", "json"], stdout=subprocess.PIPE, text=True)

        def read():
            for line in process.stdout:
                answers.put((self, json.loads(line)))
            answers.put((self, None))

        threading.Thread(target=read, daemon=True).start()
        return process

    def take(self, reply, now):
        """Applies the result of a poll at a time of KEDA's clock."""
        error = reply.get("error")
        if error is None:
            metric = reply["metrics"][0]
            self.target = self.number(metric["target"])
            answer = Answer(self.target, self.number(metric["value"]), reply["active"])
        elif error.get("method", "").endswith("GetMetricSpec"):
            answer = Answer()
        else:
            answer = Answer(self.target)
        self.wish = self.keda.observe([answer] + self.other, now)
        self.remark = self.remark_on(answer, error)

    def remark_on(self, answer, error):
        if error is None:
            return "" if answer.is_active else " (not active)"
        if answer.target is None:
            return f' (no metric specs returned: {error["code"]}, {error["message"]})'
        if self.keda.is_falling_back:
            return f' (fallback: {error["code"]})'
        return f' (as before: {error["code"]}, {error["message"]})'

    @staticmethod
    def number(value):
        return Number(int(value), float(value))

    def show(self, load):
        return f"{self.name} {self.wish or '-'}{self.remark}" + (f" at {load:.0f} requests/s" if load is not None else "")


def loads(prometheus, window):
    """Current requests per second by application, from Prometheus; empty while it is unavailable."""
    query = urllib.parse.urlencode({"query": f"sum by (app) (rate(api_requests_total[{window}]))"})
    try:
        with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}", timeout=2) as answer:
            series = json.load(answer)["data"]["result"]
        return {one["metric"]["app"]: float(one["value"][1]) for one in series}
    except (OSError, ValueError, KeyError):
        return {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the program kedastral")
    parser.add_argument("address", help="the scaler's address")
    parser.add_argument("objects", nargs="+", metavar="WORKLOAD[:min=N,max=N,fallback=N,other=N]")
    parser.add_argument("--interval", type=float, default=15, help="seconds between polls (default 15)")
    parser.add_argument("--prometheus", metavar="URL", help="show the load from this Prometheus beside the replicas")
    parser.add_argument("--rate-window", default="1m", help="rate window of the load query (default 1m)")
    parser.add_argument("--quiet", type=float, default=0, help="seconds between lines while the replicas do not change")
    parser.add_argument("--speed", type=float, default=1, help="speed of the simulated load, for the displayed clock")
    parser.add_argument("--origin", type=float, help="real time at which the simulated clock showed --start, in seconds since 1970")
    parser.add_argument("--start", type=float, help="simulated time at --origin, in seconds since 1970")
    arguments = parser.parse_args()
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: sys.exit(0))

    objects = [Workload(text) for text in arguments.objects]
    answers = queue.Queue()
    pollers = []
    shown, shown_at = None, 0.0
    try:
        for one in objects:
            pollers.append(one.poll(arguments.program, arguments.address, arguments.interval, answers))
        while True:
            one, answer = answers.get()
            if answer is None:
                sys.exit(f"kedastral query for {one.name} has ended")
            one.take(answer, time.monotonic() * POLL_SECONDS / arguments.interval)
            # A round is complete when all workloads have a response.
            if not answers.empty() or any(one.wish is None and not one.remark for one in objects):
                continue
            now = time.time()
            state = [(one.wish, one.remark) for one in objects]
            if state == shown and now < shown_at + arguments.quiet:
                continue
            load = loads(arguments.prometheus, arguments.rate_window) if arguments.prometheus else {}
            clock = now
            if arguments.origin is not None and arguments.start is not None:
                clock = arguments.start + (now - arguments.origin) * arguments.speed
            words = "   ".join(one.show(load.get(one.name)) for one in objects)
            print(time.strftime("%a %H:%M:%S", time.gmtime(clock)), " ", words, flush=True)
            shown, shown_at = state, now
    finally:
        for process in pollers:
            process.terminate()
        for process in pollers:
            process.wait()


main()
