"""The two plots of docs/gate.md, drawn from the real gate: ``python -m benchmarks gate --plots``."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gate.deploys import deploy
from benchmarks.gate.judging import OURS, Judged, judge_all
from benchmarks.gate.scenarios import GROUPS, WARM_UP
from pitstop.gate import Gate, Interval

DOCS = Path(__file__).parents[2] / "docs"
SEED, DEPLOYS = 4, 24
BAD = "errors 0.5 -> 2 %"
NEVER = 1500  # where on the axis of seconds those stand that gave the wrong verdict
ROWS = {
    "healthy, 0.5 % errors": "nothing is wrong (time to pass)",
    "errors 0.5 -> 1 %": "errors 0.5 → 1 %",
    "errors 0.5 -> 2 %": "errors 0.5 → 2 %",
    "errors 0.5 -> 5 %": "errors 0.5 → 5 %",
    "errors 0.1 -> 10 %": "errors 0.1 → 10 %",
    "latency x1.2": "latency ×1.2",
    "latency x1.5": "latency ×1.5",
    "latency x1.5, tail only": "slowest tenth ×1.5",
}
MARKS = {
    OURS: ("o", "#1b6e53", "pitstop (bar: to the 95th percentile)"),
    "rank test": ("s", "#8a5a9e", "rank test after 5 min"),
    "1 %, 0 of 5": ("^", "#c0632b", "above 1 % in any of 5 min"),
    "5 %, 3 of 5": ("v", "#c99a2c", "above 5 % in 4 of 5 min"),
    "1 %, 10": ("D", "#7a7a7a", "10 looks, one a minute"),
    "CUSUM": ("x", "#3d6fa5", "CUSUM"),
}
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gate",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def write(seed: int) -> int:
    """Draw both into docs/."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(STYLE):
        _save(_filling(seed), "gate-filling.svg")
        wanted = [one for group in GROUPS.values() for one in group if one.name in ROWS]
        _save(_times(judge_all(wanted, seed, DEPLOYS)), "gate-times.svg")
    return 0


def _filling(seed: int) -> Any:
    """Draw one bad deploy: what users met, and the odds as they grow to the bar."""
    from matplotlib import pyplot

    scenario = next(one for group in GROUPS.values() for one in group if one.name == BAD)
    made = deploy(scenario, seed, 0)
    gate, seconds = Gate(made.baseline, seed=made.name), []
    for one in made.heard:
        verdict = gate.observe(one.interval, one.beside)
        seconds.append((one.interval.at - WARM_UP, one.interval, verdict.evidence["odds"]))
        if verdict.name != "pending":
            break
    at = [second for second, _, _ in seconds]
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(7.2, 4.0), sharex=True, layout="constrained"
    )
    before = sum(one.errors for one in made.baseline) / sum(one.requests for one in made.baseline)
    above.bar(at, [_percent(one) for _, one, _ in seconds], color="#c0632b", width=0.8)
    above.axhline(100 * before, color="#1b6e53", lw=1.5, label=f"before: {100 * before:.1f} %")
    above.set_ylabel("errors, %")
    above.legend(frameon=False, loc="upper left")
    below.plot(at, [odds for _, _, odds in seconds], color="#1b6e53", lw=2)
    below.axhline(1 / 0.009, color="#c0632b", ls="--", lw=1.2, label="the bar: goes back")
    below.set_yscale("log")
    below.set_ylabel("odds against 'tolerated'")
    below.set_xlabel("seconds since the end of the warm-up")
    below.legend(frameon=False, loc="upper left")
    for axes in (above, below):
        axes.axvspan(at[0], 0, color="#f2f2f2", zorder=0)
    above.set_title(f"Errors go from 0.5 to 2 %: it goes back after {at[-1]:.0f} s", loc="left")
    return figure


def _percent(one: Interval) -> float:
    return 100 * one.errors / one.requests if one.requests else 0.0


def _times(judged: Mapping[str, Judged]) -> Any:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.2, 3.6), layout="constrained")
    rows = list(reversed(ROWS))
    for name, (mark, colour, label) in MARKS.items():
        places = [_place(judged[row], name) for row in rows]
        axes.scatter(
            places,
            [row + _nudge(name) for row in range(len(rows))],
            marker=mark,
            color=colour,
            s=34 if name == OURS else 20,
            label=label,
            zorder=3,
        )
    for row, name in enumerate(rows):
        times = judged[name].times(judged[name].scenario.hoped)
        late = max(times[int(0.95 * len(times))], 1.0) if times else NEVER
        axes.plot(
            [_place(judged[name], OURS), late],
            [row + _nudge(OURS)] * 2,
            color=MARKS[OURS][1],
            lw=2,
        )
    axes.set_xscale("log")
    axes.axvline(850, color="#dddddd", lw=1)
    axes.set_xticks(
        [1, 3, 10, 30, 60, 300, 600, NEVER],
        ["1 s", "3 s", "10 s", "30 s", "1 min", "5 min", "10", "not found"],
    )
    axes.minorticks_off()
    axes.set_yticks(range(len(rows)), [ROWS[name] for name in rows])
    axes.grid(axis="x", color="#eeeeee", zorder=0)
    axes.set_title("Time to the right verdict, 100 requests a second (median)", loc="left")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _nudge(name: str) -> float:
    """Keep marks apart that fall on the same second."""
    return 0.2 - 0.08 * list(MARKS).index(name)


def _place(one: Judged, name: str) -> float:
    """Return the median second of the right verdict; NEVER if most deploys did not get it."""
    times = one.times(one.scenario.hoped, name)
    deploys = len(one.outcomes[name])
    return max(statistics.median(times), 1.0) if 2 * len(times) > deploys else NEVER


def _save(figure: Any, name: str) -> None:
    figure.savefig(DOCS / name, metadata={"Date": None}, facecolor="white")
    print(f"docs/{name}: {(DOCS / name).stat().st_size / 1000:.0f} kB")
