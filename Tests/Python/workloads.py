"""Many workloads for a host of its own: recorded loads, and the configuration that plays them."""

import math
import random

STEP = 60
SERVICES = [
    "checkout", "search", "cart", "payments", "catalog", "login", "profile", "orders", "pricing", "images", "reviews",
    "shipping", "emails", "reports", "gateway", "inventory", "recommend", "sessions", "webhooks", "invoices",
]


def write(folder, count, *, model, window, points, courses=40, seed=7):
    """Writes `kedastral.yaml` and the loads it names into `folder`, where a host must run; returns the file's path."""
    random.seed(seed)
    for course in range(courses):
        scale, phase, peaks = random.uniform(60, 900), random.uniform(0, math.tau), random.choice([1, 2, 3])
        lines = ["timestamp,value"]
        for point in range(points):
            day = point * STEP / 86400 * math.tau
            load = 1 + 0.55 * math.sin(day + phase) + 0.18 * math.sin(peaks * 4 * day + phase)
            spike = 0.9 * max(0, math.sin(day * 24 + phase)) ** 24
            lines.append(f"{1_700_000_040 + point * STEP},{max(0, scale * (load + spike) * random.gauss(1, 0.03)):.2f}")
        (folder / f"load-{course}.csv").write_text("\n".join(lines) + "\n")
    text = [
        "log: {level: warn}", "defaults:", "  metric: requests per second", f"  model: {model}", f"  window: {window}",
        "  interval: 30s", "  horizon: 30m", "  source: {type: csv}", "workloads:",
    ]
    for index in range(count):
        name = f"{SERVICES[index % len(SERVICES)]}-{index // len(SERVICES):04d}"
        text += [
            f"  - name: {name}", f"    source: {{path: load-{index % courses}.csv}}",
            "    policy: {targetPerPod: 40, headroom: 1.2, min: 2, max: 80}",
        ]
    path = folder / "kedastral.yaml"
    path.write_text("\n".join(text) + "\n")
    return path
