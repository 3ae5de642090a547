"""Every sentence that pitstop says: what happened → what production is like now → what to type.

Reviewed like an interface: short, calm, no blame; numbers with units, times in UTC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pitstop.domain.calendar import Standing
    from pitstop.domain.change import Change
    from pitstop.domain.incident import Incident, Return
    from pitstop.domain.known_bad import BadCommit
    from pitstop.domain.verdict import Outcome

UNCHANGED = "Production is unchanged."

NO_SYMPTOM = f"No symptom was given, so this is not an emergency. {UNCHANGED}"
EMPTY_CHANGE = (
    "There is nothing to ship: the branch has the same files as production. "
    f"{UNCHANGED} Make the fix in the worktree, then: pitstop ship --fix TEXT"
)
NO_TEST_MAPS = "no test maps to the changed files; the smoke suite counts"
NOT_CONFIGURED = "not configured"
NO_CALENDAR = "no calendar is configured"
NONE_KNOWN_BAD = "none"
NOTHING_AGAINST_IT = "nothing was found against the commit itself, so it is not marked"
NOTHING_WAS_LEFT = "no later deployment was left, so nothing is marked"
OTHER_TREE_APPROVED = f"The approval was for another tree, so it does not count. {UNCHANGED}"
REPRO_DID_NOT_FAIL = "the repro did not fail on production before the deploy, so it proves little"
REPRO_FAILED_BEFORE = "the repro failed on production before the deploy, as it should"
REPRO_PASSED = "the repro passes: the trouble is gone"
NO_PROOF = "they pass on what is deployed, too, so they do not show that the fix helps"
NO_PROOF_IN_TIME = "they did not end in time on what is deployed, so they prove nothing"
NO_PROOF_RUN = "they could not be run on what is deployed, so they prove nothing"
NO_PROOF_SETUP = "what is deployed could not be set up to run them, so they prove nothing"
DISK_FULL = "The disk is full, so nothing more can be put on record. Make room, then start again."
STOPPED_BY_ABORT = "stopped: the run was asked to end"


# -- names that are made from what people type ------------------------------------------------


def slug(title: str) -> str:
    """Return a title as a name for branch, folder and run: a-z, 0-9 and dashes, 40 at most."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-") or "hotfix"


def branch(run: str) -> str:
    """Return the name of a run's branch."""
    return f"hotfix/{run}"


def mail_of(person: str) -> str:
    """Return the e-mail address of ``Name <address>``, lower case."""
    found = re.search(r"<([^>]*)>\s*$", person)
    return (found[1] if found else person).strip().lower()


def one_line(text: str) -> str:
    """Return a text without line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def minutes(seconds: float) -> str:
    """Return a length of time as people say it."""
    whole = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} seconds"
    return "1 minute" if whole == 1 else f"{whole} minutes"


def size(count: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


# -- git --------------------------------------------------------------------------------------


def commit_message(incident: Incident, fix: str) -> str:
    """Return the commit message that the runbook asks for."""
    return (
        f"hotfix: {one_line(incident.title)[:60]}\n\nIssue: {one_line(incident.title)}\n"
        f"Impact: {one_line(incident.impact)}\nFix: {one_line(fix)}\n"
    )


def merge_message(incident: Incident, change: Change) -> str:
    """Return the message of the merge into main."""
    return f"Merge {change.branch.name}: {one_line(incident.title)}\n"


def tag_message(incident: Incident, change: Change, fix: str, head: str) -> str:
    """Return the tag's message; it holds the journal's head, so a shortened journal is seen."""
    title = one_line(incident.title)
    return (
        f"Emergency fix: {title[:60]}\n\nIssue: {title}\nImpact: {one_line(incident.impact)}\n"
        f"Fix: {one_line(fix)}\nRun: {incident.id}\nTree: {change.tree}\nJournal: {head}\n"
    )


# -- triage, guards, checks, review -----------------------------------------------------------


def not_an_emergency(severity: str) -> str:
    """Say that this takes the normal path."""
    return (
        f"Severity {severity} is a normal change, not a hotfix. {UNCHANGED} "
        "If users are hurt, start again with --severity P1, P2 or P3."
    )


def normal_change(answers: Iterable[str]) -> str:
    """Say which of the runbook's criteria is not met."""
    from pitstop.domain.incident import CRITERIA

    failed = [CRITERIA[answer.partition("=")[0]] for answer in answers]
    return (
        f"This is a normal change, not a hotfix: it was answered that it is not so that "
        f"{' and that '.join(failed)}. {UNCHANGED} Ship it the normal way."
    )


