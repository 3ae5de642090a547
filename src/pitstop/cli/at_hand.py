"""What is known when a person takes over: the team's values, the journal's, and the platform's."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from pitstop import bootstrap, ports
from pitstop import messages as say
from pitstop.adapters._run import Runner
from pitstop.cli.by_hand import Hand, Platform
from pitstop.domain.change import Change, Release
from pitstop.engine.fence import ServiceFence
from pitstop.ports import ActsByHand, CannotTell, Refused
from pitstop.steps.checks import targeted_command

if TYPE_CHECKING:
    from pitstop.config import Settings
    from pitstop.engine.place import Place

_COMMIT, _BASE, _DEPLOYMENT = (
    "pitstop-COMMIT",
    "pitstop-BASE",
    "pitstop-DEPLOYMENT",
)  # not yet known


def attempt(lines: list[Any]) -> list[Any]:
    """Return the lines of the current attempt."""
    again = [number for number, line in enumerate(lines) if line["event"] == "again"]
    return lines[again[-1] :] if again else lines


def done(lines: list[Any]) -> set[str]:
    """Return the steps that were done, and well."""
    return {line["step"] for line in attempt(lines) if line["event"] == "finished" and well(line)}


def begun(lines: list[Any]) -> set[str]:
    """Return the steps that were begun, done or not."""
    return {line["step"] for line in attempt(lines) if line["event"] == "started"}


def well(line: Any) -> bool:
    """Return whether a finished step neither said no nor broke."""
    return "no" not in line["data"] and "error" not in line["data"]


def hand(
    here: Place,
    settings: Settings,
    tables: dict[str, Any],
    state: dict[str, Any],
    lines: list[Any],
) -> Hand:
    """Return all that is known: the team's values, those of a hotfix, and the platform's acts."""
    values = _values(here, settings, state, lines)
    found = Hand(settings, values, Platform(), repro=state.get("repro"))
    platform, seen = _by_hand_of(here, tables, state, values)
    return replace(
        found,
        values=values | seen,
        platform=_named(platform, replace(found, values=values | seen)),
        backup=_backup(here, tables),
        targeted=_targeted(here, settings, lines),
    )


def _values(
    here: Place, settings: Settings, state: dict[str, Any], lines: list[Any]
) -> dict[str, str]:
    point = state.get("rollback_point") or {}
    known = {
        "REPOSITORY": str(here.repository),
        "WORKTREES": str(here.worktrees),
        "REMOTE": settings.service.remote,
        "MAIN": settings.service.main,
    }
    if not state:
        return known
    if state["kind"] == "rollback":
        wanted = lines[0]["data"]["incident"]
        return known | {"ID": state["id"], "DEPLOYMENT": wanted["deployment_id"]}
    own = {
        "ID": state["id"],
        "TITLE": say.one_line(state["title"]),
        "IMPACT": say.one_line(state["impact"] or ""),
        "FIX": say.one_line(state["fix"] or ""),
        "BRANCH": state["branch"] or say.branch(state["id"]),
        "WORKTREE": state["worktree"],
        "BASE": state["base_commit"],
        "COMMIT": state["commit"],
        "TAG": state["tag"] or f"hotfix-{datetime.now(UTC):%Y%m%d-%H%M}",
        "DEPLOYMENT": point.get("deployment_id"),
    }
    return known | {name: value for name, value in own.items() if value}


def _by_hand_of(
    here: Place, tables: dict[str, Any], state: dict[str, Any], values: dict[str, str]
) -> tuple[Platform, dict[str, str]]:
    """Return the platform's acts by hand, and what it says of itself."""
    service = tables["service"]["name"]
    found = bootstrap.platform(here, tables, ServiceFence(here.service(service)))
    seen: dict[str, str] = {}
    with contextlib.suppress(Refused, CannotTell):
        seen["URL"] = found.address()
    target = values.get("DEPLOYMENT", _DEPLOYMENT)
    if not isinstance(found, ActsByHand):
        command = found.restore_command(target)
        return Platform((), (command,), _asked(tables, seen), _part_of_pitstop(state, tables)), seen
    if state and target == _DEPLOYMENT and (live := _live(found, values)):
        seen["DEPLOYMENT"] = target = live
    release = Release(
        state.get("id", "by-hand"), values.get("COMMIT", _COMMIT), state.get("tree") or ""
    )
    back = _way_back(found, target, values.get("BASE", _BASE))
    return Platform(tuple(found.deploy_commands(release)), back, tuple(found.look_commands())), seen


