"""A run's state, read from its journal: the fields of ``status --json``. Pure, light to import."""

from __future__ import annotations

from datetime import datetime

TYPE_CHECKING = False  # importing typing costs more than all that is read here
if TYPE_CHECKING:
    from typing import Any

_GATES = ("validate.", "checks.proof")
_CHECKS = ("checks.prepare", "checks.targeted", "checks.smoke")
_RESULTS = {
    "branch.cut": ("branch", "worktree", "base_commit", "not_deployed"),
    "branch.commit": ("commit", "tree"),
    "branch.preview": ("commit", "tree"),
}
_EXIT = {"fixed": 0, "rolled_back": 3, "declined": 4, "stranded": 5}

_KEPT = {  # a step's whole result, by the name under which status gives it
    "checks.by_hand": "to_try",
    "snapshot.record": "rollback_point",
    "merge.name_tag": "tag",
    "merge.prepare_revert": "revert",
}


def status(lines: list[dict[str, Any]], now: datetime | None = None) -> dict[str, Any]:
    """Return the state that the lines come to; ``now`` dates what is still running."""
    found = _declared(lines[0]) if lines else {}
    for line in lines[1:]:
        _life(found, line)
        fold = _FOLDS.get(line["event"])
        if fold:
            fold(found, line)
    _finish(found, lines, now)
    return found


def _life(found: dict[str, Any], line: dict[str, Any]) -> None:
    """Follow whether there is something to execute: a note changes nothing, an answer does."""
    event = line["event"]
    if event in ("rests", "closed", "broke"):
        found["rests"] = True
        found["broke"] = line["data"].get("reason") if event == "broke" else None
    elif event not in ("note", "landed") and (
        event != "evidence" or found["waiting_for"] == "evidence"
    ):
        found["rests"], found["broke"] = False, None


def _declared(line: dict[str, Any]) -> dict[str, Any]:
    said = line["data"]
    incident = said["incident"]
    return {
        "id": incident["id"],
        "kind": said.get("kind", "hotfix"),
        "title": incident.get("title", ""),
        "slug": incident["id"],
        "service": incident["service"],
        "severity": incident.get("severity"),
        "symptoms": incident.get("symptoms", []),
        "scenario": incident.get("scenario"),
        "issue": incident.get("title", ""),
        "impact": incident.get("impact"),
        "cause": incident.get("cause"),
        "repro": incident.get("repro"),
        "owner": incident["owner"],
        "attempt": 1,
        "rests": False,
        "branch": None,
        "worktree": None,
        "base_commit": None,
        "not_deployed": 0,
        "main_ref": _main(said.get("config") or {}),
        "approvals": [],
        "overrides": [],
        "notes": [],
        "evidence": [],
        "slo": {"budget_seconds": said.get("budget_seconds", 1800.0)},
        "declared_at": line["at"],
        "rollback": None,
        "returned_to": None,
        "returned_by": None,
        "ending": False,
        "process": None,
        "followups": [],
    } | _of_an_attempt()


def _of_an_attempt() -> dict[str, Any]:
    """Return what is not known yet when a run, or a new attempt of it, begins."""
    return {
        "fix": None,
        "outcome": None,
        "reason": None,
        "phase": "declared",
        "step": None,
        "waiting_for": None,
        "about": None,
        "deadline": None,
        "broke": None,
        "fence": None,
        "behind": None,
        "commit": None,
        "tree": None,
        "rollback_point": None,
        "deployment": None,
        "gates": [],
        "checks": [],
        "to_try": None,
        "announced": False,
        "merged": {"main": None, "pull_request": None},
        "owed": [],
        "revert": None,
        "tag": None,
        "shipped_at": None,
        "deployed_at": None,
        "verified_at": None,
        "closed_at": None,
        "watch": {"until": None, "verdict": None},
        "triage": None,
        "known_bad": [],
        "moved_on": None,
    }


