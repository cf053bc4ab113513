"""Weeks of samples of many workloads as OpenMetrics, for surveys and calibrations: survey_data.py <workloads> <days> <step seconds> [<end>].

Each is a gauge `load{app="…"}` of one of six kinds: business hours, smooth days, weekends, hourly jobs, random bursts, and a nearly
constant load. The same arguments give the same samples. `pods`, `cpu` and `latency` belong to the first of them.
"""
import math
import random
import sys
import time

KINDS = ("office", "smooth", "weekend", "hourly", "bursts", "level")


def load(kind, second, size, shift, noise, burst):
    day = (second + shift) % 86_400 / 86_400
    weekday = (second // 86_400 + 4) % 7
    wave = 0.5 - 0.5 * math.cos(2 * math.pi * day)
    match kind:
        case "office":
            value = 0.1 + (1 if 0.33 < day < 0.72 else 0) * (0.15 if weekday > 4 else 1)
        case "smooth":
            value = 0.15 + 0.85 * wave
        case "weekend":
            value = 0.2 + wave * (1 if weekday > 4 else 0.45)
        case "hourly":
            value = 0.3 + 0.3 * wave + (0.5 if second % 3600 < 480 else 0)
        case "bursts":
            value = 0.25 + burst
        case _:
            value = 0.9
    return size * value * (1 + 0.04 * noise)


def main():
    count, days, step = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    end = int(sys.argv[4]) if len(sys.argv) > 4 else int(time.time()) // step * step
    begin = end - int(days * 86_400)
    write = sys.stdout.write
    first = []
    write("# TYPE load gauge\n")
    for number in range(count):
        generator = random.Random(number)
        kind = KINDS[number % len(KINDS)]
        size, shift, burst = 50 * 2 ** generator.uniform(0, 5), generator.randrange(0, 4 * 3600), 0
        name = f'{kind}-{number // len(KINDS) + 1}'
        for second in range(begin, end + 1, step):
            burst *= 0.5 ** (step / 240)
            if generator.random() < step / 50_000:
                burst = generator.uniform(0.3, 1)
            value = load(kind, second, size, shift, generator.gauss(0, 1), burst)
            if number == 0:
                first.append((second, value))
            write(f'load{{app="{name}"}} {value:.3f} {second}\n')
    generator = random.Random(-1)
    pods = [max(2, round(value / 12 * generator.uniform(0.75, 1.4))) for _, value in first]
    for metric, figure in (
        ("pods", lambda value, running: running), ("cpu", lambda value, running: 0.05 + 0.033 * value / running),
        ("latency", lambda value, running: 0.04 / max(0.05, 1 - value / running / 32)),
    ):
        write(f"# TYPE {metric} gauge\n")
        for (second, value), running in zip(first, pods):
            noise = 1 if metric == "pods" else 1 + 0.05 * generator.gauss(0, 1)
            write(f'{metric}{{app="office-1"}} {figure(value, running) * noise:.4f} {second}\n')
    write("# EOF\n")


main()