def qualifies(incident: Incident) -> str:
    """Say why this takes the short path."""
    return f"{incident.severity}, {', '.join(incident.symptoms)}"


def nothing_in_service(service: str, platform: str) -> str:
    """Say that there is no production to fix."""
    up = "pitstop local up" if platform == "local" else "deploy it as usual, then: pitstop doctor"
    return f"Nothing is in service for {service}. Bring it up first: {up}"


_SHOWN = 20  # objections that are said; a change with more of them is known to be none of ours


def objections(run: str, reasons: list[str], gates: list[str], bound_elsewhere: set[str]) -> str:
    """Say why a change may not go the short path, and what to type."""
    shown = "".join(f"\n    {reason}" for reason in reasons[:_SHOWN])
    more = f"\n    and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    said = f"The change may not go this way. {UNCHANGED}{shown}{more}\n"
    for gate in sorted(bound_elsewhere & set(gates)):
        said += f"The override of {gate} was for another tree, so it does not count.\n"
    if not gates:
        return f"{said}What is marked never cannot be overridden."
    flags = " ".join(f"--override {gate} --because TEXT" for gate in gates)
    return f"{said}If it must go all the same: pitstop ship {run} {flags}"


def passed_over(gate: str, reason: str, by: str, because: str) -> str:
    """Say what somebody shipped in spite of."""
    return f"{gate}: {reason}; overridden by {by}: {because}"


def worktree_changed(worktree: str) -> str:
    """Say that what was tested is no longer what was committed."""
    return (
        f"Tracked files in {worktree} changed after the commit, so the tests did not test what "
        f"would be deployed. {UNCHANGED}"
    )


def check_failed(name: str, exit_code: int, tail: str) -> str:
    """Say that a check failed, with the end of what it printed."""
    return f"The {name} check ended with exit code {exit_code}. {UNCHANGED}{_quoted(tail)}"


HOOK_GONE = "it is not there any more"


def hook_exited(exit_code: int, tail: str) -> str:
    """Say how a hook ended, with the end of what it printed."""
    return f"exit code {exit_code}{_quoted(tail)}"


def hook_took_too_long(seconds: float) -> str:
    """Say that a hook did not end in time."""
    return f"it did not end within {seconds:g} s"


def hook_said_no(name: str, why: str) -> str:
    """Say that the team's own hook stopped the run, before anything was changed."""
    return f"The hook {name} said no: {why}\n{UNCHANGED}"


def hook_failed(why: str) -> str:
    """Say that a hook failed where nothing follows from it."""
    return f"it failed, and nothing follows from that: {why}"


def check_timed_out(name: str, seconds: float, tail: str) -> str:
    """Say that a check did not end in time."""
    return f"The {name} check did not end within {seconds:g} s. {UNCHANGED}{_quoted(tail)}"


def check_hides_failures(name: str, failing: Iterable[str], tail: str) -> str:
    """Say that a check ended well although tests failed in it."""
    named = ", ".join(failing)
    return f"The {name} check ended with 0, but tests failed: {named}. {UNCHANGED}{_quoted(tail)}"


def check_ran_nothing(name: str, skipped: int) -> str:
    """Say that a check ended well and tried nothing."""
    what = f"ran no test ({skipped} skipped)" if skipped else "ran no test"
    return f"The {name} check ended with 0, but {what}, so it shows nothing. {UNCHANGED}"


