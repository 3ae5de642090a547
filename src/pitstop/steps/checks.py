"""Prove the change in its worktree, with the team's own commands, before it goes live."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pitstop import config
from pitstop import messages as say
from pitstop.domain.change import Change
from pitstop.domain.verdict import GateResult
from pitstop.flow import No, step
from pitstop.guards import choice, kinds
from pitstop.ports import Crew, Forge, Ran, Tally

_NOT_RUN = (4, 5, 126, 127)  # pytest's wrong usage and nothing collected; the shell's not to be run


@dataclass(frozen=True)
class Check:
    """What a check came to; ``ran`` is False where there was nothing to run.

    ``tests`` is what they say of themselves, where they do; ``attempts`` above 1 is flaky.
    """

    name: str
    ran: bool
    seconds: float = 0.0
    said: str = ""
    tests: Tally | None = None
    attempts: int = 1
    flaky: tuple[str, ...] = ()


@step("Set up the worktree", phase="checking", attempts=2)
def prepare(crew: Crew, change: Change) -> Check | No:
    """Make the fresh worktree able to run its tests."""
    return _check(crew, change, "setup", crew.settings.checks.setup)


@step("Targeted tests", phase="checking")
def targeted(crew: Crew, change: Change) -> Check | No:
    """Run the tests that the change affects; where none maps to it, the smoke suite counts."""
    command = targeted_command(crew.forge, crew.settings.checks, change)
    if crew.settings.checks.targeted and not command:
        return Check("targeted", False, said=say.NO_TEST_MAPS)
    return _check(crew, change, "targeted", command)


@step("Smoke tests", phase="checking")
def smoke(crew: Crew, change: Change) -> Check | No:
    """Run the smoke suite."""
    return _check(crew, change, "smoke", crew.settings.checks.smoke)


@step("The change's own tests fail without it", phase="checking")
def proof(crew: Crew, change: Change) -> GateResult | None:
    """Run the tests that the change brings on what is deployed: where they pass, they prove nothing."""
    checks, everything = crew.settings.checks, crew.forge.files(change.commit)
    own = choice.changed_tests(change.files, everything)
    if not own or not checks.targeted or not _names_tests(checks.targeted):
        return None
    helpers = [path for path in change.files if kinds.is_test(path)]
    folder = crew.forge.before(change, helpers)
    try:
        return _proven(crew, folder, _filled(checks.targeted, own, own))
    finally:
        crew.forge.give_back(folder)


@step("Tested tree is the committed tree", phase="checking")
def same_tree(crew: Crew, change: Change) -> str | No:
    """Refuse to go on if somebody or a test changed tracked files meanwhile."""
    if not crew.forge.unchanged(change):
        return No(say.worktree_changed(change.branch.worktree))
    return change.tree


@step("What a person tries by hand", phase="checking")
def by_hand(crew: Crew) -> str | None:
    """Return what is to be tried; None where the team asks for nothing."""
    return crew.settings.checks.manual


def targeted_command(forge: Forge, checks: config.Checks, change: Change) -> str | None:
    """Return the team's command with this change's tests filled in; None where none maps to it."""
    command = checks.targeted
    if not command or not _names_tests(command):
        return command
    everything = forge.files(change.commit)
    importing = forge.mentioning(change.commit, choice.stems(change.files))
    tests = choice.affected(change.files, everything, importing, checks.mapping)
    files = choice.sources(change.files, everything)
    if ("{tests}" in command and not tests) or not (tests or files):
        return None
    return _filled(command, tests, files or tests)


def _names_tests(command: str) -> bool:
    return "{tests}" in command or "{files}" in command


def _filled(command: str, tests: Iterable[str], files: Iterable[str]) -> str:
    """Put the names in; one that begins with a dash is no option."""
    plain = [
        [f"./{name}" if name.startswith("-") else name for name in names]
        for names in (tests, files)
    ]
    return command.replace("{tests}", shlex.join(plain[0])).replace("{files}", shlex.join(plain[1]))


def _check(crew: Crew, change: Change, name: str, command: str | None) -> Check | No:
    """Run a check, and once more as often as the team allows; what passes only then is flaky."""
    if not command:
        return Check(name, False, said=say.NOT_CONFIGURED)
    folder, flaky, attempt = Path(change.branch.worktree), set[str](), 1
    ran = _run(crew, name, command, folder)
    while (no := _refused(crew, name, ran)) and attempt <= crew.settings.checks.retries:
        flaky |= set(ran.tests.failing) if ran.tests else set()
        attempt += 1
        ran = _run(crew, name, command, folder)
    if no:
        return no
    flaky |= set(ran.tests.rerun) if ran.tests else set()
    check = Check(name, True, round(ran.seconds, 3), ran.tail[-500:], ran.tests)
    return replace(check, attempts=attempt, flaky=tuple(sorted(flaky)))


def _run(crew: Crew, name: str, command: str, folder: Path) -> Ran:
    within = crew.settings.checks.within
    return crew.commands.run(command, name=name, folder=folder, within=within, env={})


def _refused(crew: Crew, name: str, ran: Ran) -> No | None:
    """Return why a check does not count as passed; its exit code is not all that it says."""
    if ran.timed_out:
        within = crew.settings.checks.within.total_seconds()
        return No(say.check_timed_out(name, within, ran.tail))
    if ran.exit_code != 0:
        return No(say.check_failed(name, ran.exit_code, ran.tail))
    if ran.tests and ran.tests.failed:
        return No(say.check_hides_failures(name, ran.tests.failing, ran.tail))
    if ran.tests and not ran.tests.passed:
        return No(say.check_ran_nothing(name, ran.tests.skipped))
    return None


def _proven(crew: Crew, folder: Path, command: str) -> GateResult:
    """Say whether the tests fail there; if that cannot be found out, that is no proof either."""
    setup = crew.settings.checks.setup
    if setup:
        ready = _run(crew, "setup for the proof", setup, folder)
        if ready.timed_out or ready.exit_code != 0:
            return GateResult("proof", "inconclusive", say.NO_PROOF_SETUP)
    ran = _run(crew, "proof", command, folder)
    if ran.timed_out:
        return GateResult("proof", "inconclusive", say.NO_PROOF_IN_TIME)
    if ran.exit_code == 0:
        return GateResult("proof", "inconclusive", say.NO_PROOF)
    count = ran.tests.failed if ran.tests else None
    if count == 0 or ran.exit_code < 0 or ran.exit_code in _NOT_RUN:
        return GateResult("proof", "inconclusive", say.NO_PROOF_RUN)
    return GateResult("proof", "pass", say.proven(count), n=count)
