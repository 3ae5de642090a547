"""What the procedure needs from the world: one protocol per need, one per ability.

An adapter says no with ``Refused`` (nothing was changed) and "I do not know" with ``CannotTell``.
Abilities are small protocols that are asked for with ``isinstance``, never assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pitstop.domain.answer import RemoteAnswer
from pitstop.domain.backup import BackupTaken, Estimate
from pitstop.domain.calendar import Standing
from pitstop.domain.change import (
    Branch,
    Candidate,
    Change,
    Deployment,
    Finding,
    Landed,
    Patch,
    Release,
)
from pitstop.domain.known_bad import BadCommit, Released

if TYPE_CHECKING:
    from pitstop.config import Settings
    from pitstop.gate import Interval


class Refused(Exception):
    """The outside said no. One sentence; nothing was changed by the refused act."""


class CannotTell(Exception):
    """No answer, or one that does not say. Never success, never failure."""


class Fenced(BaseException):
    """Somebody else acts on the service now; whoever sees this stops at once, without undoing."""


class Clock(Protocol):
    """Time for the procedure; in a rehearsal it is make-believe."""

    def now(self) -> datetime:
        """Return the time in UTC; it never runs backwards within a run."""

    def pause(self, seconds: float) -> None:
        """Wait; beats the heart and hears an abort meanwhile."""


class Fence(Protocol):
    """A number in the service's state; every act on the platform compares it first."""

    def check(self) -> None:
        """Raise ``Fenced`` if the service's number is no longer ours."""


@dataclass(frozen=True)
class Tally:
    """What tests say of themselves; ``rerun`` are those that passed only when run once more."""

    passed: int
    failed: int
    skipped: int
    failing: tuple[str, ...] = ()
    rerun: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ran:
    """A command that came to an end. ``tail`` is the end of its output, secrets masked."""

    exit_code: int
    seconds: float
    tail: str
    timed_out: bool = False
    tests: Tally | None = None  # where it wrote a report


class Commands(Protocol):
    """The team's own commands, as they stand in the configuration."""

    def run(
        self, command: str, *, name: str, folder: Path, within: timedelta, env: Mapping[str, str]
    ) -> Ran:
        """Run a shell command in ``folder``; its output is kept with the run under ``name``.

        ``{junit}`` in it, or PITSTOP_JUNIT in its environment, is where it may leave a report.
        """


class Platform(Protocol):
    """Where the service runs."""

    def findings(self) -> list[Finding]:
        """Say what is ready and what is not; change nothing."""

    def running(self) -> Deployment | None:
        """Return what users are served by now; None when nothing is in service.

        Raises CannotTell when the platform does not answer.
        """

    def deployments(self) -> list[Deployment]:
        """Return every deployment that can be returned to, newest first."""

    def deploy(self, release: Release) -> Deployment:
        """Put a release into service, once per key; users are moved only when it is healthy.

        Raises Refused when it cannot be built or never becomes healthy (users were not moved).
        """

    def return_to(self, deployment_id: str) -> Deployment:
        """Serve users from a kept deployment again; does nothing when they already are.

        Raises Refused when that deployment is gone or does not become healthy.
        """

    def healthy(self, deployment_id: str | None = None) -> tuple[bool, str]:
        """Ask once: is what users get (or that deployment) healthy, and what was seen."""

    def address(self) -> str:
        """Return the URL that reaches production without counting as a user."""

    def restore_command(self, deployment_id: str) -> str:
        """Return the exact command with which a person returns to a deployment by hand."""

    def keep(self, deployment_id: str) -> None:
        """Never prune this deployment until ``let_go``."""

    def let_go(self, deployment_id: str) -> None:
        """Take back ``keep``."""


@runtime_checkable
class StagesCandidates(Protocol):
    """A platform that can run a release without users."""

    def stage(self, release: Release) -> Candidate:
        """Build, start and wait until healthy, once per key. Raises Refused with the reason."""

    def discard(self, key: str) -> None:
        """Stop the candidate of this key if users were never moved to it."""