def proven(count: int | None) -> str:
    """Say that the change's own tests need it."""
    what = "they fail" if count is None else f"{count} of them fail"
    return f"{what} on what is deployed, as they should"


def _quoted(tail: str) -> str:
    plain = "".join(c for c in tail if c.isprintable() or c == "\n")  # no terminal obeys a test
    lines = plain.strip().splitlines()[-15:]
    return "" if not lines else "\n" + "\n".join(f"    {line}" for line in lines)


def rejected(by: str, reason: str) -> str:
    """Say who said no, and why."""
    return f"{by} rejected the change: {reason or 'no reason given'}. {UNCHANGED}"


def extent(lines: int, files: int) -> str:
    """Say how large a change is."""
    return f"{lines} {'line' if lines == 1 else 'lines'} in {files} {'file' if files == 1 else 'files'}"


def wanted(
    incident: Incident,
    change: Change,
    extent: str,
    status: Mapping[str, Any],
    *,
    last: bool = False,
) -> str:
    """Ask another person to look at a change: who asks, for what, until when, what to type."""
    head = "APPROVAL OVERDUE SOON" if last else "APPROVAL WANTED"
    until = (status["deadline"] or "")[11:19]
    return (
        f"{head}: {one_line(incident.title)}\nService: {incident.service} ({incident.severity})\n"
        f"Asked by: {incident.owner}\nFix: {one_line(status['fix'] or '')}\nSize: {extent}, tree "
        f"{change.tree[:12]}\nUntil: {until} UTC; then the hotfix rests, and {_lower(UNCHANGED)}\n"
        f"Look: git fetch {status['main_ref'].partition('/')[0]} && git diff "
        f"{change.branch.base_commit[:12]}..{change.commit[:12]}\n"
        f"Answer, in any clone: pitstop approve {incident.id}, or pitstop reject {incident.id} "
        "--reason TEXT\n"
    )


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")


def approved(by: str) -> str:
    """Say who said yes."""
    return f"approved by {by}"


def overridden(gate: str, by: str, because: str) -> str:
    """Say who passed a shut gate, and why."""
    return f"{gate} overridden by {by}: {because}"


def own_approval(by: str) -> str:
    """Say that four eyes are needed."""
    return f"{by} wrote this change and cannot approve it. {UNCHANGED}"


# -- windows and freezes ----------------------------------------------------------------------


def calendar_passed(standing: Standing) -> str:
    """Say what a hotfix passes."""
    freeze = standing.freeze
    if freeze:
        until = standing.local(freeze.ends)
        return f'during the freeze "{freeze.name}", until {until}; a hotfix passes, on record'
    if not standing.in_window:
        return f"{outside_windows(standing)}; a hotfix may"
    if not standing.windows:
        return "no freeze"
    return f"inside the normal windows ({', '.join(standing.windows)} {standing.zone}), no freeze"


def outside_windows(standing: Standing) -> str:
    """Say that this is no normal time to deploy."""
    return f"outside the normal windows ({', '.join(standing.windows)} {standing.zone})"


def calendar_unknown(why: str) -> str:
    """Say that nobody knows whether there is a freeze, and that a hotfix does not wait for that."""
    return f"it is not known whether there is a freeze: {why} A hotfix goes on, on record"


def freeze_holds(incident: Incident, standing: Standing) -> str:
    """Say that this freeze is for hotfixes, too, and how it is passed."""
    freeze = standing.freeze
    until = standing.local(freeze.ends) if freeze else ""
    return (
        f'The freeze "{freeze.name if freeze else ""}" lasts until {until}, for hotfixes as well. '
        f"{UNCHANGED} To go on anyway, start again from {branch(incident.id)}, then: pitstop ship --fix "
        "TEXT --override freeze --because TEXT"
    )


# -- known-bad commits ------------------------------------------------------------------------


