"""Every port in memory: for rehearsals, plans and tests. Ships with pitstop.

A ``World`` is what the simulated adapters share: what runs, what main has, what was said, and how
things will turn out. Its clock is make-believe: waiting takes no time.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pitstop.adapters.telemetry.asked import Asked
from pitstop.config import Part, Settings
from pitstop.domain.answer import RemoteAnswer
from pitstop.domain.backup import BackupTaken, Estimate
from pitstop.domain.calendar import Freeze, Standing, standing, weekly
from pitstop.domain.change import (
    Branch,
    Candidate,
    Change,
    Commit,
    Deployment,
    FileChange,
    Finding,
    Landed,
    Patch,
    Release,
)
from pitstop.domain.known_bad import BadCommit, Released
from pitstop.gate import Interval
from pitstop.messages import mail_of
from pitstop.ports import CannotTell, Clock, Crew, Fence, Ran, Record, Refused

START = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
LONGEST = timedelta(days=2)
BASE = "b" * 40
FIX = "f" * 40


class SimulatedSettings(Part):
    """``[platform] use = "simulated"`` needs nothing else."""


@dataclass
class World:
    """What there is, and how things will turn out. Rates are errors per request, 0 to 1."""

    deployments: list[Deployment] = field(
        default_factory=lambda: [
            Deployment("d1", BASE, f"tree-{BASE}", "http://d1", "2026-01-02T03:00:00Z")
        ]
    )
    live: str = "d1"
    switches: list[tuple[str, str]] = field(default_factory=list)  # when, and who is live since
    splits: list[tuple[str, str, int]] = field(default_factory=list)  # when, beside, percent
    service: str = "simulated"
    keys: dict[str, str] = field(default_factory=dict)
    pinned: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    main: str = BASE
    tags: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    reverts: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    claimed_by: str | None = None
    freezes: list[Freeze] = field(default_factory=list)
    windows: tuple[str, ...] = ()
    calendar_answers: bool = True
    known_bad: dict[str, BadCommit] = field(default_factory=dict)  # by commit
    answers: dict[tuple[str, str, str], RemoteAnswer] = field(
        default_factory=dict
    )  # run, tree, mail
    below: dict[str, tuple[str, ...]] = field(default_factory=dict)  # what a commit is built on
    way_back: tuple[str, str] | None = None  # what the claim says: rollback point, command
    acts: list[str] = field(default_factory=list)  # every change of the world, in order
    number: int | None = None

    rate_before: float = 0.2
    rate_after: float = 0.0
    requests_per_second: int = 20
    starts: bool = True  # whether the new release becomes healthy
    stays_healthy: bool = True  # whether it goes on being healthy
    returns: bool = True  # whether a rollback works
    main_protected: bool = False
    conflicts: tuple[str, ...] = ()  # files in which main has something else
    remote_answers: bool = True
    platform_answers: bool = True
    lost: list[str] = field(default_factory=list)  # deployments whose files are gone
    failing: tuple[str, ...] = ()  # commands that fail
    proves: bool = True  # whether the change's own tests fail without it
    hanging: tuple[str, ...] = ()  # commands that never end
    telemetry_answers: bool = True
    files: tuple[str, ...] = ("app.py",)
    brought: tuple[str, ...] = ("prices.py",)  # files of the deployment in service
    lines: int = 1  # that the fix adds to each of them
    backups: list[dict[str, Any]] = field(default_factory=list)  # what BackupTaken holds, each
    backup_works: bool = True
    backup_reads_back: bool = True
    database_answers: bool = True
    migration: str | None = "0001"
    bad_after: float | None = None  # seconds after the deploy at which errors rise
    now: datetime = START
    on_tick: Callable[[], None] = lambda: None
    _file: Path | None = None

    @classmethod
    def kept(
        cls, file: Path, service: str, first: Callable[[], tuple[str, str]], now: datetime
    ) -> World:
        """Return a world that lives in a file between processes.

        At its beginning users are served by ``first``: a commit and its tree.
        """
        world = cls(_file=file, service=service)
        if not file.exists():
            commit, tree = first()
            since = (now - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
            world.deployments = [Deployment("d1", commit, tree, "http://d1", since)]
            world.act("opened")
        else:
            for name, value in json.loads(file.read_text()).items():
                kept = [Deployment(**one) for one in value] if name == "deployments" else value
                setattr(world, name, kept)
        return world

    def act(self, what: str) -> None:
        """Note a change of the world."""
        self.acts.append(what)
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            names = ("live", "switches", "splits", "keys", "pinned", "stopped", "acts", "backups")
            state: dict[str, Any] = {name: getattr(self, name) for name in names}
            state["deployments"] = [vars(one) for one in self.deployments]
            beside = self._file.with_suffix(".new")
            beside.write_text(json.dumps(state))
            beside.replace(self._file)

    def find(self, deployment_id: str) -> Deployment:
        """Return a deployment by its id."""
        for one in self.deployments:
            if one.id == deployment_id:
                return one
        raise Refused(f"There is no deployment {deployment_id}.")

    def beside(self, moment: float = float("inf")) -> tuple[str, int]:
        """Return what had a share of the users at a moment, and how many percent."""
        found = ("", 0)
        for at, deployment, percent in self.splits:
            if datetime.fromisoformat(at).timestamp() <= moment:
                found = (deployment, percent)
        return found

    def acting(self) -> str:
        """Return that nobody else acts here."""
        return ""

    def regain(self) -> int:
        """Take the next number."""
        self.number = (self.number or 0) + 1
        return self.number

    @contextlib.contextmanager
    def alone(self, recorded: int | None, tick: Callable[[], None]) -> Iterator[int]:
        """Be the only one who acts."""
        self.number = recorded or (self.number or 0) + 1
        yield self.number


class MakeBelieveClock:
    """Time that passes when somebody waits."""

    def __init__(self, world: World, tick: Callable[[], None]) -> None:
        self._world, self._tick = world, tick

    def now(self) -> datetime:
        """Return the world's time."""
        return self._world.now

    def pause(self, seconds: float) -> None:
        """Let the world's time pass."""
        self._world.now += timedelta(seconds=seconds)
        if self._world.now > START + LONGEST:
            raise TimeoutError("The rehearsal waited for longer than any hotfix lasts.")
        self._world.on_tick()
        self._tick()


