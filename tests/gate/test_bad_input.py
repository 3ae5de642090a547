"""Whatever is heard: a verdict comes out, the same for the same, and never on nothing."""

from __future__ import annotations

import tracemalloc
from math import inf, nan
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.streams import traffic
from pitstop.gate import Gate, Interval, confidence

odd = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(-5, 5), st.just(10**12))
intervals = st.builds(
    Interval,
    at=st.one_of(st.floats(-100, 900), st.sampled_from([nan, inf, -inf])),
    requests=st.integers(-3, 200),
    errors=st.integers(-3, 250),
    latencies_ms=st.lists(odd, max_size=8),
    buckets=st.lists(st.tuples(odd, st.integers(-2, 50)), max_size=4),
    clients=st.dictionaries(
        st.text(max_size=3), st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=3
    ),
    readings=st.dictionaries(st.sampled_from(["memory", "db.mean_ms"]), odd, max_size=2),
    users=st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(intervals, max_size=25), st.lists(intervals, max_size=25), st.booleans())
def test_nonsense_is_left_out_and_the_verdict_is_the_same_each_time(base, new, once):
    """Clocks that are wrong, seconds out of order, counts that cannot be."""

    def said():
        gate = Gate(base, once=once, deadline_seconds=100)
        return [(v.name, v.reason) for v in [*map(gate.observe, new), gate.close()]]

    first = said()
    assert first == said()
    assert {name for name, _ in first} <= {"pending", "pass", "fail", "inconclusive"}
    assert first[-1][0] != "pending"


@given(st.lists(st.floats(0, 5000), max_size=50))
def test_silence_alone_is_never_a_pass_and_never_a_fail(moments):
    """Whatever the clock does meanwhile."""
    gate = Gate(traffic(Random(1), 60, latency=False))
    names = {gate.observe(Interval(at, 0, 0)).name for at in moments} | {gate.close().name}
    assert names <= {"pending", "inconclusive"}


def test_a_baseline_of_nothing_leaves_what_is_absolute():
    """Nobody accepts a tenth of all requests failing; a good service needs time, and passes."""
    rng = Random(1)
    bad, good = Gate([]), Gate([])
    bad_names = [bad.observe(o).name for o in traffic(rng, 60, errors=0.3, latency=False)]
    good_names = [good.observe(o).name for o in traffic(rng, 90, errors=0.0, latency=False)]
    assert (bad_names[-1], good_names[-1]) == ("fail", "pass")
    assert "there is no baseline" in good.close().reason


def test_a_baseline_without_an_error_is_no_trap():
    """One error after none is no ratio of infinity."""
    rng = Random(1)
    gate = Gate(traffic(rng, 600, errors=0.0, latency=False))
    names = {gate.observe(one).name for one in traffic(rng, 120, errors=0.0008, latency=False)}
    assert "fail" not in names


def test_what_made_no_sense_is_counted_and_said():
    """It may be the log's format, so it is not hidden."""
    gate = Gate([])
    gate.observe(Interval(40.0, 3, 7))
    gate.observe(Interval(41.0, 1, 0, [nan, -4.0, 1e12, 5.0]))
    assert gate.close().evidence["left_out"] == 4
    assert "4 measurements made no sense" in gate.close().reason


@given(st.integers(0, 400), st.integers(1, 400))
def test_an_interval_holds_what_was_seen(events, more):
    """And narrows with more of the same."""
    n = events + more
    low, high = confidence(events, n)
    assert 0 <= low <= events / n <= high <= 1
    wide_low, wide_high = confidence(events / 4, n / 4)
    assert wide_low <= low + 1e-9
    assert wide_high >= high - 1e-9


def test_memory_of_the_gate_does_not_grow():
    """What was heard leaves counts, not latencies; the benchmark shows it for longer."""
    rng = Random(1)
    gate, second = Gate(traffic(rng, 60), watch=True, deadline_seconds=inf), traffic(rng, 1)[0]
    held = []
    tracemalloc.start()
    for at in range(400):
        gate.observe(Interval(float(at), 1000, 1, list(second.latencies_ms)[:20]))
        if at in (100, 399):
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[1] - held[0] < 100_000