def known_bad(bad: BadCommit) -> str:
    """Say that production was returned from a commit before, and how it is allowed again."""
    return (
        f"{bad.commit[:12]} is known bad since {bad.at}: {bad.reason.rstrip('.')} ({bad.by}, {bad.run}). "
        f"{UNCHANGED} If it is good now: pitstop release-known-bad {bad.commit[:12]} --reason TEXT"
    )


def holds_known_bad(bad: BadCommit) -> str:
    """Say that a change holds such a commit, and both ways past it."""
    return (
        f"{known_bad(bad)}, and start again. For this hotfix only: pitstop ship --fix TEXT --override "
        "known-bad --because TEXT"
    )


def marked(commit: str, not_shared: str) -> str:
    """Say that a commit is known bad from now on, and to whom."""
    alone = f"; only in this clone so far: {one_line(not_shared)}" if not_shared else ""
    return f"{commit[:12]} is known bad until somebody releases it{alone}"


def not_marked(commit: str, why: str) -> str:
    """Say that a commit could not be marked."""
    return f"{commit[:12]} is not marked: {one_line(why)}"


# -- deploy, validate, roll back --------------------------------------------------------------


MEANWHILE = "somebody deployed meanwhile"


def production_moved(expected: str, found: str, fix: str) -> str:
    """Say that somebody deployed meanwhile."""
    return (
        f"Production runs {found[:12]} and no longer {expected[:12]}, from which this branch was "
        f"cut: {MEANWHILE}. This hotfix changed nothing. Start again on what is deployed, and take "
        f"the fix along there: pitstop start TITLE ..., then in its worktree: git cherry-pick "
        f"{expected[:12]}..{fix[:12]}"
    )


def other_tree(where: str, found: str, wanted: str) -> str:
    """Say that what came out is not what was approved."""
    return f"The {where} tree is {found[:12]}, but {wanted[:12]} was tested and approved."


def unhealthy(deployment: str, said: str) -> str:
    """Say that the new release does not answer well."""
    return f"{deployment} is not healthy: {said}."


def became_unhealthy(said: str) -> str:
    """Say that production stopped answering well."""
    return f"Production became unhealthy: {said}."


def repro_failed(name: str, tail: str) -> str:
    """Say that the trouble is still there."""
    return f"The repro still fails ({name}): the change does not cure the trouble.{_quoted(tail)}"


def gate_failed(reason: str) -> str:
    """Say what the gate saw."""
    return f"{reason[0].upper()}{reason[1:]}."


def source_said(reason: str, troubles: Sequence[str]) -> str:
    """Say beside a verdict what the sources of telemetry said of themselves."""
    return f"{reason.rstrip('.')}. {' '.join(troubles)}"


def handed_over(deployment: str) -> str:
    """Say that the watch ended because somebody else is in service now."""
    return f"{deployment} was put into service meanwhile; its own run watches it"


def no_deploy_time(deployment: str) -> str:
    """Say why nothing can be compared."""
    return f"The platform does not say since when {deployment} serves users."


def cannot_return(why: str, command: str) -> str:
    """Say that the rollback failed, with the exact way by hand."""
    return f"{why} Return by hand:\n    {command}"


def other_commit_returned(found: str, wanted: str, command: str) -> str:
    """Say that the rollback came out somewhere else."""
    return f"The rollback brought {found[:12]} instead of {wanted[:12]}. By hand:\n    {command}"


def returned_unhealthy(deployment: str, said: str, command: str) -> str:
    """Say that the returned release is ill, too."""
    return (
        f"Users are on {deployment} again, but it is not healthy: {said}. By hand:\n    {command}"
    )


def stranded(reason: str, stuck: str) -> str:
    """Say the loudest thing: production is changed and could not be returned."""
    return f"ROLLBACK FAILED. It was needed because: {reason}\n{stuck}"


def merge_owed(why: str, change: Change, tag: str, remote: str, main: str) -> str:
    """Say that the fix is live and main does not have it yet, and how to bring it there by hand."""
    commit = change.commit
    return (
        f"{change.branch.name} is not merged: {one_line(why).rstrip('.')}. By hand: "
        f"git push {remote} {commit}:refs/heads/{main}, or a pull request of {commit[:12]}; then "
        f"git tag -a {tag} {commit} -m hotfix; git push {remote} refs/tags/{tag}"
    )