class SimulatedPlatform:
    """A platform with every ability."""

    def __init__(self, world: World, fence: Fence | None, clock: Clock) -> None:
        self._world, self._fence, self._clock = world, fence, clock

    def findings(self) -> list[Finding]:
        """Say that all is well."""
        return [Finding("platform", "ok", "simulated")]

    def running(self) -> Deployment | None:
        """Return what users are served by."""
        if not self._world.platform_answers:
            raise CannotTell("The platform does not answer.")
        return self._world.find(self._world.live) if self._world.live else None

    def deployments(self) -> list[Deployment]:
        """Return every deployment, newest first."""
        served = [one for one in self._world.deployments if one.at]
        return list(reversed(served))

    def stage(self, release: Release) -> Candidate:
        """Start the release without users."""
        deployment = self._made(release)
        return Candidate(deployment.id, deployment.url)

    def _made(self, release: Release) -> Deployment:
        known = self._world.keys.get(release.key)
        if known:
            if known in self._world.stopped:
                self._check()
                self._world.stopped.remove(known)
                self._world.act(f"start {known}")
            return self._world.find(known)
        self._check()
        if not self._world.starts or release.commit.startswith(("exits", "sick")):
            raise Refused(
                f"The new release of {release.commit} never became healthy. Users were not moved."
            )
        name = f"d{len(self._world.deployments) + 1}"
        deployment = Deployment(name, release.commit, release.tree, f"http://{name}")
        self._world.deployments.append(deployment)
        self._world.keys[release.key] = name
        self._world.act(f"start {name}")
        return deployment

    def discard(self, key: str) -> None:
        """Stop a candidate that never had users."""
        known = self._world.keys.get(key)
        if known and self._world.find(known).at is None and known not in self._world.stopped:
            self._world.stopped.append(known)
            self._world.act(f"stop {known}")

    def deploy(self, release: Release) -> Deployment:
        """Move users to the release."""
        deployment = self._made(release)
        return self._switch(deployment)

    def split(self, deployment_id: str, percent: int) -> Deployment:
        """Give a release a share of the users."""
        found = self._world.find(deployment_id)
        if self._world.beside() != (deployment_id, percent):
            self._check()
            self._note_split(deployment_id, percent)
        return replace(found, at=self._world.splits[-1][0])

    def _note_split(self, deployment_id: str, percent: int) -> None:
        at = self._clock.now().isoformat().replace("+00:00", "Z")
        self._world.splits.append((at, deployment_id, percent))
        self._world.act(f"split {deployment_id} {percent}" if percent else "unsplit")

    def return_to(self, deployment_id: str) -> Deployment:
        """Move users back."""
        wanted = self._world.find(deployment_id)
        if not self._world.returns or deployment_id in self._world.lost:
            raise Refused(f"{deployment_id} cannot be started again.")
        if deployment_id in self._world.stopped:
            self._check()
            self._world.stopped.remove(deployment_id)
            self._world.act(f"start {deployment_id}")
        if self._world.live == wanted.id and self._world.beside()[1]:
            self._check()
            self._note_split("", 0)
        return self._switch(wanted)

    def _switch(self, deployment: Deployment) -> Deployment:
        if self._world.live != deployment.id:
            self._check()
            at = self._clock.now().isoformat().replace("+00:00", "Z")
            live = replace(deployment, at=deployment.at or at)  # since when it first had users
            self._world.deployments[self._world.deployments.index(deployment)] = live
            self._world.live = live.id
            self._world.switches.append((at, live.id))
            self._world.splits.append((at, "", 0))
            self._world.act(f"switch {live.id}")
        return self._world.find(deployment.id)

    def retire(self, deployment_id: str) -> None:
        """Stop a parked deployment."""
        if deployment_id == self._world.live:
            raise Refused(f"{deployment_id} serves users.")
        if deployment_id not in self._world.stopped:
            self._check()
            self._world.stopped.append(deployment_id)
            self._world.act(f"stop {deployment_id}")

    def healthy(self, deployment_id: str | None = None) -> tuple[bool, str]:
        """Say whether users get good answers."""
        if not self._world.platform_answers or (deployment_id or "") in self._world.stopped:
            return False, "connection refused"
        well = self._world.stays_healthy or (deployment_id or self._world.live) == "d1"
        return (True, "200") if well else (False, "connection refused")

    def address(self) -> str:
        """Return where production is."""
        return "http://production"

    def restore_command(self, deployment_id: str) -> str:
        """Return the way by hand."""
        return (
            f'pitstop rollback --service {self._world.service} --to {deployment_id} --reason "..."'
        )

    def keep(self, deployment_id: str) -> None:
        """Pin a deployment."""
        if deployment_id not in self._world.pinned:
            self._world.pinned.append(deployment_id)

    def let_go(self, deployment_id: str) -> None:
        """Unpin a deployment."""
        if deployment_id in self._world.pinned:
            self._world.pinned.remove(deployment_id)

    def _check(self) -> None:
        if self._fence:
            self._fence.check()


