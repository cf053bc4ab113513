"""KEDA's rules as the example's stand-in applies them, and the stand-in itself beside the real scaler."""
import json
import re
import subprocess
import sys
import time

import pytest
from cluster import EXAMPLE, PROGRAMS, ROOT

sys.path[:0] = [str(EXAMPLE), str(ROOT / "Tests/DocumentTests")]
from keda_rules import Answer, Backoff, Fallback, Number, PushStream, ScaledObject  # noqa: E402
from programs import Program, eventually, free_port  # noqa: E402

NO_SPECIFICATION = Answer()
FAILED = Answer(Number(1))


def value(number, target=1, is_active=True):
    return Answer(Number(target), Number(number), is_active)


def replicas(one, *rounds):
    """The replicas after each round, one each 15 s."""
    return [one.observe(answers, 15.0 * index) for index, answers in enumerate(rounds)]


def test_a_back_off_doubles_up_to_its_limit():
    backoff = Backoff(0.005, 1000)
    waits = [backoff.next() for _ in range(20)]
    assert waits[:3] == [0.005, 0.01, 0.02] and waits[-2:] == [1000, 1000]
    backoff.reset()
    assert backoff.next() == 0.005


def test_only_an_end_with_ok_makes_the_wait_of_a_stream_short():
    stream = PushStream()
    assert [stream.ended(is_ok=False) for _ in range(7)] == [2, 4, 8, 16, 32, 60, 60]
    assert [stream.ended(is_ok) for is_ok in (True, False, True)] == [2, 4, 2]


def test_without_a_specification_the_hpa_comes_late():
    """A specification that is there after 175 s is read at the try after 328 s, 153 s late."""
    one, now = ScaledObject(), 0.0
    while now < 175:
        assert one.observe([NO_SPECIFICATION], now) is None
        now = one.next_reconciliation
    assert now == pytest.approx(327.675)
    assert one.observe([value(9)], now - 1) is None
    assert one.observe([value(9)], now) == 9


def test_the_fallback_acts_after_more_failures_than_the_threshold():
    one = ScaledObject(fallback=Fallback(6))
    assert replicas(one, [value(2)], *[[FAILED]] * 5) == [2, 2, 2, 2, 6, 6]
    assert replicas(one, [value(3)], [FAILED]) == [3, 3]


def test_the_fallback_takes_no_pods_away():
    one = ScaledObject(fallback=Fallback(6))
    assert replicas(one, [value(9)], *[[FAILED]] * 5) == [9] * 6


def test_without_a_specification_there_is_no_fallback_and_one_that_acts_ends():
    one = ScaledObject(fallback=Fallback(6))
    assert replicas(one, [value(2)], *[[NO_SPECIFICATION]] * 20) == [2] * 21
    replicas(one, *[[FAILED]] * 4)
    assert one.is_falling_back
    replicas(one, [NO_SPECIFICATION])
    assert not one.is_falling_back


def test_a_trigger_without_a_specification_takes_the_others_with_it():
    one = ScaledObject()
    assert replicas(one, [value(1), value(1)]) == [1]
    assert replicas(one, *[[NO_SPECIFICATION, value(9)]] * 3) == [1, 1, 1]
    assert replicas(one, [FAILED, value(9)]) == [9]


def test_what_fails_keeps_the_hpa_from_scaling_down():
    one = ScaledObject()
    assert replicas(one, [value(1), value(9)], [FAILED, value(2)], [value(1), value(2)]) == [9, 9, 2]


def test_the_hpa_is_made_without_the_metric_that_has_no_specification_yet():
    one = ScaledObject()
    assert replicas(one, [NO_SPECIFICATION, value(3)], [value(20), value(3)]) == [1, 3]
    one.reconcile([value(20), value(3)], 0)
    assert replicas(one, [value(20), value(3)]) == [20]


def test_the_target_is_read_once():
    one = ScaledObject()
    assert replicas(one, [value(500, 50)], [value(500, 25)]) == [10, 10]
    one.reconcile([value(500, 25)], 0)
    assert replicas(one, [value(500, 25)]) == [20]


@pytest.mark.parametrize("reads_fractions,expected", [(True, 5), (False, 7)])
def test_the_fields_that_a_version_reads(reads_fractions, expected):
    one = ScaledObject(reads_fractions=reads_fractions)
    assert replicas(one, [Answer(Number(1, 1.5), Number(7, 7.5), True)]) == [expected]


@pytest.mark.parametrize("starts,expected", [(True, 1), (False, 0)])
def test_from_zero_the_fallback_starts_the_first_replica_from_2_19_on(starts, expected):
    one = ScaledObject(minimum=0, fallback=Fallback(6), fallback_starts_from_zero=starts)
    assert replicas(one, *[[FAILED]] * 4)[-1] == expected
    assert replicas(one, [value(3)], [value(3)], [value(0, is_active=False)]) == [3 if starts else 1, 3, 0]


def test_the_stand_in_beside_the_real_scaler(tmp_path):
    """The plan of one workload, the fallback of a dry run, and another trigger beside it, by KEDA's clock 75 times as fast."""
    rows = "\n".join(f"{1_699_999_980 + 60 * minute},300" for minute in range(3000))
    (tmp_path / "load.csv").write_text(f"timestamp,value\n{rows}\n")
    (tmp_path / "kedastral.yaml").write_text(f"""
defaults:
  metric: rps
  source: {{type: csv, path: {tmp_path}/load.csv}}
  model: baseline
  interval: 1s
  window: 1d
  policy: {{targetPerPod: 100, headroom: 1}}
workloads:
  - {{name: api}}
  - {{name: dry, dryRun: true}}
  - {{name: both, dryRun: true}}
""")
    http, grpc = free_port(), free_port()
    kedastral = [PROGRAMS / "kedastral", "run", "-config", tmp_path / "kedastral.yaml", "-listen", f"127.0.0.1:{http}",
                 "-scaler-listen", f"127.0.0.1:{grpc}"]
    with Program(*kedastral) as scaler:
        query = [PROGRAMS / "kedastral", "query", f"127.0.0.1:{grpc}", "-workload", "api", "-o", "json"]
        answered = lambda: json.loads(subprocess.run(query, capture_output=True, text=True, timeout=20).stdout)  # noqa: E731
        eventually(lambda: answered()["metrics"][0]["value"] == 3, scaler)
        stand_in = [EXAMPLE / "keda-stand-in.py", PROGRAMS / "kedastral", f"127.0.0.1:{grpc}", "--interval", "0.2",
                    "api:max=2", "dry:max=20,fallback=7", "both:other=9", "nobody:fallback=5"]
        with Program(*stand_in) as keda:
            line = keda.wait_for(r"api 2 .*dry 7 \(fallback: FAILED_PRECONDITION.*both 9 .*nobody 5 \(fallback: NOT_FOUND")
            assert line, keda.output
            assert not re.search("Traceback", keda.output)
            started = time.monotonic()
            keda.end()
            assert time.monotonic() - started < 5