def merge_left(why: str, change: Change) -> str:
    """Say that the fix is live and was not merged, since the service may be somebody else's now."""
    return (
        f"{change.branch.name} is live and not merged: {one_line(why).rstrip('.')}. Agree with whoever "
        f"has the service, then merge {change.commit[:12]}"
    )


def perhaps_merged(why: str, change: Change, remote: str) -> str:
    """Say that the fix is live and that the remote did not say whether main has it."""
    return (
        f"it is not known whether {change.branch.name} was merged: {one_line(why).rstrip('.')}. Look: "
        f"git fetch {remote} && git branch -r --contains {change.commit[:12]}"
    )


def perhaps_told(audience: str) -> str:
    """Say that an announcement was cut off, and is not said twice."""
    return f"{audience}: cut off while it was told, so not known whether it heard; not told again"


def no_backup(why: str) -> str:
    """Say that nothing is deployed without a backup that can be read back."""
    return (
        f"There is no verified backup, so nothing was deployed: {why.rstrip('.')}. {UNCHANGED} Look: "
        "pitstop doctor; then try: pitstop backup"
    )


def moved_on(found: str, before: str, command: str) -> str:
    """Say that the release was returned and the database was not."""
    return (
        "The database has moved on since the rollback point (head "
        f"{one_line(found)}, was {one_line(before)}); the schema was NOT rolled back. Restore by hand, "
        f"if data since then may be lost:\n    {command}"
    )


def perhaps_moved_on(why: str, command: str) -> str:
    """Say that nobody knows whether the database is what the returned release knew."""
    return (
        "Whether the database has moved on since the rollback point is not known: "
        f"{one_line(why).rstrip('.')}. The schema was NOT rolled back. Should it be needed, and data "
        f"since then may be lost:\n    {command}"
    )


# -- runs -------------------------------------------------------------------------------------


def aborted(by: str, reason: str) -> str:
    """Say who stopped the run, and why."""
    return f"{by} aborted: {reason}"


def rollback_under_way(by: str) -> str:
    """Say why a run's process stops at once."""
    return f"{by} is rolling back."


def superseded(service: str) -> str:
    """Say that somebody else went on with the service while this run's process was dead."""
    return (
        f"Another run took {service} over while this run's process was not running, so this run "
        "changes nothing any more. What users get now: pitstop doctor"
    )


def process_broke(run: str, what: str) -> str:
    """Say that pitstop itself broke."""
    return f"pitstop broke: {what}. Nothing more was done. Try again: pitstop resume {run}"


def broke(title: str, what: str, where: str) -> str:
    """Say that a step broke."""
    return f"{title} broke: {what} ({where})"


def fault(error: BaseException) -> str:
    """Return an unexpected error in one line."""
    return one_line(f"{type(error).__name__}: {error}")


def awaitable(name: str) -> str:
    """Say what a step must not return."""
    return f"{name} returned an awaitable: it was never run. Steps are plain functions."


def unknown_steps(run: str, names: list[str]) -> str:
    """Say that an older version's run does not fit this version's procedure."""
    return (
        f"This run was opened by another version of pitstop: it finished {', '.join(names)}, which "
        "this version does not ask for here. Nothing was done. Go on with the version that opened it "
        f"(see: pitstop log {run}). {_end_it(run)}"
    )


def _end_it(run: str) -> str:
    return (
        f"Or end it: pitstop abort {run} --reason TEXT before its deploy, pitstop rollback {run} "
        "--reason TEXT after it"
    )


def other_shape(run: str, name: str, why: str) -> str:
    """Say that an older version recorded a result that this version cannot read."""
    return (
        f"This run was opened by another version of pitstop: its result of {name} has another "
        f"shape. Nothing was done. Go on with the version that opened it (see: pitstop log {run}). "
        f"{_end_it(run)} ({one_line(why)[:200]})"
    )