class SimulatedTelemetry:
    """Users that never tire."""

    def __init__(self, world: World) -> None:
        self._world = world

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Return one interval for each second, with the error rate of what served it."""
        if not self._world.telemetry_answers:
            raise CannotTell("The telemetry does not answer.")
        heard = []
        for moment in range(ceil(since.timestamp()), ceil(until.timestamp())):
            requests = errors = 0
            for served_by, percent in self._shares(moment).items():
                if deployment_id in (None, served_by):
                    here = round(self._world.requests_per_second * percent / 100)
                    requests += here
                    errors += round(here * self._rate(served_by, moment))
            if requests:
                heard.append(Interval(moment - since.timestamp(), requests, errors))
        return heard

    def _shares(self, moment: float) -> dict[str, int]:
        """Return how many of a hundred users each deployment served at a moment."""
        beside, percent = self._world.beside(moment)
        shares = {self._live(moment): 100 - percent}
        return shares | ({beside: percent} if percent else {})

    def follow(self, since: datetime, deployment_id: str | None = None) -> Asked:
        """Return what is heard from a moment on."""
        return Asked(self.intervals, since, deployment_id)

    def _live(self, moment: float) -> str:
        """Return what served users at a moment, in seconds since 1970."""
        live = self._world.deployments[0].id
        for at, deployment in self._world.switches:
            if datetime.fromisoformat(at).timestamp() <= moment:
                live = deployment
        return live

    def _rate(self, deployment: str, moment: float) -> float:
        world = self._world
        if deployment == world.deployments[0].id:
            return world.rate_before
        began = datetime.fromisoformat(world.find(deployment).at or world.splits[-1][0]).timestamp()
        late = world.bad_after is not None and moment - began >= world.bad_after
        return 0.5 if late else world.rate_after


class SimulatedForge:
    """A repository whose remote does as it is told."""

    def __init__(self, world: World, clock: Clock | None = None) -> None:
        self._world, self._clock = world, clock

    def _ask(self) -> None:
        if self._clock:
            self._clock.pause(0.0)  # any answer takes a moment, in which an abort is heard
        if not self._world.remote_answers:
            raise CannotTell("The remote does not answer.")

    def findings(self) -> list[Finding]:
        """Say that all is well."""
        return [Finding("git", "ok", "simulated")]

    def fetch(self) -> None:
        """Ask the remote."""
        self._ask()

    def cut(self, name: str, base_commit: str, start_from: str | None) -> Branch:
        """Make the branch."""
        if name not in self._world.branches:
            self._ask()
            self._world.branches[name] = start_from or base_commit
            self._world.act(f"cut {name}")
        return Branch(name, f"worktree/{name}", base_commit)

    def commit(self, branch: Branch, message: str) -> Change:
        """Commit the fix."""
        if not self._world.files:
            raise Refused("There is nothing to ship.")
        if self._world.branches.get(branch.name) != FIX:
            self._world.branches[branch.name] = FIX
            self._world.act("commit")
        return Change(branch, FIX, f"tree-{FIX}", self._world.files, ("ada@example.com",))

    def publish(self, change: Change) -> None:
        """Push the branch."""
        self._ask()

    def unchanged(self, change: Change) -> bool:
        """Say that nobody touched it."""
        return True

    def before(self, change: Change, paths: Collection[str]) -> Path:
        """Return a folder that is not there."""
        return Path("before")

    def give_back(self, folder: Path) -> None:
        """Remove nothing."""

    def preview(self, branch: Branch, message: str) -> Change:
        """Return what a commit would be."""
        return Change(branch, FIX, f"tree-{FIX}", self._world.files, ("ada@example.com",))

    def patch(self, change: Change) -> Patch:
        """Return a patch of one line for each file."""
        files = tuple(FileChange(name, added=self._world.lines) for name in change.files)
        text = "".join(
            f"--- a/{name}\n+++ b/{name}\n@@ -1,0 +1 @@\n+fixed\n" for name in change.files
        )
        return Patch(files, (Commit(change.commit, "hotfix: a fix"),), text)

    def between(self, base: str, commit: str) -> Patch:
        """Return what the last deployment brought."""
        files = tuple(FileChange(name, added=1) for name in self._world.brought)
        return Patch(files, (Commit(commit, "prices: round them"),), "")

    def files(self, commit: str) -> list[str]:
        """Return what there is."""
        return [*self._world.files, *(f"tests/test_{name}" for name in self._world.files)]

    def mentioning(self, commit: str, words: Collection[str]) -> list[str]:
        """Return nothing: names tell enough."""
        return []

    def merge_conflicts(self, change: Change) -> list[str]:
        """Return what would not merge."""
        self._ask()
        return list(self._world.conflicts)

    def free_tag(self, wanted: str, promised: Collection[str] = ()) -> str:
        """Return a free name."""
        name, number = wanted, 1
        while name in self._world.tags or name in promised:
            number += 1
            name = f"{wanted}-{number}"
        return name

    def land(self, change: Change, tag: str, tag_message: str, merge_message: str) -> Landed:
        """Merge, tag and delete the branch."""
        self._ask()
        if tag not in self._world.tags:
            self._world.tags[tag] = change.commit
            self._world.act(f"tag {tag}")
        if self._world.main_protected:
            return Landed(owed=("main is protected: open a pull request",))
        if self._world.conflicts:
            return Landed(owed=(f"merging conflicts in {', '.join(self._world.conflicts)}",))
        if self._world.main != change.commit:
            self._world.main = change.commit
            self._world.act("merge")
        self._world.branches.pop(change.branch.name, None)
        return Landed(main=change.commit)

    def prepare_revert(self, change: Change) -> str:
        """Push a branch that undoes the change."""
        name = f"revert/{change.branch.name.partition('/')[2]}"
        if name not in self._world.reverts:
            self._world.reverts.append(name)
            self._world.act("revert prepared")
        return name

    def discard(self, branch: Branch) -> str | None:
        """Remove the branch."""
        if self._world.branches.pop(branch.name, None):
            self._world.act(f"discard {branch.name}")
        return None

    def clean_up(self, branch: Branch) -> None:
        """Remove the worktree."""


class SimulatedCommands:
    """Commands that pass, but for the ones the world lets fail."""

    def __init__(self, world: World, clock: Clock | None = None) -> None:
        self._world, self._clock = world, clock

    def run(
        self, command: str, *, name: str, folder: Path, within: timedelta, env: Mapping[str, str]
    ) -> Ran:
        """Pretend to run a command."""
        if self._clock:
            self._clock.pause(0.0)
        if name in self._world.hanging:
            return Ran(-15, within.total_seconds(), "", timed_out=True)
        bad = name in self._world.failing or (name == "repro before" and self._world.live == "d1")
        bad = bad or (name == "proof" and self._world.proves)
        return Ran(1 if bad else 0, 1.0, "simulated failure" if bad else "")


class SimulatedAudience:
    """Somebody who remembers what was said."""

    name = "team"

    def __init__(self, world: World, clock: Clock | None = None) -> None:
        self._world, self._clock = world, clock

    def said(self, key: str) -> bool | None:
        """Return whether it was said."""
        return key in self._world.said

    def say(self, key: str, subject: str, text: str) -> None:
        """Hear it."""
        if self._clock:
            self._clock.pause(0.0)
        self._world.said[key] = text
        self._world.act(f"say {key.rpartition('/')[2]}")


class SimulatedBackup:
    """A database with nothing in it, and copies of that."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world, self._clock = world, clock

    def findings(self) -> list[Finding]:
        """Say that all is well."""
        return [Finding("backup", "ok", "simulated")]

    def estimate(self) -> Estimate | None:
        """Return what a backup takes."""
        return Estimate(1000, 1.0 if self._world.backups else None)

    def take(self, key: str) -> BackupTaken:
        """Take a backup, once per key."""
        if found := next((one for one in self.kept() if one.id == key), None):
            return found
        self._ask()
        if not self._world.backup_works:
            raise Refused("The dump failed half-way, so there is no backup.")
        at = self._clock.now().isoformat().replace("+00:00", "Z")
        taken = BackupTaken(key, at, 1000, 1.0, "0" * 64, None, None, "simulated")
        self._world.backups.append(vars(taken) | {"pinned": False})
        self._world.act("back up")
        return taken

    def _ask(self) -> None:
        self._clock.pause(0.0)
        if not self._world.database_answers:
            raise CannotTell("The database does not answer.")

    def verify(self, backup_id: str) -> str:
        """Read a backup back."""
        found = self._find(backup_id)
        self._ask()
        if not self._world.backup_reads_back:
            found["verified"] = None
            raise Refused(f"{backup_id} cannot be restored.")
        found["verified"] = "restored into a scratch database: 1 table, 3 rows as at the source"
        return str(found["verified"])

    def _find(self, backup_id: str) -> dict[str, Any]:
        for one in self._world.backups:
            if one["id"] == backup_id:
                return one
        raise Refused(f"There is no backup {backup_id}.")

    def kept(self) -> list[BackupTaken]:
        """Return every backup, newest first."""
        held = [{k: v for k, v in one.items() if k != "pinned"} for one in self._world.backups]
        return [BackupTaken(**one) for one in reversed(held)]

    def migration_head(self) -> str | None:
        """Return how far the database has come."""
        if not self._world.database_answers:
            raise CannotTell("The database does not answer.")
        return self._world.migration

    def restore_command(self, backup_id: str) -> str:
        """Return the way by hand."""
        return f"restore {self._find(backup_id)['id']}"

    def keep(self, backup_id: str) -> None:
        """Pin a backup."""
        self._find(backup_id)["pinned"] = True

    def let_go(self, backup_id: str) -> None:
        """Unpin a backup."""
        self._find(backup_id)["pinned"] = False

    def prune(self) -> list[str]:
        """Keep the newest ten, those that are pinned, and the newest that is verified."""
        proven = [one["id"] for one in self._world.backups if one["verified"]][-1:]
        old = self._world.backups[:-10]
        gone = [one["id"] for one in old if not one["pinned"] and one["id"] not in proven]
        self._world.backups = [one for one in self._world.backups if one["id"] not in gone]
        return gone


