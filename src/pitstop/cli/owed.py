"""What is owed of a merge: tried again by ``resume`` once production is fixed."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pitstop.cli import common
from pitstop.cli.ship import append
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place

if TYPE_CHECKING:
    from pitstop.domain.change import Change


def pay(here: Place, run: RunFolder, state: dict[str, Any]) -> None:
    """Bring a live fix to main, if it may go there by now; what is still owed is said again."""
    from pitstop import bootstrap
    from pitstop import messages as say
    from pitstop.adapters._run import Runner
    from pitstop.ports import CannotTell, Refused

    declared = run.lines()[0]["data"]
    settings, runner = bootstrap.check(declared["config"]), Runner()
    try:
        _refuse_another(here, state, bootstrap.claims(here, settings, runner))
        forge, change = bootstrap.forge(here, settings, runner), _change(run)
        incident = bootstrap.incident_of(declared)
        head = str(run.lines()[-1]["hash"])
        landed = forge.land(
            change,
            state["tag"],
            say.tag_message(incident, change, state["fix"] or "", head),
            say.merge_message(incident, change),
        )
        if landed.main:
            forge.clean_up(change.branch)
    except (common.CannotDo, Refused, CannotTell) as not_now:
        print(f"The merge is still owed: {not_now}", file=sys.stderr)
        return
    append(here, run, "landed", asdict(landed))


def _refuse_another(here: Place, state: dict[str, Any], claims: Any) -> None:
    """Let who has the service now decide what main becomes."""
    from pitstop import bootstrap

    found = claims.read(state["service"])
    ours = found and (found.run, found.machine) == (state["id"], bootstrap.machine(here))
    if found and not ours:
        raise common.CannotDo(
            f"{found.owner} has claimed {found.service} ({found.run}), so nothing is merged now. "
            f"When that is over: pitstop resume {state['id']}"
        )


def _change(run: RunFolder) -> Change:
    """Return the change that was shipped, from the record."""
    from pitstop.domain.change import Branch, Change

    lines = [ln for ln in run.lines() if (ln["event"], ln["step"]) == ("finished", "branch.commit")]
    said = lines[-1]["data"]["value"]
    facts = said | {"branch": Branch(**said["branch"])}
    several = {name: tuple(said[name]) for name in ("files", "authors")}
    return Change(**(facts | several))
