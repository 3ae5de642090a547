"""Judge many deploys, print the tables and the goals; 1 when a goal is missed."""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Sequence

from benchmarks.gate import cost, goals, oracle, plots, table
from benchmarks.gate.judging import judge_all
from benchmarks.gate.scenarios import GROUPS

QUICK, USUAL = 16, 100  # deploys of each scenario


def main(words: Sequence[str] = ()) -> int:
    """Run it; ``words`` are the options."""
    given = _options(words)
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    deploys = given.deploys or (QUICK if given.quick else USUAL)
    if given.plots:
        return plots.write(seed if given.seed is not None else plots.SEED)
    print(f"seed {seed} (again: python -m benchmarks gate --seed {seed} --deploys {deploys})")
    scenarios = [
        one for group in GROUPS.values() for one in group if (given.only or "") in one.name
    ]
    began = time.monotonic()
    judged = judge_all(scenarios, seed, deploys, given.processes)
    took = time.monotonic() - began
    print(f"{deploys} deploys of each of {len(scenarios)} scenarios in {took:.0f} s\n")
    print("\n".join(table.lines(judged)), flush=True)
    if given.only:
        return 0
    reached = [*goals.of_verdicts(judged)]
    for jump in oracle.JUMPS:
        delays = [oracle.delays(jump, seed, number) for number in range(deploys)]
        reached.append(goals.of_oracle(str(jump), delays))
    reached += cost.goals(seed, quick=given.quick)
    reached.sort(key=lambda goal: goal.number)
    print("\nThe goals (missed only when by more than chance explains):", *reached, sep="\n")
    missed = [goal for goal in reached if not goal.held]
    print(f"{len(reached) - len(missed)} of {len(reached)} met")
    return int(bool(missed))


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks gate", description=__doc__)
    parser.add_argument("--seed", type=int, help="default: a fresh one, which is printed")
    parser.add_argument("--deploys", type=int, help=f"of each scenario; default {USUAL}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} deploys of each scenario")
    parser.add_argument("--processes", type=int, default=1, help="at the same time; default 1")
    parser.add_argument("--only", help="scenarios whose name holds this; no goals then")
    parser.add_argument("--plots", action="store_true", help="write the plots of docs/gate.md")
    return parser.parse_args(list(words))