def _way_back(platform: ActsByHand, target: str, base: str) -> tuple[str, ...]:
    """Return how to return to a deployment; where that is not known yet, to the commit of before."""
    try:
        return tuple(platform.return_commands(target))
    except (Refused, CannotTell):
        return tuple(platform.deploy_commands(Release("way-back", base, "")))


def _live(platform: ports.Platform, values: dict[str, str]) -> str | None:
    """Return what users get now, if that is still what the branch was cut from."""
    with contextlib.suppress(Refused, CannotTell):
        running = platform.running()
        if running and running.commit == values.get("BASE"):
            return running.id
    return None


def _asked(tables: dict[str, Any], seen: dict[str, str]) -> tuple[str, ...]:
    """Return how the health of the embedded platform is asked for."""
    path = tables["platform"].get("health")
    if not (isinstance(path, str) and "URL" in seen):
        return ()
    return (f"curl --fail --silent --show-error {shlex.quote(seen['URL'] + path)}",)


def _part_of_pitstop(state: dict[str, Any], tables: dict[str, Any]) -> str:
    go_on = f"pitstop resume {state['id']}" if state else "pitstop ship"
    return (
        f"The platform `{tables['platform']['use']}` is driven by pitstop alone, so there is no deploy "
        f"without it: `{go_on}`; what users get: `pitstop doctor`. What serves users goes on "
        "serving them."
    )


def _named(platform: Platform, hand: Hand) -> Platform:
    """Put variables where something stands for what is not known."""
    stand_ins = {_COMMIT: "{COMMIT}", _BASE: "{BASE}", _DEPLOYMENT: "{DEPLOYMENT}"}

    def put(rows: tuple[str, ...]) -> tuple[str, ...]:
        for text, name in stand_ins.items():
            if any(text in row for row in rows):
                rows = tuple(row.replace(text, hand.word(name)) for row in rows)
        return rows

    return replace(platform, deploy=put(platform.deploy), back=put(platform.back))


def _targeted(here: Place, settings: Settings, lines: list[Any]) -> str | None:
    """Return the team's command with the change's tests; without a change, as it is configured."""
    found = [
        line["data"]["value"]
        for line in attempt(lines)
        if line["event"] == "finished" and line["step"] == "branch.commit" and well(line)
    ]
    if not found:
        command = settings.checks.targeted
        return command and command.replace("{tests}", "$TESTS").replace("{files}", "$FILES")
    change = TypeAdapter(Change).validate_python(found[-1])
    return targeted_command(bootstrap.forge(here, settings, Runner()), settings.checks, change)


def _backup(here: Place, tables: dict[str, Any]) -> str:
    """Return the command that copies the database to a file beside the worktrees; not encrypted."""
    given = tables.get("backup") or {}
    stamp = f"{tables['service']['name']}-by-hand"
    file = shlex.quote(str(here.worktrees / f"{stamp}.backup"))
    folder = shlex.quote(str(here.worktrees))
    made = f"(umask 077 && mkdir -p {folder} && "
    if given.get("use") == "postgres":
        return f'{made}pg_dump --format=custom --file={file} "${given["database"]["env"]}")'
    if given.get("use") == "sqlite":
        source = shlex.quote(str(here.repository / given["file"]))
        return f'{made}sqlite3 {source} ".backup \'"{file}"\'")'
    if given.get("use") == "command":
        where = f"cd {shlex.quote(str(here.repository))}"
        return f"{made}{where} && PITSTOP_BACKUP_FILE={file} sh -c {shlex.quote(given['take'])})"
    return ""