class SimulatedClaims:
    """A claim that everybody sees."""

    def __init__(self, world: World, run: str) -> None:
        self._world, self._run = world, run

    def take(self, reason: str) -> None:
        """Claim the service."""
        if not self._world.remote_answers:
            raise CannotTell("The remote does not answer.")
        if self._world.claimed_by not in (None, self._run):
            raise Refused(f"{self._world.claimed_by} has claimed the service.")
        self._world.claimed_by = self._run

    def note(self, rollback_point: str, restore_command: str) -> None:
        """Write down the way back."""
        if self._world.claimed_by == self._run:
            self._world.way_back = rollback_point, restore_command

    def release(self) -> None:
        """Give the claim back."""
        if self._world.claimed_by == self._run:
            self._world.claimed_by = self._world.way_back = None


class SimulatedCalendar:
    """The windows and freezes that the world has."""

    def __init__(self, world: World) -> None:
        self._world = world

    def standing(self, at: datetime) -> Standing:
        """Return what holds."""
        if not self._world.calendar_answers:
            raise CannotTell("The calendar freezes.ics cannot be read: no such file.")
        rules = [weekly(text) for text in self._world.windows]
        return standing(ZoneInfo("UTC"), rules, self._world.freezes, at)


class SimulatedKnownBad:
    """What the world has learned about commits."""

    def __init__(self, world: World) -> None:
        self._world = world

    def find(self, commit: str, since: str) -> BadCommit | None:
        """Return what forbids a commit."""
        built_on = (commit, *self._world.below.get(commit, ()))
        bad = [one for one in self._world.known_bad.values() if not one.released]
        for one in bad:
            if one.commit in built_on or one.tree == f"tree-{commit}":
                return one
        self._ask()
        return None

    def mark(self, found: BadCommit) -> str:
        """Remember it."""
        known = self._world.known_bad.get(found.commit)
        if known is None or known.released:
            self._world.known_bad[found.commit] = found
            self._world.act(f"mark {found.commit}")
        return self._shared()

    def release(self, commit: str, released: Released) -> str:
        """Allow it again."""
        known = self._world.known_bad.get(commit)
        if known is None:
            raise Refused(f"{commit} is not known bad.")
        if not known.released:
            self._world.known_bad[commit] = replace(known, released=released)
        return self._shared()

    def entries(self) -> list[BadCommit]:
        """Return all."""
        self._ask()
        return sorted(self._world.known_bad.values(), key=lambda one: one.at, reverse=True)

    def _ask(self) -> None:
        if not self._world.remote_answers:
            raise CannotTell("The remote does not answer.")

    def _shared(self) -> str:
        return "" if self._world.remote_answers else "The remote does not answer."