# -- announcements: the runbook's four templates -----------------------------------------------


def alert(incident: Incident, status: Mapping[str, Any]) -> str:
    """Return the pre-deployment message."""
    return (
        f"🚨 HOTFIX ALERT: {one_line(incident.title)}\nService: {incident.service} "
        f"({incident.severity})\nImpact: {one_line(incident.impact)}\nFix: ready to deploy: "
        f"{one_line(status['fix'] or '')}\nETA: {_eta(status)}\nContact: {incident.owner}\n"
        "Next update: when it serves users\n"
    )


def progress(incident: Incident, status: Mapping[str, Any]) -> str:
    """Return the message during the deployment."""
    return (
        f"🔄 HOTFIX IN PROGRESS: {one_line(incident.title)}\nStarted: {incident.declared_at}\n"
        f"Status: the fix serves users and is being judged\nETA: {_eta(status)}\n"
        "Next update: when it is verified, or returned\n"
    )


def ended(incident: Incident, outcome: Outcome, status: Mapping[str, Any]) -> str:
    """Return the message about how it ended."""
    took = minutes(status["slo"]["elapsed_seconds"])
    title = one_line(incident.title)
    if outcome.status == "fixed":
        owed = [task["title"] for task in status["followups"]]
        return (
            f"✅ HOTFIX COMPLETE: {title}\nIssue: resolved\nDuration: {took}\nVerification: "
            f"{_verified(status)}\nFollow-up: {'; '.join(owed) or 'post-mortem'}\n"
            "Next update: only if production falls ill in the watch that begins now\n"
        )
    if outcome.status == "rolled_back":
        return (
            f"⚠️ HOTFIX ROLLED BACK: {title}\nReason: {outcome.reason}\nStatus: the previous "
            f"version is restored and healthy\nImpact: as before: {one_line(incident.impact)}\n"
            f"{_database(status)}{_owed(status)}"
            "Next update: when another fix is ready, or the incident is over\n"
        )
    if outcome.status == "stranded":
        return (
            f"❌ HOTFIX STRANDED: {title}\n{outcome.reason}\nNext: a person returns production by "
            "hand, now\nNext update: when that is done\n"
        )
    unchanged = "" if UNCHANGED in outcome.reason else f"{UNCHANGED}\n"
    return (
        f"HOTFIX {outcome.status.upper()}: {title}\nReason: {outcome.reason}\n{unchanged}"
        "Next update: when another fix is ready, or the incident is over\n"
    )


def returned(wanted: Return, outcome: Outcome, status: Mapping[str, Any]) -> str:
    """Return the message about a rollback by hand."""
    state = "is restored" if outcome.status == "rolled_back" else "COULD NOT BE RESTORED"
    return (
        f"⚠️ ROLLED BACK: {wanted.service}\nReason: {one_line(wanted.reason)}\nStatus: "
        f"{wanted.deployment_id} {state}\n{_database(status)}By: {wanted.owner}\n"
        f"Next update: from {wanted.owner}\n"
    )


def _database(status: Mapping[str, Any]) -> str:
    return f"Database: {status['moved_on']}\n" if status["moved_on"] else ""


def _owed(status: Mapping[str, Any]) -> str:
    return "".join(f"Owed: {task['title']}\n" for task in status["followups"])


def _eta(status: Mapping[str, Any]) -> str:
    left = status["slo"]["budget_seconds"] - status["slo"]["elapsed_seconds"]
    return f"{minutes(left)} at most" if left > 0 else "the time budget is used up"


def _verified(status: Mapping[str, Any]) -> str:
    passed = [gate["name"] for gate in status["gates"] if gate["verdict"] == "pass"]
    return f"passed: {', '.join(passed)}" if passed else "by a person's decision"


# -- the command line -------------------------------------------------------------------------


def allowed(what: str, given: str, known: Iterable[str]) -> str:
    """Say which values there are."""
    return f"{what} {given!r} is not known. Use one of: {', '.join(known)}."
