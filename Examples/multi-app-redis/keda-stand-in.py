#!/usr/bin/env python3
"""Stands in for KEDA and the HPA: asks the scaler as KEDA does, and prints the replicas that each HPA would want.

    keda-stand-in.py 127.0.0.1:50051 --interval 15 api-app:max=20,fallback=6 worker-app:max=15,fallback=4

A poll is GetMetrics and IsActive; the wish is value / target, rounded up, between 1 and max. Three polls without a value, and
the fallback holds: that many replicas, or as many as there are when that is more.
"""
import argparse
import json
import math
import signal
import sys
import time
import urllib.parse
import urllib.request

import externalscaler_pb2 as messages
import externalscaler_pb2_grpc as stubs
import grpc

FAILURE_THRESHOLD = 3


class ScaledObject:
    """One workload, its trigger's metadata, and what its HPA wants."""

    def __init__(self, text):
        self.name, _, settings = text.partition(":")
        pairs = dict(pair.split("=", 1) for pair in settings.split(",") if pair)
        self.maximum = int(pairs.pop("max", 100))
        self.fallback = int(pairs.pop("fallback", 1))
        metadata = {"workload": self.name, **pairs}
        self.reference = messages.ScaledObjectRef(name=self.name, namespace="default", scalerMetadata=metadata)
        self.wish = 1
        self.failures = 0

    def poll(self, scaler, timeout):
        """One poll of KEDA; returns what to print."""
        try:
            spec = scaler.GetMetricSpec(self.reference, timeout=timeout).metricSpecs[0]
            request = messages.GetMetricsRequest(scaledObjectRef=self.reference, metricName=spec.metricName)
            metric = scaler.GetMetrics(request, timeout=timeout).metricValues[0]
            active = scaler.IsActive(self.reference, timeout=timeout).result
        except grpc.RpcError as error:
            self.failures += 1
            if self.failures >= FAILURE_THRESHOLD:
                self.wish = max(self.wish, self.fallback)
                return f"{self.name} {self.wish} (fallback: {error.code().name}, {error.details()})"
            return f"{self.name} {self.wish} (as before: {error.code().name}, {error.details()})"
        self.failures = 0
        value = metric.metricValueFloat or metric.metricValue
        target = spec.targetSizeFloat or spec.targetSize
        self.wish = max(1, min(self.maximum, math.ceil(value / target - 1e-9)))
        return f"{self.name} {self.wish}" + ("" if active else " (not active)")

    def show(self, text, load):
        return text + (f" at {load:.0f} requests/s" if load is not None else "")


def loads(prometheus, window):
    """Requests a second by application, as Prometheus sees them now; nothing while it cannot be asked."""
    query = urllib.parse.urlencode({"query": f"sum by (app) (rate(api_requests_total[{window}]))"})
    try:
        with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}", timeout=2) as answer:
            series = json.load(answer)["data"]["result"]
        return {one["metric"]["app"]: float(one["value"][1]) for one in series}
    except (OSError, ValueError, KeyError):
        return {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("objects", nargs="+", metavar="WORKLOAD[:KEY=VALUE,...]", help="max, fallback, trigger metadata")
    parser.add_argument("--interval", type=float, default=15, help="seconds between polls (default 15)")
    parser.add_argument("--prometheus", metavar="URL", help="show the load beside the wishes, as this Prometheus sees it")
    parser.add_argument("--rate-window", default="1m", help="window of the rate that is the load (default 1m)")
    parser.add_argument("--quiet", type=float, default=0, help="seconds without a line while no wish changes")
    parser.add_argument("--speed", type=float, default=1, help="what the course of load runs at, for the clock shown")
    parser.add_argument("--origin", type=float, help="when the course's clock showed --start, in seconds since 1970")
    parser.add_argument("--start", type=float, help="what it showed then, in seconds since 1970")
    arguments = parser.parse_args()
    objects = [ScaledObject(text) for text in arguments.objects]
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: sys.exit(0))
    scaler = stubs.ExternalScalerStub(grpc.insecure_channel(arguments.address))
    last, printed = None, 0
    while True:
        now = time.time()
        shown = now
        if arguments.origin is not None and arguments.start is not None:
            shown = arguments.start + (now - arguments.origin) * arguments.speed
        wishes = [scaled.poll(scaler, timeout=max(1, arguments.interval)) for scaled in objects]
        if wishes != last or now >= printed + arguments.quiet:
            load = loads(arguments.prometheus, arguments.rate_window) if arguments.prometheus else {}
            line = "   ".join(one.show(text, load.get(one.name)) for one, text in zip(objects, wishes))
            print(time.strftime("%a %H:%M:%S", time.gmtime(shown)), " ", line, flush=True)
            last, printed = wishes, now
        time.sleep(max(0, now + arguments.interval - time.time()))


main()
