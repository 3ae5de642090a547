"""The plain gate: pass, fail or cannot tell, and silence never passes."""

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

import given
from pitstop.gate import Gate, Interval

QUICK = {"warmup_seconds": 2.0, "soak_seconds": 3.0, "deadline_seconds": 20.0}


def feed(gate, rate, seconds, rps=50):
    """Give the gate that much traffic; return the last verdict."""
    for second in range(seconds):
        verdict = gate.observe(Interval(float(second), rps, round(rps * rate)))
    return verdict


def baseline(rate, seconds=60, rps=50):
    """Return traffic before the deploy."""
    return [Interval(float(s), rps, round(rps * rate)) for s in range(seconds)]


def test_good_traffic_passes_after_the_soak_and_not_before():
    """No pass earlier."""
    gate = Gate(baseline(0.0), **QUICK)
    assert feed(gate, 0.0, 5).name == "pending"
    assert gate.observe(Interval(5.0, 50, 0)).name == "pass"


def test_errors_far_above_the_baseline_fail_early():
    """An outage is not soaked."""
    gate = Gate(baseline(0.0), **QUICK)
    assert feed(gate, 0.5, 4).name == "fail"


def test_the_warmup_is_not_judged():
    """A cold start may stumble."""
    gate = Gate(baseline(0.0), **QUICK)
    gate.observe(Interval(0.0, 50, 50))
    gate.observe(Interval(1.0, 50, 50))
    for second in range(2, 7):
        verdict = gate.observe(Interval(float(second), 50, 0))
    assert verdict.name == "pass"


def test_the_same_trouble_as_before_is_no_regression():
    """It is the repro that says whether the trouble is gone."""
    assert feed(Gate(baseline(0.2), **QUICK), 0.2, 10).name == "pass"


@settings(max_examples=50, deadline=None, derandomize=True)
@for_all(st.integers(0, 49), st.integers(1, 200))
def test_too_little_traffic_never_passes(requests, seconds):
    """No telemetry never means healthy, however long one waits."""
    gate = Gate(baseline(0.0), **QUICK)
    gate.observe(Interval(3.0, requests, 0))
    for second in range(seconds):
        verdict = gate.observe(Interval(3.0 + second, 0, 0))
    assert verdict.name in ("pending", "inconclusive")
    assert gate.close().name == "inconclusive"


def test_without_a_baseline_good_traffic_still_passes_and_bad_fails():
    """The tolerated rate stands in."""
    assert feed(Gate([], **QUICK), 0.0, 10).name == "pass"
    assert feed(Gate([], **QUICK), 0.1, 10).name == "fail"


def test_a_watching_gate_goes_on_after_a_pass():
    """A pass is not the end of the watch."""
    gate = Gate(baseline(0.0), **QUICK, watch=True)
    assert feed(gate, 0.0, 8).name == "pass"
    for second in range(8, 16):
        verdict = gate.observe(Interval(float(second), 50, 50))
    assert verdict.name == "fail"


def test_the_reason_holds_the_numbers():
    """People read it at 3 a.m."""
    assert given.settings().gate.min_requests == 50
    verdict = feed(Gate(baseline(0.1), **QUICK), 0.0, 10)
    assert verdict.reason == "errors are at 0.0 % of 200 requests against a baseline of 10.0 %"


@pytest.mark.parametrize(("before", "after"), [(0.5, 1.0), (0.3, 0.55), (0.1, 0.4), (0.0, 0.02)])
def test_a_baseline_raised_by_the_bug_does_not_excuse_an_outage(before, after):
    """Twice a bad rate is not a pass."""
    assert feed(Gate(baseline(before), **QUICK), after, 15).name == "fail"


@pytest.mark.parametrize(("before", "after"), [(0.1, 0.18), (0.5, 0.56)])
def test_somewhat_worse_than_before_is_for_a_person_to_decide(before, after):
    """Neither a pass nor a fail: inconclusive at the deadline."""
    assert feed(Gate(baseline(before), **QUICK), after, 40).name == "inconclusive"