@runtime_checkable
class SplitsTraffic(Protocol):
    """A platform that can give a staged release a share of the users."""

    def split(self, deployment_id: str, percent: int) -> Deployment:
        """Serve that share of the users from it; ``at`` is since when. Does nothing if it is so.

        Deploying ends it, and so does returning, also to the deployment that has the other users.
        Raises Refused, CannotTell.
        """


@runtime_checkable
class ParksPrevious(Protocol):
    """A platform that keeps the previous release warm, so that returning takes no start."""

    def retire(self, deployment_id: str) -> None:
        """Drain and stop a parked deployment; its files stay as a rollback target."""


@runtime_checkable
class ActsByHand(Protocol):
    """A platform whose acts a person can do without pitstop, with the team's own commands.

    Each list is typed into one plain shell, line after line; secrets stay names of variables.
    """

    def deploy_commands(self, release: Release) -> list[str]:
        """Return what puts a release into service."""

    def return_commands(self, deployment_id: str) -> list[str]:
        """Return what brings users back to a deployment."""

    def look_commands(self) -> list[str]:
        """Return what says which release users get, and then whether it is healthy."""


@runtime_checkable
class MeasuresMemory(Protocol):
    """A platform that sees how much memory its releases hold."""

    def memory(self) -> int:
        """Return the bytes that the live deployment holds; acts on nothing. Raises CannotTell."""


@runtime_checkable
class WarnsBefore(Protocol):
    """A platform whose deploys and rollbacks do more than move users."""

    def warnings(self) -> list[str]:
        """Return what else they do, a sentence each. Raises CannotTell."""


@runtime_checkable
class ShowsLogs(Protocol):
    """A platform that shows what the service said."""

    def logs(self, deployment_id: str | None = None) -> str:
        """Return the end of the service's log, or of one deployment's. Raises CannotTell."""


@runtime_checkable
class WritesAccessLog(Protocol):
    """A platform that writes users' requests down, as JSON lines."""

    def access_logs(self) -> list[Path]:
        """Return the files, oldest first."""


class Stream(Protocol):
    """What a telemetry hears from one moment on, each request once."""

    def read(self, until: datetime) -> list[Interval]:
        """Return what was heard since the last read, by seconds, ``at`` after the stream's start.

        One read names a second once; what arrives late comes with its own second in a later read. Empty means nothing was
        heard. Raises CannotTell when the source does not answer; the next read goes on from there.
        """

    def fresh(self) -> datetime | None:
        """Return until when the source is known to have told everything; None: it told nothing.

        Silence does not make it fresher, unless the source said that there was nothing.
        """


