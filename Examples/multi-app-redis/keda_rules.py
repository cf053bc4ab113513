"""The rules by which KEDA and the HorizontalPodAutoscaler (HPA) act on what the triggers of one ScaledObject answer.

Nothing here makes a call or reads a clock: answers and times go in, replicas and waits come out. The rules are those of KEDA's
sources (pkg/scaling, pkg/fallback, pkg/scalers/external_scaler.go, controllers/keda/hpa.go) and of the HPA's calculator.
"""
import dataclasses
import math

TOLERANCE = 0.1


class Backoff:
    """A wait that doubles each time it is used, up to a limit."""

    def __init__(self, first, most):
        self.first, self.most, self.current = first, most, first

    def next(self):
        wait = self.current
        self.current = min(2 * wait, self.most)
        return wait

    def reset(self):
        self.current = self.first


class PushStream:
    """When KEDA opens the stream of an external-push trigger again: only an end with OK makes the wait short."""

    def __init__(self):
        self.backoff = Backoff(2, 60)

    def ended(self, is_ok):
        """The seconds until it is opened again."""
        if is_ok:
            self.backoff.reset()
        return self.backoff.next()


@dataclasses.dataclass(frozen=True)
class Number:
    """A value or a target: the integer field of the message, and the floating-point field."""

    integer: int
    float: float = 0.0

    def thousandths(self, reads_fractions):
        """What KEDA reads of it: before version 2.17 the integer alone."""
        return int(1000 * (self.float if reads_fractions and self.float > 0 else self.integer))


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a trigger answers: a target (none when GetMetricSpec fails) and a value (none when GetMetrics fails)."""

    target: Number | None = None
    value: Number | None = None
    is_active: bool = False


@dataclasses.dataclass
class Fallback:
    """The ScaledObject's fallback, with the behavior currentReplicasIfHigher: it acts after more than `threshold` failures."""

    replicas: int
    threshold: int = 3


class ScaledObject:
    """What KEDA and the HPA make of a ScaledObject's triggers."""

    def __init__(self, minimum=1, maximum=100, fallback=None, reads_fractions=True, fallback_starts_from_zero=True):
        self.minimum, self.maximum, self.fallback = minimum, maximum, fallback
        # From KEDA 2.17 on, and from 2.19 on.
        self.reads_fractions, self.fallback_starts_from_zero = reads_fractions, fallback_starts_from_zero
        self.replicas = minimum
        # The HPA's targets in thousandths, by trigger; None until it is made.
        self.targets = None
        self.next_reconciliation = 0.0
        self.failures = {}
        self.is_falling_back = False
        self._backoff = Backoff(0.005, 1000)

    def reconcile(self, answers, now):
        """Makes the HPA of the targets that there are. Without any, there is no HPA, and the next try is later each time."""
        if all(answer.target is None for answer in answers):
            self.next_reconciliation = now + self._backoff.next()
            return
        self.targets = [answer.target and answer.target.thousandths(self.reads_fractions) for answer in answers]
        self._backoff.reset()

    def observe(self, answers, now):
        """A round of calls: the replicas that the workload has after it; None while there is no HPA."""
        if self.targets is None and now >= self.next_reconciliation:
            self.reconcile(answers, now)
        if self.targets is None:
            return None
        values, is_active, has_error = self._values(answers)
        if self.replicas == 0:
            # The HPA is off.
            self.replicas = max(1, self.minimum) if is_active else 0
        elif not is_active and not has_error and self.minimum == 0:
            self.replicas = 0
        else:
            self.replicas = self._wanted(values)
        return self.replicas

    def _values(self, answers):
        """The values by trigger in thousandths (None: KEDA answers with an error), whether any is active, and whether any fails."""
        values, is_active, has_error, self.is_falling_back = [], False, False, False
        lacks_target = any(answer.target is None for answer in answers)
        for trigger, answer in enumerate(answers):
            value = None
            if answer.target is None:
                # Not counted as a failure, so no fallback comes of it.
                has_error = True
            elif answer.value is not None:
                self.failures[trigger] = 0
                # While a trigger has no specification, KEDA answers with an error for the metrics of all others.
                value = None if lacks_target else answer.value.thousandths(self.reads_fractions)
                is_active = is_active or answer.is_active
            else:
                self.failures[trigger] = self.failures.get(trigger, 0) + 1
                if self.fallback and self.failures[trigger] > self.fallback.threshold:
                    self.is_falling_back = True
                    is_active = is_active or self.fallback_starts_from_zero
                    value = answer.target.thousandths(self.reads_fractions) * max(self.fallback.replicas, self.replicas)
                else:
                    has_error = True
            values.append(value)
        return values, is_active, has_error

    def _wanted(self, values):
        """The most that a metric asks for; one that fails keeps the HPA from scaling down."""
        proposals, lacks_one = [], False
        for target, value in zip(self.targets, values):
            if not target:
                continue
            if value is None:
                lacks_one = True
                continue
            within = abs(value / (target * self.replicas) - 1) <= TOLERANCE
            proposals.append(self.replicas if within else math.ceil(value / target))
        if not proposals or (lacks_one and max(proposals) < self.replicas):
            return self.replicas
        return min(max(max(proposals), self.minimum, 1), self.maximum)