class SimulatedAnswers:
    """What colleagues say in their own clones."""

    def __init__(self, world: World) -> None:
        self._world = world

    def heard(self, run: str, tree: str) -> list[RemoteAnswer]:
        """Return what was said about a tree."""
        self._ask()
        said = [one for key, one in self._world.answers.items() if key[:2] == (run, tree)]
        return sorted(said, key=lambda one: (one.decision != "reject", one.at))

    def say(self, run: str, answer: RemoteAnswer) -> bool:
        """Let the run hear it."""
        self._ask()
        key = (run, answer.tree, mail_of(answer.by))
        before = self._world.answers.get(key)
        if before and before.decision == answer.decision:
            return False
        if before and before.decision == "reject":
            raise Refused(f"{answer.by} rejected tree {answer.tree[:12]}, and that stands.")
        self._world.answers[key] = answer
        return True

    def clear(self, run: str) -> None:
        """Forget it."""
        self._ask()
        for key in [key for key in self._world.answers if key[0] == run]:
            del self._world.answers[key]

    def _ask(self) -> None:
        if not self._world.remote_answers:
            raise CannotTell("The remote does not answer.")


def crew(world: World, settings: Settings, pit: Any, record: Record) -> Crew:
    """Return a crew of simulated adapters; ``pit`` gives the tick and the run's name."""
    clock = MakeBelieveClock(world, pit.tick)
    return Crew(
        settings=settings,
        platform=SimulatedPlatform(world, None, clock),
        forge=SimulatedForge(world, clock),
        telemetry=SimulatedTelemetry(world),
        audiences=(SimulatedAudience(world, clock),),
        commands=SimulatedCommands(world, clock),
        clock=clock,
        claims=SimulatedClaims(world, pit.journal.run),
        record=record,
        calendar=SimulatedCalendar(world),
        known_bad=SimulatedKnownBad(world),
        backup=SimulatedBackup(world, clock) if settings.backup else None,
        answers=SimulatedAnswers(world),
    )