@runtime_checkable
class Telemetry(Protocol):
    """Requests of users, counted, and what meters read."""

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Return one-second intervals that hold something, ``at`` in seconds after ``since``.

        Only users' requests; of one deployment if asked. Empty means nothing was heard.
        Raises CannotTell when the source does not answer.
        """

    def follow(self, since: datetime, deployment_id: str | None = None) -> Stream:
        """Return what is heard from a moment on; it may lie in the past."""


@runtime_checkable
class TellsTroubles(Protocol):
    """A telemetry of several sources, some of which may fail while others are heard."""

    def troubles(self) -> list[str]:
        """Return what fails now, a sentence for each source, in its own words."""


class Meter(Protocol):
    """Something of the service that is read every few seconds: memory, the database."""

    name: str

    def read(self) -> Mapping[str, float]:
        """Return readings by name (``memory`` in bytes, ``db.mean_ms`` ...), as they are now.

        Empty means that there is nothing to say yet. Raises CannotTell with the source's own
        words when it does not answer.
        """


class Forge(Protocol):
    """Where the code lives: the repository and its remote."""

    def findings(self) -> list[Finding]:
        """Say what is ready and what is not (identity, remote, signing, half-done merges)."""

    def fetch(self) -> None:
        """Learn what the remote has. Raises CannotTell when it does not answer."""

    def cut(self, name: str, base_commit: str, start_from: str | None) -> Branch:
        """Create branch, worktree and the branch on the remote; returns what is there if ours.

        Raises Refused when the name is taken, or when ``start_from`` is not built on the base.
        """

    def commit(self, branch: Branch, message: str) -> Change:
        """Commit what the worktree holds, if anything; return the branch's head as the change."""

    def publish(self, change: Change) -> None:
        """Push exactly this branch to the remote."""

    def unchanged(self, change: Change) -> bool:
        """Return whether worktree and branch still hold exactly the change's tree and commit."""

    def before(self, change: Change, paths: Collection[str]) -> Path:
        """Return a folder with the files of the base, but these of the change; give it back."""

    def give_back(self, folder: Path) -> None:
        """Remove a folder that ``before`` made."""

    def preview(self, branch: Branch, message: str) -> Change:
        """Return the change that ``commit`` would make of the worktree; no ref is touched."""

    def patch(self, change: Change) -> Patch:
        """Return what lies between the base and the change: files, commits, text."""

    def between(self, base: str, commit: str) -> Patch:
        """Return what lies between two commits. Raises Refused where one of them is not here."""

    def files(self, commit: str) -> list[str]:
        """Return the names of all files of a commit."""

    def mentioning(self, commit: str, words: Collection[str]) -> list[str]:
        """Return the files of a commit that import, or require, something of these names."""

    def merge_conflicts(self, change: Change) -> list[str]:
        """Return the files in which the change conflicts with the remote's main; touch nothing."""

    def free_tag(self, wanted: str, promised: Collection[str] = ()) -> str:
        """Return ``wanted``, or it with -2, -3 ... if it is taken here, on the remote or promised."""

    def land(self, change: Change, tag: str, tag_message: str, merge_message: str) -> Landed:
        """Merge to main, tag the commit and delete the branch, in one atomic push; look first.

        What the remote does not allow comes back as ``owed``; nothing is ever forced.
        """

    def prepare_revert(self, change: Change) -> str:
        """Push a branch that undoes the change on main; return its name."""

    def discard(self, branch: Branch) -> str | None:
        """Remove worktree and branch, here and there; return the ref that keeps unmerged work."""

    def clean_up(self, branch: Branch) -> None:
        """Remove the worktree of a merged branch."""


class Audience(Protocol):
    """Somebody who must hear it."""

    name: str

    def said(self, key: str) -> bool | None:
        """Return whether this was said already; None when this audience cannot tell."""

    def say(self, key: str, subject: str, text: str) -> None:
        """Say it. Raises Refused or CannotTell; the hotfix goes on without."""


class Claims(Protocol):
    """The service's claim, seen by every machine: who is putting a fix into it."""

    def take(self, reason: str) -> None:
        """Claim the service for this run; does nothing if it is ours. Raises Refused: who has it."""

    def note(self, rollback_point: str, restore_command: str) -> None:
        """Let others see how production is returned, should this machine be lost."""

    def release(self) -> None:
        """Give the claim back, if it is still ours."""


class Answers(Protocol):
    """What colleagues say in their own clones about a change that waits for approval."""

    def heard(self, run: str, tree: str) -> list[RemoteAnswer]:
        """Return what was said about this tree, rejections first. Raises CannotTell."""

    def say(self, run: str, answer: RemoteAnswer) -> bool:
        """Let whoever executes the run hear an answer; return whether it is new.

        Raises Refused where the same person rejected this tree before, or nobody could hear it.
        """

    def clear(self, run: str) -> None:
        """Remove what was said to a run that is over."""


class Calendar(Protocol):
    """When deploying is normal, and when nobody deploys."""

    def standing(self, at: datetime) -> Standing:
        """Return what holds at a moment. Raises CannotTell when a calendar cannot be read."""


