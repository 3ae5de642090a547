"""``pitstop error-rate``: how many users' requests failed lately, and is that more than before."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pitstop.cli import common
from pitstop.cli.drawing import percent, wrapped
from pitstop.cli.lengths import length


def error_rate(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop error-rate``."""
    parser.description = (
        "Count users' requests and errors of the last minutes and compare them with the time before: "
        "exit 0 normal, 3 too high, 6 no data."
    )
    parser.epilog = "example:\n  pitstop error-rate --last 5m"
    parser.add_argument(
        "--last", metavar="TIME", type=length(timedelta(seconds=1)), required=True, help="like 5m"
    )
    parser.add_argument("--json", action="store_true")
    return run_error_rate


COMMANDS = {"error-rate": error_rate}


def run_error_rate(args: argparse.Namespace) -> int:
    """Print what was counted and what it means."""
    from pitstop.cli.compared import (
        EXIT_CODES,
        Counted,
        compared,
        errors_only,
        gate_of,
        stamp,
        through,
    )
    from pitstop.cli.measured import measured
    from pitstop.ports import CannotTell

    found = measured(common.place(args))
    counted, now = Counted(), datetime.now(UTC)
    since = now - args.last
    try:
        lately = found.telemetry.intervals(since, now)
        before = found.telemetry.intervals(since - found.settings.gate.baseline, since)
    except CannotTell as unknown:
        judged = {"verdict": "inconclusive", "reason": str(unknown)}
    else:
        counted.add(lately)
        verdict = through(gate_of(found.settings, errors_only(before)), errors_only(lately))
        judged = compared(verdict, counted, found.settings)
    span = {"since": stamp(since), "until": stamp(now)}
    said = {"service": found.settings.service.name} | span | judged | counted.told()
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
    else:
        print("\n".join(map(wrapped, _words(said))))
    return EXIT_CODES[said["verdict"]]


def _words(said: dict[str, Any]) -> Iterator[str]:
    """Yield what a person reads."""
    from pitstop.cli.compared import WORDS

    yield f"{said['service']}: {WORDS[said['verdict']]}: {said['reason']}"
    if said["requests"]:
        low, high = said["interval"]
        yield (
            f"{said['errors']} of {said['requests']} requests failed: {percent(said['rate'])}, "
            f"between {percent(low)} and {percent(high)}"
        )
    if said["by_status"]:
        yield "  ".join(f"{status}: {count}" for status, count in said["by_status"].items())
