"""The rules the gate is measured against do what was published of them, also where they fail."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.gate import oracle
from benchmarks.gate.deploys import Deploy, deploy
from benchmarks.gate.hearing import Heard
from benchmarks.gate.judging import pitstop
from benchmarks.gate.peers import advancing, cusum, rank_test, shifted_up, thresholds
from benchmarks.gate.scenarios import BROKEN, HARD_OF_HEARING, HEALTHY, WARM_UP

from pitstop.gate import Interval

NAMED = {one.name: one for one in (*HEALTHY, *BROKEN, *HARD_OF_HEARING)}
ONES = [1.0] * 10


def failing(*shares: float, base: float = 0.0) -> Deploy:
    """Return a deploy with a hundred requests a second, of which a share fails, minute by minute."""
    baseline = [Interval(float(at), 100, round(100 * base), [80.0] * 100) for at in range(-300, 0)]
    after = [share for share in shares for _ in range(60)]
    heard = [
        Heard(at + 1, Interval(float(at), 100, round(100 * share), [80.0] * 100))
        for at, share in enumerate(after, WARM_UP)
    ]
    return Deploy("made by hand", baseline, heard, control=False, slow=120.0)


def test_the_rank_test_passes_seven_of_ten_samples_a_hundred_times_worse():
    """As published (spinnaker/spinnaker, issue 6278): it takes the eighth to fail."""
    assert not shifted_up(ONES, [100.0] * 7 + [1.0] * 3)
    assert shifted_up(ONES, [100.0] * 8 + [1.0] * 2)


def test_the_rank_test_passes_where_there_is_no_data():
    """As published (spinnaker/kayenta, pull request 326): nothing but no-data scores 100 %."""
    silent = deploy(NAMED["no telemetry at all"], seed=1, number=0)

    assert rank_test(silent).verdict == "pass"


@pytest.mark.parametrize(
    ("name", "right"),
    [("x100 slower, 7 of 10 points", "fail"), ("no telemetry at all", "inconclusive")],
)
def test_the_gate_gets_both_right(name, right):
    """The same traffic, and the verdict a person would give."""
    scenario = NAMED[name]

    assert pitstop(deploy(scenario, seed=1, number=0), scenario.options).verdict == right


def test_a_threshold_fails_at_the_first_failure_too_many():
    """None allowed: after a minute. Three allowed: with the fourth. Below the limit: never."""
    strict = thresholds(0.01, failures=0, checks=5)
    lenient = thresholds(0.05, failures=3, checks=5)

    assert strict(failing(0.02)).after == 60
    assert lenient(failing(0.1, 0.1, 0.0, 0.1, 0.1)).after == 300
    assert lenient(failing(0.1, 0.1, 0.0, 0.1, 0.0)).verdict == "pass"
    assert strict(failing(*[0.01] * 5)).verdict == "pass"


def test_ten_checks_need_ten_of_a_kind():
    """Ten failed ones fail, ten good ones pass, anything between only waits."""
    ten = advancing(0.01, checks=10)

    assert ten(failing(*[0.02] * 10)).verdict == "fail"
    assert ten(failing(*[0.0] * 10)).verdict == "pass"
    assert ten(failing(*[0.02] * 9, 0.0)).verdict == "inconclusive"


def test_the_sum_of_evidence_finds_what_the_baseline_does_not_have():
    """Ten times the errors within seconds; as many as before never."""
    worse, same = cusum(failing(0.1, base=0.01)), cusum(failing(*[0.01] * 5, base=0.01))

    assert (worse.verdict, worse.after < 10) == ("fail", True)
    assert same.verdict == "pass"


def test_the_test_that_knows_the_answer_keeps_its_promise():
    """At the tolerated rate it is wrong at most once in a hundred; the gain of a failure is exact."""
    rng = np.random.default_rng(20)
    tolerated, true = 0.00625, 0.02
    wrong = sum(
        oracle.sprt((rng.random(5_000) < tolerated).tolist(), tolerated, true) is not None
        for _ in range(300)
    )

    assert wrong <= 8  # 3 are expected; nine or more have odds of 1 : 260, and the seed is fixed
    assert oracle.sprt([True] * 9, tolerated, true) == 4  # 3.2 times the odds each: 105 after four
