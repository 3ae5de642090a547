"""``pitstop judge``: recorded traffic through the gate, as if it came about now."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pitstop.cli import common
from pitstop.cli.drawing import percent, wrapped
from pitstop.cli.lengths import length

if TYPE_CHECKING:
    from pitstop.cli.replay import Moment
    from pitstop.gate import Gate, Interval

_PLOTS = (".svg", ".html")
_AFTERWARDS = 60.0  # seconds after the verdict that a picture shows, too


def judge(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop judge``."""
    parser.description = (
        "Replay recorded traffic through the gate: the verdict, when it was reached, and why. FILE "
        "holds JSON lines {at, status, ms} or CSV with that header, .gz or not; the first line of "
        "the candidate is the deploy. Needs no repository. Exit 0 pass, 3 fail, 6 cannot tell."
    )
    parser.epilog = (
        "example:\n  pitstop judge --baseline before.jsonl --candidate after.jsonl \\\n"
        "      --plot verdict.html"
    )
    parser.add_argument("--baseline", metavar="FILE", required=True, help="before the deploy")
    parser.add_argument("--candidate", metavar="FILE", required=True, help="from the deploy on")
    moment = length(timedelta(0))
    times = (("warmup", "30s", "not judged"), ("soak", "30s", "no pass earlier"))
    for name, default, said in (*times, ("deadline", "10m", "then: cannot tell")):
        parser.add_argument(f"--{name}", metavar="TIME", type=moment, default=default, help=said)
    parser.add_argument("--tolerance", choices=("strict", "normal", "loose"), default="normal")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw it: FILE.svg or FILE.html")
    parser.add_argument("--json", action="store_true")
    return run_judge


COMMANDS = {"judge": judge}


def run_judge(args: argparse.Namespace) -> int:
    """Print the verdict; what cannot be read is wrong input."""
    from pitstop.adapters.telemetry.recorded import Unreadable

    try:
        return _judge(args)
    except Unreadable as wrong:
        raise common.Usage(str(wrong)) from wrong


def _judge(args: argparse.Namespace) -> int:
    """Print verdict, moment and reason, as soon as there is one or when the traffic ends."""
    from pitstop.adapters.telemetry import recorded
    from pitstop.cli.compared import EXIT_CODES
    from pitstop.cli.replay import decided, replayed

    home = Path(args.directory or ".")
    if args.plot and args.plot.suffix not in _PLOTS:
        raise common.Usage(f"--plot {args.plot}: name a file that ends in .svg or .html.")
    before, after = recorded.read(home / args.baseline), recorded.read(home / args.candidate)
    baseline = list(before)
    moments = replayed(_gate(args, baseline), _since_the_deploy(after))
    kept: list[Moment] = []
    end = decided(_keeping(moments, kept) if args.plot else moments)
    said = _told(args, baseline, end) | {
        "left_out": {"baseline": +before.left_out, "candidate": +after.left_out}
    }
    if args.plot:
        kept += _a_while_longer(moments, end)
        _draw(home / args.plot, baseline, kept, end, said)
        said["plot"] = os.fspath(args.plot)
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
    else:
        print("\n".join(map(wrapped, _words(said))))
    return EXIT_CODES[end.verdict.name]


def _gate(args: argparse.Namespace, baseline: Sequence[Interval]) -> Gate:
    from pitstop.gate import TOLERANCES, Gate

    return Gate(
        baseline,
        warmup_seconds=args.warmup.total_seconds(),
        soak_seconds=args.soak.total_seconds(),
        deadline_seconds=args.deadline.total_seconds(),
        tolerance=TOLERANCES[args.tolerance],
    )


def _since_the_deploy(traffic: Iterable[Interval]) -> Iterator[Interval]:
    """Count time from the first second of the recording."""
    from dataclasses import replace

    first = None
    for one in traffic:
        first = one.at if first is None else first
        yield replace(one, at=one.at - first)


def _keeping(moments: Iterator[Moment], kept: list[Moment]) -> Iterator[Moment]:
    for moment in moments:
        kept.append(moment)
        yield moment


def _a_while_longer(moments: Iterator[Moment], end: Moment) -> Iterator[Moment]:
    """Yield what came soon after the verdict."""
    for moment in moments:
        if moment.at > end.at + _AFTERWARDS:
            return
        yield moment


def _told(args: argparse.Namespace, baseline: Sequence[Interval], end: Moment) -> dict[str, Any]:
    """Return the verdict, when it was reached, and why."""
    from pitstop.cli.compared import plain

    verdict, warmup = end.verdict, args.warmup.total_seconds()
    return {
        "verdict": verdict.name,
        "reason": verdict.reason,
        "at": end.at,  # seconds since the deploy
        "after_warmup": max(0.0, end.at - warmup),
        "requests": verdict.requests,
        "errors": verdict.errors,
        "rate": verdict.rate,
        "baseline_requests": sum(one.requests for one in baseline),
        "baseline_errors": sum(one.errors for one in baseline),
        "baseline_rate": verdict.baseline_rate,
        "tolerance": args.tolerance,
        "evidence": plain(verdict.evidence),
    }


def _title(said: dict[str, Any]) -> str:
    when = f"{said['at']:.0f} s after the deploy"
    return f"{said['verdict'].upper()} {when}"


def _words(said: dict[str, Any]) -> Iterator[str]:
    """Yield what a person reads."""
    after = (
        f"{said['after_warmup']:.0f} s after the warm-up"
        if said["after_warmup"]
        else "in the warm-up"
    )
    yield f"{_title(said)}, {after}: {said['reason']}."
    for name, key in (("baseline", "baseline_"), ("candidate", "")):
        counts = f"{said[f'{key}requests']} requests, {said[f'{key}errors']} errors"
        yield f"{name + ':':<11}{counts} ({percent(said[f'{key}rate'])})"
    for name, left_out in said["left_out"].items():
        if left_out:
            why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
            yield f"left out of the {name}: {why}"
    if "plot" in said:
        yield f"picture:   {said['plot']}"


def _draw(
    file: Path, baseline: Sequence[Interval], kept: list[Moment], end: Moment, said: dict[str, Any]
) -> None:
    from pitstop.cli.plot import Picture, page, svg

    words = " ".join(_words(said))
    warmup = said["at"] - said["after_warmup"] if said["after_warmup"] else said["at"]
    picture = Picture(baseline, kept, end, warmup, f"{_title(said)}: {said['reason']}", words)
    try:
        file.write_text(svg(picture) if file.suffix == ".svg" else page(picture), encoding="utf-8")
    except OSError as error:
        raise common.CannotDo(f"{file} cannot be written: {error.strerror}.", 2) from error
