"""``pitstop monitor``: look at production for a while, and say what it was like."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TextIO

from pitstop.cli import common
from pitstop.cli.drawing import wrapped
from pitstop.cli.lengths import length

if TYPE_CHECKING:
    from pitstop.cli.seen import Seen

_LOOKS = 1.0  # seconds between two looks
_SAYS = 10.0  # seconds between two lines, where lines are not rewritten


def monitor(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop monitor``."""
    parser.description = (
        "Look at health, error rate, latency, memory and database for a while; one verdict: exit 0 "
        "normal, 3 worse than before (said at once), 6 cannot tell. Ctrl-C says what was seen so far."
    )
    parser.epilog = "example:\n  pitstop monitor --duration 10m"
    parser.add_argument(
        "--duration",
        metavar="TIME",
        type=length(timedelta(seconds=1)),
        required=True,
        help="like 10m",
    )
    parser.add_argument("--json", action="store_true", help="the verdict as JSON at the end")
    return run_monitor


COMMANDS = {"monitor": monitor}


def run_monitor(args: argparse.Namespace) -> int:
    """Look until the time is over, or until it is clear that something is wrong."""
    from pitstop.cli.compared import EXIT_CODES
    from pitstop.cli.measured import measured
    from pitstop.cli.seen import Seen

    here = common.place(args)
    seen = Seen(measured(here), datetime.now(UTC))
    interrupted = False
    try:
        _look(seen, args.duration.total_seconds(), sys.stderr if args.json else sys.stdout)
    except KeyboardInterrupt:
        interrupted = True
    said = seen.told() | {"interrupted": interrupted}
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
    else:
        print("\n".join(map(wrapped, _words(seen, said))))
    return 130 if interrupted else EXIT_CODES[said["verdict"]]


def _look(seen: Seen, seconds: float, out: TextIO) -> None:
    """Look once a second and show it: in one line that is rewritten, or in one every 10 s."""
    rewrites = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    began = time.monotonic()
    says = 0.0
    try:
        while True:
            now = time.monotonic() - began
            seen.look(datetime.now(UTC))
            over = now >= seconds or seen.clear()
            if rewrites:
                width = shutil.get_terminal_size().columns - 1
                out.write(f"\r\x1b[K{_line(seen, now, seconds)[:width]}")
                out.flush()
            elif now >= says or over:
                print(_line(seen, now, seconds), file=out, flush=True)
                says = now + _SAYS
            if over:
                return
            time.sleep(min(_LOOKS, max(0.0, seconds - now)))
    finally:
        if rewrites:
            out.write("\r\x1b[K")


def _line(seen: Seen, now: float, seconds: float) -> str:
    return f"{_clock(min(now, seconds))} of {_clock(seconds)}  {seen.line()}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _words(seen: Seen, said: dict[str, Any]) -> Iterator[str]:
    """Yield what a person reads."""
    from pitstop.cli.compared import WORDS

    so_far = " so far" if said["interrupted"] else ""
    word = "worse" if said["verdict"] == "fail" else WORDS[said["verdict"]]
    yield f"{said['service']}{so_far}: {word}: {said['reason']}"
    yield from seen.rows()