def _evidence(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["evidence"].append({"by": line["by"], "at": line["at"], **line["data"]})


def _again(found: dict[str, Any], _: dict[str, Any]) -> None:
    found.update(_of_an_attempt(), phase="preparing", attempt=found["attempt"] + 1)


def _main(tables: dict[str, Any]) -> str:
    service = tables.get("service") or {}
    return f"{service.get('remote', 'origin')}/{service.get('main', 'main')}"


def _started(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["step"] = line["data"]["title"]
    if found["outcome"] in (None, "fixed") and line["data"]["phase"] != "closed":
        found["phase"] = line["data"]["phase"]  # closed it is when nothing is left to be done


def _finished(found: dict[str, Any], line: dict[str, Any]) -> None:
    step, data = line["step"], line["data"]
    no, value = data.get("no"), data.get("value")
    gate = (no or {}).get("gate") or (value if step.startswith(_GATES) else None)
    if isinstance(gate, dict) and "verdict" in gate:
        found["gates"].append(gate)
        if step == "validate.hold":
            found["watch"]["verdict"] = gate["verdict"]
    if step in _CHECKS:
        found["checks"].append(_check(step, value, no))
    if step in ("rollback.return_to", "rollback.go_back") and value:
        found["moved_on"] = value.get("moved_on") or None
    if value is not None:
        _result(found, step, value, line["at"])


def _check(step: str, value: Any, no: Any) -> dict[str, Any]:
    """Return what a check came to: pass, fail, or skipped where there was nothing to run."""
    ran = value if isinstance(value, dict) else {}
    return {
        "name": step.partition(".")[2],
        "verdict": "fail" if no else "pass" if ran.get("ran") else "skipped",
        "seconds": ran.get("seconds"),
        "tests": ran.get("tests"),
        "flaky": ran.get("flaky") or [],
        "attempts": ran.get("attempts", 1),
    }


def _result(found: dict[str, Any], step: str, value: Any, at: str) -> None:
    """Take over what a step's result says about the whole run."""
    for name in _RESULTS.get(step, ()):
        found[name] = value["name" if (step, name) == ("branch.cut", "branch") else name]
    if step in _KEPT:
        found[_KEPT[step]] = value
    match step:
        case "triage.classify":
            found["triage"] = {
                "verdict": value.get("advice", "hotfix"),
                "reason": value["reason"],
                "earlier": value.get("earlier"),
            }
        case "deploy.release":
            found["deployment"] = {name: value[name] for name in ("id", "commit", "url")}
            found["deployed_at"] = at
        case "validate.errors" if value["verdict"] == "pass":
            found["verified_at"] = at
        case "merge.land":
            _land(found, value)
        case "validate.begin_watch":
            found["watch"]["until"] = value
        case "learn.mark_known_bad" | "learn.mark_left" if value["commit"]:
            found["known_bad"].append(value["commit"])
        case "announce.starting":
            found["announced"] = True


def _land(found: dict[str, Any], value: dict[str, Any]) -> None:
    found["merged"] = {"main": value["main"], "pull_request": value["pull_request"]}
    found["owed"] = value["owed"]


def _landed(found: dict[str, Any], line: dict[str, Any]) -> None:
    _land(found, line["data"])


def _asked(found: dict[str, Any], line: dict[str, Any]) -> None:
    said = line["data"]
    found["waiting_for"], found["about"] = said["question"], said["about"] or None
    found["deadline"] = said["deadline"]
    found["phase"] = "approving" if said["question"] == "approval" else found["phase"]


def _heard(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["waiting_for"] = found["about"] = found["deadline"] = None
    if line["data"]["question"] == "verdict":
        found["verified_at"] = line["at"]


def _answered(found: dict[str, Any], line: dict[str, Any]) -> None:
    said = line["data"]
    if said["question"] == "fix":
        found["fix"], found["shipped_at"] = said["said"], line["at"]
    if said["question"] == "approval":
        found["approvals"].append(
            {
                "by": line["by"],
                "decision": said["said"],
                "tree": said["about"],
                "at": line["at"],
                "proven": said.get("proven", False),
            }
        )


def _override(found: dict[str, Any], line: dict[str, Any]) -> None:
    said = line["data"]
    found["overrides"].append(
        {
            "gate": said["gate"],
            "by": line["by"],
            "because": said["because"],
            "at": line["at"],
            "tree": said.get("tree"),
        }
    )
    if said["gate"] == found["waiting_for"] == "verdict":
        found["waiting_for"] = None  # answered; the run's process is about to hear it


def _outcome(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["outcome"], found["reason"] = line["data"]["status"], line["data"]["reason"]
    found["waiting_for"] = None
    if found["outcome"] == "fixed" and not found["verified_at"]:
        found["verified_at"] = line["at"]


def _note(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["notes"].append({"by": line["by"], "at": line["at"], "text": line["data"]["text"]})


def _rollback(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["rollback"], found["ending"] = line["data"]["run"], True
    if not found["closed_at"]:
        found["phase"] = "rolling_back"


def _returned(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["returned_to"] = line["data"].get("to") if line["data"]["ok"] else None
    found["returned_by"] = line["by"] if line["data"]["ok"] else None
    found["moved_on"] = line["data"].get("moved_on") or found["moved_on"]


def _fence(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["fence"], found["behind"] = line["data"]["number"], None


def _abort(found: dict[str, Any], _: dict[str, Any]) -> None:
    found["ending"] = True


def _waits(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["behind"] = line["data"]["behind"]


def _closed(found: dict[str, Any], line: dict[str, Any]) -> None:
    found["closed_at"], found["phase"], found["waiting_for"] = line["at"], "closed", None


_FOLDS = {
    "again": _again,
    "landed": _landed,
    "started": _started,
    "finished": _finished,
    "asked": _asked,
    "heard": _heard,
    "answered": _answered,
    "override": _override,
    "outcome": _outcome,
    "note": _note,
    "evidence": _evidence,
    "rollback": _rollback,
    "returned": _returned,
    "closed": _closed,
    "fence": _fence,
    "waits": _waits,
    "abort": _abort,
}


def _finish(found: dict[str, Any], lines: list[dict[str, Any]], now: datetime | None) -> None:
    """Add what follows from the whole: the time used, what is owed, whether it rests."""
    if not found:
        return
    end = found["verified_at"] or found["closed_at"] or (now and now.isoformat()) or lines[-1]["at"]
    began = datetime.fromisoformat(found["declared_at"])
    elapsed = max(0.0, (datetime.fromisoformat(end) - began).total_seconds())
    slo = found["slo"]
    slo["elapsed_seconds"] = round(elapsed, 3)
    slo["met"] = elapsed <= slo["budget_seconds"] if found["verified_at"] else None
    owed = [f"merge: {one}" for one in found["owed"]]
    owed += [f"revert: {one}" for one in to_revert(found)]
    gates = dict.fromkeys(one["gate"] for one in found["overrides"])
    owed += [f"review the override of {gate}" for gate in gates]
    if found["deployment"] and all(check["verdict"] == "skipped" for check in found["checks"]):
        owed.append("write tests: none is configured, so nothing tried the fix")
    for check in found["checks"]:
        if check["attempts"] > 1 or check["flaky"]:
            what = ", ".join(check["flaky"]) or f"the {check['name']} check"
            owed.append(f"mend what passes only now and then: {what}")
    found["followups"] = [
        {
            "id": f"{number}",
            "title": title,
            "owner": found["owner"],
            "due_at": None,
            "done_at": None,
            "evidence": None,
        }
        for number, title in enumerate(owed, 1)
    ]


def to_revert(found: dict[str, Any]) -> list[str]:
    """Return what main holds although production was returned from it, and how to take it out."""
    main = found["merged"]["main"]
    if found["outcome"] not in ("rolled_back", "stranded") or not main:
        return []
    if found["revert"]:
        return [f"main still holds the fix; merge {found['revert']} into it"]
    return [f"main still holds the fix; take {found['commit'][:12]} out of it by hand: git revert"]


def exit_code(found: dict[str, Any]) -> int:
    """Return what ``ship`` and ``resume`` exit with in this state."""
    if found["outcome"] in ("failed", "errored", "aborted", "declined") and found["deployment"]:
        return 6  # production was changed and nobody returned it: a person has to look
    if found["kind"] == "rollback":
        return 0 if found["outcome"] == "rolled_back" else 5
    if found["broke"]:
        return 3 if found["returned_to"] else 6 if past_deploy(found) else 1
    if found["outcome"]:
        return _EXIT.get(found["outcome"], 1)
    return 6 if found["waiting_for"] == "verdict" else 7


def may_try_again(found: dict[str, Any]) -> bool:
    """Return whether a run that ended before production was changed can be shipped once more."""
    ended = found["closed_at"] and found["outcome"] in ("declined", "failed", "errored")
    over = found["deployment"] or found["rollback"] or found["ending"]  # or somebody said: enough
    return bool(ended and found["worktree"] and not over)


def past_deploy(found: dict[str, Any]) -> bool:
    """Return whether production may be changed by this run and is not yet out of its care."""
    if found["closed_at"] or found.get("rollback_point") is None:
        return False
    return not (found["broke"] and found["returned_to"])  # its own steps cannot tidy up any more