class KnownBad(Protocol):
    """Commits that production was returned from: remembered by every clone until released."""

    def find(self, commit: str, since: str) -> BadCommit | None:
        """Return what forbids a commit: its id, its tree, or a commit between ``since`` and it.

        Raises CannotTell when the remote does not answer and nothing here forbids it, Refused
        when an entry about it cannot be understood.
        """

    def mark(self, found: BadCommit) -> str:
        """Remember a commit, first here, then on the remote; return what is not done, in words."""

    def release(self, commit: str, released: Released) -> str:
        """Allow a known-bad commit again; return what is not done, in words."""

    def entries(self) -> list[BadCommit]:
        """Return all that is remembered, released or not, the newest first."""


class Backup(Protocol):
    """Where the service keeps its data, and copies of it."""

    def findings(self) -> list[Finding]:
        """Say what is ready and what is not; change nothing."""

    def estimate(self) -> Estimate | None:
        """Return what a backup would take; None where the source does not say."""

    def take(self, key: str) -> BackupTaken:
        """Take a backup, once per key: a whole one is returned as it is, a half one taken anew.

        Raises Refused (no whole backup came out, and nothing is called one) or CannotTell.
        """

    def verify(self, backup_id: str) -> str:
        """Read a backup back; return one sentence of evidence, which is recorded with it.

        Raises Refused when it cannot be read back, CannotTell when that could not be tried.
        """

    def kept(self) -> list[BackupTaken]:
        """Return every whole backup, newest first."""

    def migration_head(self) -> str | None:
        """Return the newest migration of the database; None when it holds no known migrations.

        Raises CannotTell when the database does not answer.
        """

    def restore_command(self, backup_id: str) -> str:
        """Return the exact command with which a person restores a backup. Raises Refused: it is gone."""

    def keep(self, backup_id: str) -> None:
        """Never prune this backup until ``let_go``."""

    def let_go(self, backup_id: str) -> None:
        """Take back ``keep``."""

    def prune(self) -> list[str]:
        """Delete what is past its time, never the newest verified one; return the ids."""


@runtime_checkable
class OpensBackups(Protocol):
    """Backups whose bytes can be had."""

    def contents(self, backup_id: str, sink: Callable[[bytes], object]) -> None:
        """Send a backup's plain bytes to a sink. Raises Refused, CannotTell."""


class Record(Protocol):
    """What a step may know of its own record."""

    def head(self) -> str:
        """Return the hash of the journal's last line."""

    def returned(self, run: str, ok: bool, reason: str, to: str, moved_on: str = "") -> None:
        """Write into another run's journal that production was returned to a deployment (or not)."""

    def status(self) -> Mapping[str, Any]:
        """Return this run's state so far, as ``status --json`` gives it."""

    def answered(self, by: str, data: Mapping[str, object], *, once: str) -> None:
        """Put on record what somebody answered elsewhere; said again, it stands there once."""

    def promised_tags(self) -> Collection[str]:
        """Return the tags that other runs have named, pushed or not."""

    def show(self, seen: Mapping[str, Any]) -> None:
        """Let people see what is seen now; it is kept beside the journal, not in it."""


class Hooks(Protocol):
    """The team's own executables, called before and after a stage."""

    def find(self, name: str) -> str | None:
        """Return the command that calls a hook, ``pre-deploying`` for instance; None without one."""


@dataclass(frozen=True)
class Crew:
    """The adapters of one run."""

    settings: Settings
    platform: Platform
    forge: Forge
    telemetry: Telemetry
    audiences: tuple[Audience, ...]
    commands: Commands
    clock: Clock
    claims: Claims
    record: Record
    calendar: Calendar | None = None
    known_bad: KnownBad | None = None
    backup: Backup | None = None
    answers: Answers | None = None
    hooks: Hooks | None = None
