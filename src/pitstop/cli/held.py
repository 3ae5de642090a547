"""``pitstop held``: may an ordinary deployment go now? For pipelines; what is not known holds."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pitstop.cli import common
from pitstop.engine import ownership
from pitstop.engine.place import Place
from pitstop.journal.status import status
from pitstop.journal.store import JournalError

if TYPE_CHECKING:
    from pitstop.config import Settings


@dataclass(frozen=True)
class Reason:
    """Why nobody should deploy now. ``kind``: hotfix, freeze, window, known-bad or unknown."""

    kind: str
    said: str
    by: str | None = None
    since: str | None = None
    until: str | None = None
    run: str | None = None


def held(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop held``."""
    parser.description = (
        "Say whether an ordinary deployment may go now: exit 0 free, 3 held. Held by a hotfix under "
        "way, a freeze, the normal windows, a known-bad commit, or a remote that does not answer."
    )
    parser.epilog = "example:\n  pitstop held || exit\n  pitstop held --json --commit HEAD"
    parser.add_argument("--service", help="the service; the configuration names it")
    parser.add_argument(
        "--commit", metavar="SHA", help="what would be deployed; else the remote's main"
    )
    parser.add_argument("--json", action="store_true")
    return run_held


COMMANDS = {"held": held}


def run_held(args: argparse.Namespace) -> int:
    """Print every reason to wait; exit 3 if there is one."""
    from pitstop import bootstrap
    from pitstop.messages import allowed

    here = common.place(args, wake=False)
    settings, _ = bootstrap.load(here.config)
    name = settings.service.name
    if args.service and args.service != name:
        raise common.Usage(allowed("--service", args.service, [name]))
    _refuse_unknown(here, args.commit)
    reasons = list(_on_the_remote(here, settings, args.commit))
    claimed = {one.run for one in reasons if one.kind == "hotfix"}
    reasons += [one for one in _in_this_clone(here, name) if one.run not in claimed]
    reasons += _in_the_calendar(here, settings)
    if args.json:
        print(json.dumps({"held": bool(reasons), "reasons": [asdict(one) for one in reasons]}))
    else:
        print(
            f"Held: {name} is not to be deployed now."
            if reasons
            else f"Free: nothing holds {name}."
        )
        for one in reasons:
            print(f"- {one.said}")
    return 3 if reasons else 0


def _refuse_unknown(here: Place, commit: str | None) -> None:
    from pitstop.adapters._run import Runner

    if commit is None:
        return
    asked = ["git", "-C", str(here.top), "rev-parse", "--verify", "--quiet", "--end-of-options"]
    if Runner().run([*asked, f"{commit}^{{commit}}"]).exit_code != 0:
        raise common.Usage(f"There is no commit {commit!r} here. Fetch it, or leave --commit out.")


def _on_the_remote(here: Place, settings: Settings, commit: str | None) -> Iterator[Reason]:
    """Return who has claimed the service, and which known-bad commits would be deployed."""
    from pitstop.ports import CannotTell, Refused

    try:
        yield from _claim(here, settings)
        yield from _known_bad(here, settings, commit)
    except CannotTell as silence:
        yield Reason(
            "unknown",
            f"{silence} So it is not known whether a hotfix is under way, or whether a commit is known "
            "bad. Mend that, then: pitstop held",
        )
    except Refused as odd:
        yield Reason("unknown", str(odd))


def _claim(here: Place, settings: Settings) -> Iterator[Reason]:
    from pitstop import bootstrap
    from pitstop.adapters._run import Runner

    claim = bootstrap.claims(here, settings, Runner()).read(settings.service.name)
    if claim is None:
        return
    ours = claim.machine == bootstrap.machine(here)
    look = f"Look: pitstop status {claim.run}" if ours else f"Ask them; it is their {claim.run}"
    yield Reason(
        "hotfix",
        f"{claim.owner} is putting a hotfix into {claim.service} since {claim.since} "
        f"({_line(claim.reason)}). {look}",
        by=claim.owner,
        since=claim.since,
        run=claim.run,
    )


def _known_bad(here: Place, settings: Settings, commit: str | None) -> Iterator[Reason]:
    from pitstop import bootstrap
    from pitstop.adapters._run import Runner

    runner = Runner()
    main = f"{settings.service.remote}/{settings.service.main}"
    head = commit or bootstrap.forge(here, settings, runner).main_head()
    for bad in bootstrap.known_bad(here, settings, runner).held_in(head):
        yield Reason(
            "known-bad",
            f"{commit or main} holds {bad.commit[:12]}, known bad since {bad.at}: "
            f"{bad.reason.rstrip('.')} ({bad.by}, {bad.run}). Revert it, or if it is good now: pitstop "
            f"release-known-bad {bad.commit[:12]} --reason TEXT",
            by=bad.by,
            since=bad.at,
            run=bad.run,
        )


def _in_this_clone(here: Place, service: str) -> Iterator[Reason]:
    """Return the runs of this clone that are not over."""
    for run in ownership.runs(here.runs_folder):
        if run.is_over():
            continue
        try:
            state = status(run.lines())
        except JournalError as error:
            said = f"{error} So it is not known whether {run.id} is under way."
            yield Reason("unknown", said, run=run.id)
            continue
        if state and state["service"] == service and not state["closed_at"]:
            yield Reason(
                "hotfix",
                f"{state['owner']}'s {run.id} is under way since {state['declared_at']}. Look: "
                f"pitstop status {run.id}",
                by=state["owner"],
                since=state["declared_at"],
                run=run.id,
            )


def _in_the_calendar(here: Place, settings: Settings) -> Iterator[Reason]:
    from pitstop import bootstrap
    from pitstop.messages import outside_windows
    from pitstop.ports import CannotTell

    try:
        standing = bootstrap.calendar(here, settings).standing(datetime.now(UTC))
    except CannotTell as unknown:
        yield Reason("unknown", f"{unknown} So it is not known whether there is a freeze. Mend it.")
        return
    opens = standing.opens_at
    again = f"Deploy after {standing.local(opens)}" if opens else "No opening is near"
    if standing.freeze:
        freeze = standing.freeze
        yield Reason(
            "freeze",
            f'The freeze "{freeze.name}" lasts until {standing.local(freeze.ends)}. {again}',
            since=_stamp(freeze.begins),
            until=_stamp(freeze.ends),
        )
    if not standing.in_window:
        said = outside_windows(standing)
        yield Reason("window", f"Now is {said}. {again}", until=_stamp(opens) if opens else None)


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
