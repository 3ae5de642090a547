"""The gate: every metric counted, one verdict, at any moment.

*fail*: the weighted mean of the e-values against "still acceptable" is so large that it happens in
one of a hundred acceptable deployments at most, however often one looks. *pass*: for each required
metric, "unacceptable" is ruled out at 5 %, after the soak, with traffic still coming in, and with
nothing that leans the other way. *inconclusive*: neither, at the deadline. Formulas and sources:
docs/reference/gate.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import exp, log
from typing import Any

from pitstop.gate import words
from pitstop.gate.clean import clean
from pitstop.gate.clients import Clients, told_apart, units
from pitstop.gate.database import Database
from pitstop.gate.dispersion import dispersion
from pitstop.gate.errors import NAME, errors
from pitstop.gate.evidence import DOWN, UP, known, weighted
from pitstop.gate.histogram import Histogram
from pitstop.gate.latency import QUANTILES, Latency
from pitstop.gate.measure import Interval
from pitstop.gate.memory import Memory
from pitstop.gate.metric import Against, Metric
from pitstop.gate.restarts import Restarts, beginnings
from pitstop.gate.tolerance import HALF, TOLERANCES, Tolerance
from pitstop.gate.verdict import Verdict

FAIL = log(1 / 0.009)  # with the 0.001 of memory: one in a hundred
PASS = log(20)  # one in twenty
LEANS = log(10)  # with such odds of harm nothing passes
FEWEST = 3  # events; fewer have a name each, and are looked at by a person
SILENCE = 10.0  # seconds, or as long as ten requests take as a rule
_WEIGHTS = {"errors": 0.4, "latency": 0.4, "database": 0.1, "starting": 0.05, "probes": 0.05}
_STARTING = 0.05  # more errors than before that a start may bring
_BURSTY = 1.5  # phi from which clients are counted in place of requests
_SHARE = 0.2  # of the traffic to be expected; with less, what is missing may be what fails
_SOON = 600.0  # seconds in which a verdict is wanted


class Gate:
    """Judge a deployment interval by interval; times in seconds, rates from 0 to 1.

    ``baseline``: traffic of before the deploy. ``warmup_seconds``: not judged but for errors beyond
    what a start may bring; ``soak_seconds`` and ``deadline_seconds`` count from its end. ``watch``:
    go on after a pass. ``passed``: it was judged good before, so only harm and silence are looked for.
    ``once``: a second that comes again is a duplicate; without it, parts of a
    second are added up. ``cure``: metrics ("errors") of which as bad as before is not good enough.
    ``memory_limit_bytes``: what the service may hold. ``seed``: breaks ties, nothing else.
    """

    def __init__(
        self,
        baseline: Sequence[Interval],
        *,
        warmup_seconds: float = 30.0,
        soak_seconds: float = 30.0,
        deadline_seconds: float = 600.0,
        watch: bool = False,
        passed: bool = False,
        min_requests: int = 50,
        once: bool = True,
        tolerance: Tolerance = TOLERANCES["normal"],
        cure: Collection[str] = (),
        memory_block_seconds: float = 20.0,
        memory_limit_bytes: float | None = None,
        seed: str = "",
    ) -> None:
        self._warmup, self._soak, self._deadline = warmup_seconds, soak_seconds, deadline_seconds
        self._watch, self._min_requests, self._once = watch, min_requests, once
        self._tolerance = tolerance
        cleaned = [clean(one) for one in baseline]
        whole = [one for one, _ in cleaned]
        self._left_out = sum(odd for _, odd in cleaned)
        users = [one for one in whole if one.users and one.requests]
        self._before = sum(o.errors for o in users), sum(o.requests for o in users)
        self._rate = _per_second(users)
        self._build(whole, users, cure)
        self._memory = Memory(
            whole, block_seconds=memory_block_seconds, limit_bytes=memory_limit_bytes, seed=seed
        )
        self._requests = self._errors = 0
        self._at = 0.0
        self._heard: float | None = None  # the newest second of users' traffic
        self._beside = False
        self._seen: set[float] = set()
        self._ended: Verdict | None = None
        self._passed = passed

    # What there is to judge

    def _build(
        self, whole: Sequence[Interval], users: Sequence[Interval], cure: Collection[str]
    ) -> None:
        expected = self._rate * min(self._deadline, _SOON)
        self._latency = Latency(users, self._tolerance, _WEIGHTS["latency"], expected)
        self._histogram = Histogram(
            [] if self._latency.metrics else users, self._tolerance, _WEIGHTS["latency"], expected
        )
        self._database = Database(whole, _WEIGHTS["database"])
        self._cured = NAME in cure
        self._errors_metric, self._clients = self._counted_errors(users)
        rate = self._before[0] / self._before[1] if self._before[1] else 0.0
        self._starting = _absolute("starting", min(rate + _STARTING, HALF))
        self._probes = _absolute("probes", _STARTING, self._tolerance.unacceptable_rate)
        self._metrics = [
            self._errors_metric,
            *self._latency.metrics,
            *self._histogram.metrics,
            *self._database.metrics,
        ]

    def _counted_errors(self, users: Sequence[Interval]) -> tuple[Metric, Clients | None]:
        """Return the metric of errors, and who counts clients where those are the unit."""
        seconds = [(one.at, float(one.errors), float(one.requests)) for one in users]
        weight = _WEIGHTS["errors"]
        if told_apart(users) and dispersion(seconds) > _BURSTY:
            counted = units(users)
            per_unit = self._before[1] / max(sum(one[2] for one in counted), 1.0)
            metric = errors(
                counted, self._tolerance, weight, cured=self._cured, per_unit=max(per_unit, 1.0)
            )
            return metric, Clients()
        return errors(seconds, self._tolerance, weight, cured=self._cured), None

    # What is heard

    def observe(self, interval: Interval, beside: Interval | None = None) -> Verdict:
        """Take in one interval and return the verdict so far; a fail, or a pass, is final.

        ``beside``: what another version met in the same second; the two are then compared.
        """
        if self._ended:
            return self._ended
        one, odd = clean(interval)
        self._left_out += odd
        self._pass_time(one.at)
        if not self._again(one):
            self._count(one, clean(beside)[0] if beside else None)
        verdict = self._judge()
        if self._is_last(verdict.name):
            self._ended = verdict
        return verdict

    def close(self) -> Verdict:
        """Return the last word when no more traffic will be heard."""
        if self._ended:
            return self._ended
        verdict = self._judge()
        return verdict if verdict.name != "pending" else self._verdict("inconclusive")

    def _pass_time(self, at: float) -> None:
        if at > self._at:
            for number in beginnings(self._at, at):
                for metric in self._metrics:
                    metric.begin(number)
            self._at = at

    def _again(self, one: Interval) -> bool:
        """Return whether this second was heard before, where each comes once."""
        if not self._once or not (one.requests or one.readings):
            return False
        known, key = one.at in self._seen, one.at
        self._seen.add(key)
        return known

    def _count(self, one: Interval, beside: Interval | None) -> None:
        if one.at < 0:
            return  # of before the deploy
        if one.at >= self._warmup:
            self._memory.count(one)  # what fills up as it starts is no leak
        if not one.users:
            self._probes.count(one.errors, one.errors, one.requests)
            return
        if one.requests:
            self._heard = max(self._heard or 0.0, one.at)
        if one.at < self._warmup:
            self._starting.count(one.errors, one.errors, one.requests)
            return
        self._requests += one.requests
        self._errors += one.errors
        self._database.count(one.readings)
        self._count_errors(one, beside)
        self._latency.count(one.latencies_ms, beside.latencies_ms if beside else None)
        self._histogram.count(one)

    def _count_errors(self, one: Interval, beside: Interval | None) -> None:
        metric, failed, n = self._errors_metric, one.errors, one.requests
        if self._clients and n:
            failed, n = self._clients.count(one)
        metric.count(failed, failed, n)
        if beside is not None:
            self._beside = True
            metric.compare(one.errors, one.errors, one.requests, beside.errors, beside.requests)

    # What it comes to

    def _judge(self) -> Verdict:
        if blame := self._worse():
            return self._verdict("fail", blame)
        if self._memory.leaks():
            return self._verdict("fail", "memory")
        judged_for = self._at - self._warmup
        if judged_for >= self._soak and not self._needs():
            self._passed = True
            return self._verdict("pass")
        if judged_for >= self._soak and self._by_probes():
            return self._verdict("pass", "probes")
        if judged_for >= self._deadline and not self._watch:
            return self._verdict("inconclusive")
        return self._verdict("pending")

    def _is_last(self, name: str) -> bool:
        """Return whether nothing will be judged after this."""
        return name in ("fail", "inconclusive") or (name == "pass" and not self._watch)

    def _log_harm(self) -> float:
        judged = [(metric.weight, metric.log_worse()) for metric in self._all()]
        return weighted([*judged, (1 - sum(weight for weight, _ in judged), 0.0)])

    def _all(self) -> list[Metric]:
        return [*self._metrics, self._starting, self._probes]

    def _worse(self) -> str | None:
        """Return the metric to blame, once there is enough evidence of harm."""
        if self._log_harm() < FAIL:
            return None
        blamed = max(self._all(), key=lambda one: log(one.weight) + one.log_worse())
        return blamed.name if blamed.events >= FEWEST else None

    def _needs(self) -> list[str]:
        """Return what is missing for a pass, a clause each."""
        if self._requests < self._min_requests:
            return [words.too_few(self._requests, self._min_requests)]
        found = [*self._gaps()]
        if self._log_harm() >= LEANS:
            blamed = max(self._all(), key=lambda one: log(one.weight) + one.log_worse())
            found.append(words.suspicious(blamed.name, self._described(blamed)))
        if self._passed:
            return found  # what was shown once stays shown
        return found + [
            words.more(one.name, *self._more(one))
            for one in self._metrics
            if one.required and one.log_better() < PASS
        ]

    def _gaps(self) -> list[str]:
        """Return what speaks for missing telemetry."""
        silence = self._at - (self._heard or 0.0)
        if silence > max(SILENCE, 10 / self._rate if self._rate else 0.0):
            return [words.silent(silence)]
        expected = self._rate * (self._at - self._warmup)
        if not self._beside and expected >= 50 and self._requests < _SHARE * expected:
            return [words.thin(self._requests, expected)]
        return []

    def _more(self, metric: Metric) -> tuple[float | None, float | None]:
        """Return how many more requests, and seconds, a metric needs as things go."""
        shown = metric.log_better()
        if shown <= 0 or not metric.observed:
            return None, None
        missing = (PASS - shown) * metric.observed / shown
        per_second = self._requests / max(self._at - self._warmup, 1.0)
        return missing, missing / per_second if per_second else None

    def _by_probes(self) -> bool:
        """Return whether probes have shown what users are too few to show in time."""
        wanted = (PASS + log(4)) / self._tolerance.unacceptable_rate
        if self._rate * min(self._deadline, _SOON) >= wanted or self._log_harm() >= LEANS:
            return False
        return self._probes.observed >= self._min_requests and self._probes.log_better() >= PASS

    def _verdict(self, name: str, blame: str | None = None) -> Verdict:
        harm, described = (
            self._log_harm(),
            {one.name: self._described(one, whole=self._is_last(name)) for one in self._all()},
        )
        described["memory"] = self._memory.described()
        needs = self._needs() if name in ("pending", "inconclusive") else []
        x0, n0 = self._before
        evidence: dict[str, Any] = {
            "metrics": {key: one for key, one in described.items() if one["n"]},
            "odds": exp(min(harm, 600.0)),
            "to_fail": min(max(harm / FAIL, 0.0), 1.0),
            "to_pass": self._to_pass(),
            "blame": blame or max(self._all(), key=lambda one: one.log_worse()).name,
            "at": self._at,
            "left_out": self._left_out,
            "needs": needs,
            "beside": self._beside,
        }
        return Verdict(
            name,
            self._reason(name, blame, described, needs),
            self._requests,
            self._errors,
            self._errors / self._requests if self._requests else None,
            x0 / n0 if n0 else None,
            n0,
            evidence,
        )

    def _reason(
        self, name: str, blame: str | None, described: dict[str, dict[str, Any]], needs: list[str]
    ) -> str:
        found = described[NAME]
        if name == "fail":
            if blame == NAME and self._cured and found["rate"] <= (found["baseline_rate"] or 0.0):
                return words.not_cured(found)
            return words.failed(blame or NAME, described[blame or NAME])
        if name == "pass":
            if blame == "probes":
                return words.passed(described["probes"], [], probes=True)
            slow = [one.name for one in self._metrics if one.required and one.name in QUANTILES]
            return words.passed(found, slow)
        said = words.missing(needs or [words.compared(NAME, found, "are at")])
        if name == "inconclusive" and self._left_out:
            said = f"{said}; {words.left_out(self._left_out)}"
        return said

    def _described(self, metric: Metric, *, whole: bool = False) -> dict[str, Any]:
        unit = "clients" if metric is self._errors_metric and self._clients else "requests"
        return metric.described(whole=whole) | {"unit": unit}

    def _to_pass(self) -> float:
        """Return how far a pass has come, 0 to 1."""
        if self._passed:
            return 1.0
        parts = [one.log_better() / PASS for one in self._metrics if one.required]
        parts.append((self._at - self._warmup) / self._soak if self._soak else 1.0)
        parts.append(self._requests / self._min_requests)
        return min(max(min(parts), 0.0), 1.0)


def _absolute(name: str, acceptable: float, unacceptable: float | None = None) -> Metric:
    """Return a metric that is compared with a rate, and with no baseline."""
    better = Against(floor=Restarts(known(unacceptable, DOWN))) if unacceptable else Against()
    return Metric(name, _WEIGHTS[name], Against(floor=Restarts(known(acceptable, UP))), better)


def _per_second(users: Sequence[Interval]) -> float:
    """Return how many requests a second the baseline had."""
    if len(users) < 2:
        return 0.0
    span = max(one.at for one in users) - min(one.at for one in users) + 1.0
    return sum(one.requests for one in users) / span
