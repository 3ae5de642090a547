"""A journal as people read it: one line of text for each line that says something."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs more than all that is read here
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


_MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}


class Timeline:
    """Turns lines into text, in order; remembers when steps began, to say how long they took."""

    def __init__(self) -> None:
        self._began: dict[str, str] = {}
        self._titles: dict[str, str] = {}

    def say(self, line: dict[str, Any]) -> str | None:
        """Return what a line says, with its time; None for what only the engine needs."""
        if line["event"] == "started":
            self._began[line["step"]] = line["at"]
            self._titles[line["step"]] = line["data"]["title"]
        said = _SAY.get(line["event"], lambda *_: None)(line, self)
        return said and f"{line['at'][11:19]}  {plain(said)}"

    def took(self, line: dict[str, Any]) -> str:
        """Return how long the step of a finished line took."""
        from datetime import datetime

        began = self._began.get(line["step"])
        if not began:
            return ""
        ended = datetime.fromisoformat(line["at"])
        seconds = (ended - datetime.fromisoformat(began)).total_seconds()
        return f" ({seconds:.1f} s)"

    def title(self, line: dict[str, Any]) -> str:
        """Return a step's title."""
        return self._titles.get(line["step"], str(line["step"]))


def plain(text: str) -> str:
    """Return a text that moves no cursor: what people and programs wrote is only shown."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _finished(line: dict[str, Any], timeline: Timeline) -> str:
    data, title, took = line["data"], timeline.title(line), timeline.took(line)
    if no := data.get("no"):
        return f"✗ {title}{took}: {no['reason']}"
    if "error" in data:
        return f"✗ {title}{took}: {data['error']}"
    value = data.get("value")
    if isinstance(value, dict) and "verdict" in value:
        return f"{_MARKS[value['verdict']]} {title}{took}: {value['reason']}"
    if isinstance(value, dict) and "not_told" in value and not value["text"]:
        return f"– {title}: it was not announced, so nobody is told how it ended"
    if isinstance(value, dict) and "not_told" in value:
        missed = f"; not reached: {'; '.join(value['not_told'])}" if value["not_told"] else ""
        text = "".join(f"\n            {row}" for row in value["text"].strip().splitlines())
        return f"✓ {title}{missed}{text}"
    if line["step"] == "merge.foresee" and value:
        return (
            f"? {title}: main conflicts in {', '.join(value)}; the deploy does not wait for it, the "
            "merge will need a person"
        )
    if value is None:
        return f"– {title}: nothing to do"
    return f"✓ {title}{took}{_fact(line['step'], value)}"


def _fact(step: str, value: object) -> str:
    """Return the one fact of a result that people want to see."""
    if step.startswith("hook.") and value:
        return f": {value}"
    if step in _FACTS and value:
        return f": {_FACTS[step](value)}"
    if isinstance(value, dict) and value.get("ran") is False:
        return f": {value['said']}"
    if isinstance(value, dict) and value.get("ran"):
        return _ran(value)
    return ""


def _inspected(value: Any) -> str:
    if not isinstance(value, dict):
        return _count(len(value), "file")  # a version before said no more
    rows = "".join(f"\n            ! {one}" for one in value["overridden"])
    return f"{value['lines']} lines in {_count(len(value['files']), 'file')}{rows}"


def _returned(value: Any) -> str:
    beside = "".join(f"\n{said}" for said in (value.get("also"), value.get("moved_on")) if said)
    return f"{value['id']} at {value['commit'][:12]}{beside}"


def _recorded(value: Any) -> str:
    rows = "".join(f"\n            ! {one}" for one in value.get("warnings", ()))
    return f"{value['deployment_id']} at {value['commit'][:12]}{rows}"


def _landed(value: Any) -> str:
    owed = "".join(f"\n            OWED: {one}" for one in value["owed"])
    also = value.get("followed")
    beside = f"; also in {', '.join(also)}" if also else ""
    return (f"main is {value['main'][:12]}{beside}" if value["main"] else "not merged") + owed


_FACTS: dict[str, Callable[[Any], object]] = {
    "branch.cut": lambda value: f"{value['name']} from {value['base_commit'][:12]}",
    "branch.commit": lambda value: value["commit"][:12],
    "guard.inspect": _inspected,
    "snapshot.record": _recorded,
    "deploy.split": lambda value: f"{value['id']} at {value['commit'][:12]}",
    "deploy.release": lambda value: f"{value['id']} at {value['commit'][:12]}",
    "rollback.return_to": _returned,
    "rollback.go_back": _returned,
    "snapshot.back_up": lambda value: (
        f"{value['id']}, {value['bytes'] / 1e6:.1f} MB, {value['verified']}"
    ),
    "merge.land": _landed,
    "learn.mark_known_bad": lambda value: value["said"],
    "learn.mark_left": lambda value: value["said"],
    **dict.fromkeys(
        (
            "checks.by_hand",
            "merge.name_tag",
            "review.admit",
            "validate.begin_watch",
            "merge.prepare_revert",
            "branch.discard",
            "triage.passes_calendar",
            "guard.known_bad",
        ),
        lambda value: value,
    ),
}


def _ran(check: dict[str, Any]) -> str:
    """Return what a check says of its tests, the flaky ones by name."""
    tests, again = check.get("tests"), check.get("attempts", 1)
    said = f": {tests['passed']} passed" if tests else ""
    said += f", {tests['skipped']} skipped" if tests and tests["skipped"] else ""
    if again > 1 or check.get("flaky"):
        named = ", ".join(check["flaky"])
        said += f"; FLAKY: passed only in attempt {again}" + (f" ({named})" if named else "")
    return said


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _asked(line: dict[str, Any], _: Timeline) -> str:
    said = line["data"]
    until = f" until {said['deadline'][11:19]}" if said["deadline"] else ""
    hint = {
        "fix": f"make the fix, then: pitstop ship {line['run']} --fix TEXT",
        "evidence": (
            f"try it, then: pitstop ship {line['run']} --evidence TEXT, or --evidence @FILE"
        ),
        "approval": (
            f"another person types, here or in their own clone: pitstop approve {line['run']}"
        ),
        "verdict": (
            f"{said['about']}. Accept: pitstop resume {line['run']} --override verdict --because "
            f"TEXT, or return: pitstop rollback {line['run']} --reason TEXT"
        ),
    }
    return f"… waiting for {said['question']}{until}: {hint.get(said['question'], '')}"


_SAY = {
    "declared": lambda ln, _: (
        f"! {' '.join((ln['data']['incident'].get('title') or 'rollback').split())} ({ln['by']})"
    ),
    "finished": _finished,
    "landed": lambda ln, _: f"» {ln['by']} merges what was owed: {_landed(ln['data'])}",
    "again": lambda ln, _: f"» {ln['by']} ships again: {ln['data']['fix']}",
    "failed": lambda ln, t: f"↻ {t.title(ln)}: {ln['data']['reason']}; trying again",
    "stopped": lambda ln, t: f"✗ {t.title(ln)}: {ln['data']['reason']}",
    "asked": _asked,
    "waits": lambda ln, _: (
        f"… waits for {ln['data']['behind'] or 'another run'}, which acts on {ln['data']['service']}"
    ),
    "expired": lambda ln, _: f"… no answer in time for {ln['data']['question']}",
    "answered": lambda ln, _: (
        f"» {ln['by']}: {ln['data']['question']}: {ln['data']['said']}"
        + (", in another clone" if ln["data"].get("remote") else "")
    ),
    "override": lambda ln, _: (
        f"» {ln['by']} overrides {ln['data']['gate']}: {ln['data']['because']}"
    ),
    "abort": lambda ln, _: f"» {ln['by']} aborts: {ln['data']['reason']}",
    "rollback": lambda ln, _: f"» {ln['by']} rolls back: {ln['data']['reason']}",
    "note": lambda ln, _: f"» {ln['by']}: {ln['data']['text']}",
    "evidence": lambda ln, _: f"» {ln['by']}: evidence: {ln['data']['text']}",
    "broke": lambda ln, _: f"✗ {ln['data']['reason']}",
    "outcome": lambda ln, _: (
        f"■ {ln['data']['status'].replace('_', ' ')}: {ln['data']['reason'].partition(chr(10))[0]}"
    ),
}
