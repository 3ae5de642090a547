"""How a run stands, in words: what happened, what production is like, what to type."""

from __future__ import annotations

from pitstop.journal.status import may_try_again, to_revert

TYPE_CHECKING = False  # importing typing costs more than all that is read here
if TYPE_CHECKING:
    from typing import Any


def summary(state: dict[str, Any]) -> str:
    """Return how it stands, what production is like, and what to type."""
    name, outcome = state["id"], state["outcome"]
    if state["broke"]:
        return _broke(state)
    if outcome == "fixed":
        minutes = state["slo"]["elapsed_seconds"] / 60
        kept = "within" if state["slo"]["met"] else "OVER"
        watch = state["watch"]["until"]
        said = f"Fixed in {minutes:.1f} min, {kept} the budget. {state['reason']}."
        if watch and not state["closed_at"]:
            said += _watched(state, watch)
        said += "".join(f"\nOWED: {one}" for one in state["owed"])
        return f"{said}\nTry again to merge: pitstop resume {name}" if state["owed"] else said
    if outcome == "rolled_back":
        point, to = state["rollback_point"], state["returned_to"]
        elsewhere = to and not (point and point["deployment_id"] == to)
        where = f"on {to}" if elsewhere else "where it was"
        said = f"Rolled back; production is {where}, and healthy. Why: {state['reason']}"
        said += f"\n{state['moved_on']}" if state["moved_on"] else ""
        return said + "".join(f"\nOWED: {one}" for one in to_revert(state))
    if outcome == "stranded":
        return str(state["reason"])
    if outcome:
        where = (
            f"\nThe worktree is kept: {state['worktree']}"
            if state["worktree"] and outcome != "aborted"
            else ""
        )
        return f"{outcome.capitalize()}: {_unchanged(state)}{where}{_again(state)}"
    waiting = {
        "fix": (
            f"Waiting for the fix in {state['worktree']}. Then: pitstop ship {name} --fix TEXT"
            f"{_beyond(state)}{_returning_first(state)}"
        ),
        "evidence": (
            f"Waiting for evidence that the fix was tried by hand: {state['to_try']}. Production is "
            f"unchanged. Then: pitstop ship {name} --evidence TEXT, or --evidence @FILE"
        ),
        "approval": (
            f"Waiting for another person's approval of tree {(state['about'] or '')[:12]}. Production "
            f"is unchanged. They type, here or in their own clone: pitstop approve {name}; then: pitstop "
            f"resume {name}"
        ),
        "verdict": (
            f"Cannot tell: {state['about']}. The new release serves users. Accept: pitstop resume "
            f"{name} --override verdict --because TEXT, or return: pitstop rollback {name} --reason TEXT"
        ),
    }
    if state["waiting_for"] in waiting:
        return waiting[state["waiting_for"]]
    if not state["process"]:
        return f"Nobody executes {name} at the moment. Go on: pitstop watch {name}"
    if state["behind"]:
        return (
            f"{name} waits for {state['behind']}, which acts on {state['service']}. Look: pitstop "
            f"status {state['behind']}"
        )
    return f"{name} goes on by itself: pitstop watch {name}"


def _watched(state: dict[str, Any], until: str) -> str:
    """Say that a living process watches, or loudly that none does."""
    name = state["id"]
    if state["process"] and state["process"]["pid"]:
        return f" Production is watched until {until[11:19]} UTC: pitstop status {name}"
    if state["process"]:
        return f" Whether somebody watches production cannot be seen from here: {name} is another user's"
    return f" NOBODY WATCHES PRODUCTION, until {until[11:19]} UTC somebody should: pitstop resume {name}"


def _broke(state: dict[str, Any]) -> str:
    """Say that the run cannot go on by itself, and what that means for production."""
    if not state["rollback_point"]:
        return f"{state['broke']} Production is unchanged."
    if state["returned_to"]:
        return f"{state['broke']} Production was returned to {state['returned_to']}."
    return (
        f"{state['broke']} Production may be changed, and nobody watches it. Return it: pitstop "
        f"rollback {state['id']} --reason TEXT"
    )


def _beyond(state: dict[str, Any]) -> str:
    """Return what main has and production has not: the branch goes without it."""
    count = state["not_deployed"]
    if not count:
        return ""
    what = "a commit that is" if count == 1 else f"{count} commits that are"
    return (
        f"\nMain has {what} not in production, and not in this branch: git log --oneline "
        f"{state['base_commit'][:12]}..{state['main_ref']}"
    )


def _returning_first(state: dict[str, Any]) -> str:
    """Return what rolling back before anybody writes code would take and lose."""
    earlier = (state["triage"] or {}).get("earlier")
    if not earlier:
        return ""
    seconds, loses = earlier["seconds"], earlier["loses"]
    takes = "in unknown time" if seconds is None else f"in about {seconds:.0f} s"
    takes = "at once" if seconds is not None and seconds < 1 else takes
    what = "what that is could not be found out" if loses is None else _subjects(loses)
    said = (
        f"\nWhat runs came at {earlier['since'][:16]}Z. Rolling back first would bring "
        f"{earlier['deployment_id']} back {takes} and lose {what}."
    )
    if earlier["migrations"]:
        return (
            f"{said} NOT advised: the database was migrated since ({earlier['migrations'][0]}), and "
            "would stay as it is."
        )
    return (
        f"{said} If that is where the trouble began: pitstop rollback --service {state['service']} --to "
        f"{earlier['deployment_id']} --reason TEXT"
    )


def _subjects(loses: list[str]) -> str:
    """Return the commits that would go, the first by name."""
    if not loses:
        return "nothing"
    shown = "".join(c if c.isprintable() else " " for c in loses[-1])[:60]
    if len(loses) == 1:
        return f'1 commit ("{shown}")'
    return f'{len(loses)} commits (the last: "{shown}")'


def budget_runs_out(left: float, budget: float) -> str:
    """Return a warning about the seconds that are left of a hotfix's time."""
    if left > 0:
        return (
            f"WARNING: {left / 60:.1f} min are left of the {budget / 60:.0f} min for this hotfix."
        )
    return (
        f"WARNING: the {budget / 60:.0f} min for this hotfix are over. It goes on; what takes so "
        "long: pitstop status"
    )


def _unchanged(state: dict[str, Any]) -> str:
    """Return why it ended before the deploy, and what production is like."""
    from pitstop.messages import UNCHANGED

    reason = str(state["reason"])
    return reason if UNCHANGED in reason or state["deployment"] else f"{reason} {UNCHANGED}"


def _again(state: dict[str, Any]) -> str:
    """Return what ships a mended fix, from where this one was left."""
    if not may_try_again(state):
        return ""
    from pitstop.messages import MEANWHILE

    if MEANWHILE in (state["reason"] or ""):
        return ""  # the branch stands on what is not in production any more: the reason says how
    return f"\nMend it there, then: pitstop ship {state['id']} --fix TEXT"
