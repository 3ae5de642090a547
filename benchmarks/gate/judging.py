"""Let pitstop's gate and every peer judge the same deploys, one after another."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from benchmarks.gate.deploys import Deploy, Outcome, deploy
from benchmarks.gate.hearing import Heard
from benchmarks.gate.peers import PEERS
from benchmarks.gate.scenarios import GROUPS, WARM_UP, Scenario
from pitstop.gate import Gate, Verdict

OURS = "pitstop"
Outcomes = dict[str, list[Outcome]]  # by judge


@dataclass(frozen=True)
class Judged:
    """A scenario, and what each judge said of each of its deploys."""

    scenario: Scenario
    outcomes: Outcomes

    def share(self, verdict: str, judge: str = OURS) -> float:
        """Return the share of deploys that ended with the verdict."""
        said = self.outcomes[judge]
        return sum(one.verdict == verdict for one in said) / len(said)

    def wrong(self, verdict: str, judge: str = OURS) -> float | None:
        """Return the share of a verdict where it is wrong; None where it is not."""
        return self.share(verdict, judge) if verdict in self.scenario.wrong else None

    def times(self, verdict: str | None = None, judge: str = OURS) -> list[float]:
        """Return the seconds to a verdict, of those that ended with it, shortest first."""
        wanted = (verdict,) if verdict else ("pass", "fail")
        said = [one for one in self.outcomes[judge] if one.verdict in wanted]
        return sorted(one.after for one in said if one.after is not None)


def judge_all(
    scenarios: Sequence[Scenario], seed: int, deploys: int, processes: int = 1
) -> dict[str, Judged]:
    """Return all verdicts by the scenario's name; says on a terminal how far it is."""
    judged = {one.name: Judged(one, {name: [] for name in (OURS, *PEERS)}) for one in scenarios}
    names = frozenset(judged)
    with ProcessPoolExecutor(processes) as pool:
        rounds = pool.map(_round, repeat(names), repeat(seed), range(deploys))
        for number, said in enumerate(rounds, 1):
            for name, outcomes in said.items():
                for judge_, outcome in outcomes.items():
                    judged[name].outcomes[judge_].append(outcome)
            if sys.stderr.isatty():
                print(f"\r{number} of {deploys} deploys", end="", file=sys.stderr)
    return judged


def _round(names: frozenset[str], seed: int, number: int) -> dict[str, dict[str, Outcome]]:
    wanted = (one for group in GROUPS.values() for one in group if one.name in names)
    return {one.name: judge(one, seed, number) for one in wanted}


def judge(scenario: Scenario, seed: int, number: int) -> dict[str, Outcome]:
    """Return what each judge says of one deploy, times from the scenario's onset."""
    made = deploy(scenario, seed, number)
    later = scenario.onset - WARM_UP
    said = {OURS: pitstop(made, scenario.options), **{n: peer(made) for n, peer in PEERS.items()}}
    return {name: _from(later, one) for name, one in said.items()}


def pitstop(made: Deploy, options: Mapping[str, Any]) -> Outcome:
    """Return the gate's verdict: a fail whenever it comes, else its first word, else its last."""
    gate = Gate(made.baseline, seed=made.name, **options)
    first: Outcome | None = None
    for one in made.heard:
        verdict = gate.observe(one.interval, one.beside)
        if verdict.name == "fail":
            return _outcome(verdict, one)
        if verdict.name != "pending" and first is None:
            first = _outcome(verdict, one)
            if not options.get("watch"):
                return first
    return first or _outcome(gate.close())


def _outcome(verdict: Verdict, one: Heard | None = None) -> Outcome:
    after = max(one.told - WARM_UP, 0.0) if one else None
    return Outcome(verdict.name, after, verdict.reason)


def _from(later: float, one: Outcome) -> Outcome:
    after = None if one.after is None else max(one.after - later, 0.0)
    return Outcome(one.verdict, after, one.why)
