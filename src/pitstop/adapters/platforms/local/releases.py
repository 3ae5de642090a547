"""Releases on this machine: their records, their checkouts, and how one is built."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO

from pitstop.adapters._run import Runner
from pitstop.adapters.platforms.local import files, listeners
from pitstop.adapters.platforms.local.settings import LocalSettings
from pitstop.adapters.platforms.local.supervisor import without_ours
from pitstop.domain.change import Release
from pitstop.ports import Refused

# What a release is meant to be; whether it is live stands in the proxy's routes, nowhere else.
NEW, STARTING, RUNNING, STOPPED, FAILED = "new", "starting", "running", "stopped", "failed"


@dataclass(frozen=True)
class Kept:
    """One release that was brought to this machine, as it stands in its record."""

    id: str
    key: str
    commit: str
    tree: str
    port: int
    created_at: str
    start: str
    health: str
    state: str = NEW
    built: bool = False
    at: str | None = None  # when users were first served by it
    pinned: bool = False
    reason: str = ""
    took: float | None = None  # seconds from its last start until it was healthy

    @property
    def number(self) -> int:
        """Return the number in the id."""
        return int(self.id[1:])

    @property
    def wanted(self) -> bool:
        """Return whether its program is to be kept alive."""
        return self.state in (STARTING, RUNNING)


class Releases:
    """The folders of a service's releases: a record and logs in one, the checkout in another."""

    def __init__(
        self,
        home: Path,
        checkouts: Path,
        settings: LocalSettings,
        export: Callable[[str, Path], str],
        runner: Runner,
    ) -> None:
        self._home, self._checkouts = home / "releases", checkouts
        self._settings, self._export, self._runner = settings, export, runner

    def all(self) -> list[Kept]:
        """Return every release that has a record, newest first."""
        folders = self._home.iterdir() if self._home.is_dir() else []
        found = [self.get(folder.name) for folder in folders]
        return sorted((each for each in found if each), key=lambda each: -each.number)

    def get(self, deployment_id: str) -> Kept | None:
        """Return a release by its id."""
        if not (deployment_id.startswith("d") and deployment_id[1:].isdigit()):
            return None
        held = files.read_json(self._home / deployment_id / "record.json")
        return Kept(**held) if held else None

    def of_key(self, key: str) -> Kept | None:
        """Return the release of a key; the first one, should there ever be two."""
        return next((each for each in reversed(self.all()) if each.key == key), None)

    def open(self, release: Release, at: datetime) -> Kept:
        """Give a release its id, its port and its record."""
        name = self._next()
        kept = Kept(
            id=name,
            key=release.key,
            commit=release.commit,
            tree=release.tree,
            port=self.free_port(name),
            created_at=at.isoformat(),
            start=self._settings.start,
            health=self._settings.health,
        )
        return self.save(kept)

    def _next(self) -> str:
        """Take the next free number; making the folder is what takes it."""
        self._home.mkdir(parents=True, exist_ok=True)
        numbers = [int(path.name[1:]) for path in self._home.iterdir() if path.name[1:].isdigit()]
        number = max(numbers, default=0) + 1
        while True:
            try:
                (self._home / f"d{number}").mkdir()
            except FileExistsError:
                number += 1
            else:
                return f"d{number}"

    def free_port(self, name: str) -> int:
        """Return a free port that no other release was given."""
        start = int(hashlib.sha256(f"{self._home} {name}".encode()).hexdigest()[:8], 16)
        return listeners.free_port(start, {each.port for each in self.all()})

    def save(self, kept: Kept) -> Kept:
        """Write the record."""
        files.write_json(self._home / kept.id / "record.json", asdict(kept))
        return kept

    def checkout(self, kept: Kept) -> Path:
        """Return the folder of the release's files."""
        return self._checkouts / kept.id

    def has_files(self, kept: Kept) -> bool:
        """Return whether the release's files are there, whole and built."""
        return kept.built and self.checkout(kept).is_dir()

    def build(self, kept: Kept) -> Kept:
        """Check the release out and build it; what was cut off half-way is done afresh."""
        if self.has_files(kept):
            return kept
        folder = self.checkout(kept)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        tree = self._export(kept.commit, folder)
        if kept.tree and tree != kept.tree:
            raise Refused(
                f"Commit {kept.commit[:7]} holds the files {tree[:7]}, not {kept.tree[:7]} that "
                "were asked for."
            )
        self._run_build(kept, folder)
        return self.save(replace(kept, tree=tree, built=True))

    def _run_build(self, kept: Kept, folder: Path) -> None:
        if not self._settings.build:
            return
        log, within = self.build_log(kept), self._settings.build_within.total_seconds()
        with log.open("wb", buffering=0) as output:
            ran = self._runner.run(
                without_ours(["sh", "-c", self._settings.build]),
                folder=folder,
                env={"PITSTOP_DEPLOYMENT": kept.id, "PITSTOP_COMMIT": kept.commit},
                within=within,
                sink=_into(output),
            )
        if ran.timed_out:
            raise Refused(
                f"The build of {kept.commit[:7]} took longer than {within:g} s. See {log}."
            )
        if ran.exit_code:
            raise Refused(
                f"The build of {kept.commit[:7]} ended with exit code {ran.exit_code}: "
                f"{files.tail(log)}\nSee {log}."
            )

    def build_log(self, kept: Kept) -> Path:
        """Return where the build's output is kept."""
        return self._home / kept.id / "build.log"

    def remove_files(self, kept: Kept) -> None:
        """Remove the checkout; the record says so first."""
        if kept.built:
            self.save(replace(kept, built=False))
        shutil.rmtree(self.checkout(kept), ignore_errors=True)

    def forget(self, kept: Kept) -> None:
        """Remove everything of a release."""
        shutil.rmtree(self.checkout(kept), ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            (self._home / kept.id / "record.json").unlink()
        shutil.rmtree(self._home / kept.id, ignore_errors=True)
        for part in (f"log/{kept.id}.log", f"programs/{kept.id}.json", f"run/{kept.id}.lock"):
            for path in (self._home.parent / part, self._home.parent / f"{part}.1"):
                path.unlink(missing_ok=True)


def _into(output: IO[bytes]) -> Callable[[bytes], None]:
    def sink(data: bytes) -> None:
        output.write(data)

    return sink
