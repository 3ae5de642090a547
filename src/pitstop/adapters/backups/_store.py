"""The folder of backups: what is whole has a manifest, and what has none does not exist."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from pydantic import Field, field_validator

from pitstop import messages as say
from pitstop.adapters._run import Runner
from pitstop.adapters.backups._pipes import Pipe, chunks, read_from
from pitstop.adapters.backups._sealing import Sealing, known_recipient, sealing
from pitstop.config import Duration, Part, Secret
from pitstop.domain.backup import BackupTaken, Estimate
from pitstop.domain.change import Finding
from pitstop.ports import CannotTell, Clock, Refused

_LEFT_OVER = timedelta(days=1)  # how old the pieces of a killed backup are when they are swept away
_ROOM = 50_000_000  # bytes that are left free for everything else


class StoreSettings(Part):
    """What all kinds of backups have in common."""

    folder: str | None = None
    """relative to the repository (default: the service's state folder)"""
    keep: int = Field(10, ge=1)
    """the newest backups that stay, however old"""
    keep_for: Duration = timedelta(days=30)
    """younger backups stay, however many"""
    encrypt_to: str | None = None
    """an age recipient, or "gpg:KEY" for a key of gpg's"""
    identity: Secret | None = None
    """the age identity, or its file: then backups are decrypted to verify them"""
    within: Duration = timedelta(minutes=10)
    """how long taking, or reading back, may take"""

    @field_validator("encrypt_to")
    @classmethod
    def _is_a_recipient(cls, value: str | None) -> str | None:
        return value and known_recipient(value)


@dataclass(frozen=True)
class Manifest:
    """All that is known of a whole backup."""

    taken: BackupTaken
    file: str
    source_bytes: int | None = None  # what the source said it holds
    rows: dict[str, int] | None = None  # of each table, at the moment whose data it holds
    pinned: bool = False


class Draft:
    """A backup in the making: bytes come by ``write``, or lie in ``as_file``."""

    def __init__(self, part: Path, plain: Path, seal: Sealing | None, runner: Runner) -> None:
        self._plain = plain if seal else part
        self.part, self._seal, self._runner = part, seal, runner
        self._digest, self.bytes = hashlib.sha256(), 0
        self._file = _private(part)
        self._pipe = (
            Pipe(lambda source: seal.seal(source, self._put), runner.tick) if seal else None
        )

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.bytes += len(data)

    def write(self, data: bytes) -> None:
        """Take bytes as they come from the source; they are sealed on their way to the disk."""
        (self._pipe.write if self._pipe else self._put)(data)

    def as_file(self) -> Path:
        """Return an empty file for programs that write files; ``take_in`` comes after it."""
        if self._seal:
            _private(self._plain).close()
        return self._plain

    def take_in(self) -> None:
        """Take the file: as it lies there, or sealed and then removed."""
        source = os.open(self._plain, os.O_RDONLY)
        try:
            for data in chunks(source, self._runner.tick):
                if self._pipe:
                    self._pipe.write(data)
                else:  # it is the backup already
                    self._digest.update(data)
                    self.bytes += len(data)
        finally:
            os.close(source)
        if self._seal:
            self._plain.unlink()

    def finish(self) -> str:
        """Put everything on the disk; return its digest."""
        if self._pipe:
            self._pipe.close()
        self._file.close()
        self.part.chmod(0o600)  # a command may have put another file in its place
        _sync(self.part)
        return self._digest.hexdigest()

    def throw_away(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(Exception):
            if self._pipe:
                self._pipe.give_up()
        with contextlib.suppress(OSError):
            self._file.close()
        for path in (self.part, self._plain):
            path.unlink(missing_ok=True)


class Store:
    """Backups of one service in one folder: written once, never overwritten, pruned by age."""

    def __init__(
        self, folder: Path, settings: StoreSettings, kind: str, *, runner: Runner, clock: Clock
    ) -> None:
        self.folder, self.settings, self._kind = folder, settings, kind
        self.runner, self._clock = runner, clock
        self.within = settings.within.total_seconds()
        identity = settings.identity.env if settings.identity else None
        to = settings.encrypt_to
        self.sealing = sealing(to, identity, self.within) if to else None

    # What is kept

    def manifests(self) -> list[Manifest]:
        """Return what is known of every whole backup, newest first."""
        found = [self._read(path) for path in self.folder.glob("*.json")]
        return sorted((one for one in found if one), key=lambda one: one.taken.at, reverse=True)

    def _read(self, path: Path) -> Manifest | None:
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            found = Manifest(**held | {"taken": BackupTaken(**held["taken"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return found if self.path(found).exists() else None

    def find(self, backup_id: str) -> Manifest:
        """Return a backup by its id. Raises Refused."""
        found = self._read(self._manifest(backup_id)) if _is_a_name(backup_id) else None
        if not found:
            raise Refused(f"There is no backup {backup_id}. See what there is: pitstop backup list")
        return found

    def path(self, manifest: Manifest) -> Path:
        """Return where the bytes lie."""
        return self.folder / Path(manifest.file).name

    def _manifest(self, backup_id: str) -> Path:
        return self.folder / f"{backup_id}.json"

    # Taking

    @contextlib.contextmanager
    def draft(self, key: str) -> Iterator[Draft]:
        """Begin anew; whatever goes wrong inside leaves nothing that looks like a backup."""
        with in_words("backup", self.folder):
            self._own_folder()
            part, plain = self.folder / f".{key}.part", self.folder / f".{key}.plain"
            if self._manifest(key).exists():
                said = (
                    f"The manifest of backup {key} cannot be read, so nothing was written over it."
                )
                raise Refused(f"{said} Look: {self._manifest(key)}")
            whole = self.folder / f"{key}.{self._kind}"
            for half in (part, plain, whole):
                half.unlink(missing_ok=True)  # of a process that was killed: it has no manifest
            draft = Draft(part, plain, self.sealing, self.runner)
            try:
                yield draft
            except BaseException:
                draft.throw_away()
                if not self._manifest(key).exists():
                    whole.unlink(missing_ok=True)
                raise

    def _own_folder(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)

    def whole(self, key: str) -> BackupTaken | None:
        """Return the backup of this key if there is a whole one."""
        if not _is_a_name(key):
            raise Refused(f"{key!r} cannot be the name of a backup: use a-z, 0-9, dots and dashes.")
        found = self._read(self._manifest(key))
        return found.taken if found else None

    def begin(self) -> tuple[str, float]:
        """Return the moment: for people, and to count seconds from."""
        return _stamp(self._clock.now()), time.monotonic()

    def keep_draft(
        self,
        key: str,
        draft: Draft,
        begun: tuple[str, float],
        *,
        verified: str | None = None,
        source_bytes: int | None = None,
        rows: dict[str, int] | None = None,
    ) -> BackupTaken:
        """Make a whole backup of a finished draft: the bytes first, the manifest last."""
        digest = draft.finish()
        name = f"{key}.{self._kind}"
        draft.part.rename(self.folder / name)
        _sync(self.folder)
        seconds = round(time.monotonic() - begun[1], 3)
        to = self.settings.encrypt_to
        taken = BackupTaken(key, begun[0], draft.bytes, seconds, digest, verified, to, self._kind)
        self._write(Manifest(taken, name, source_bytes, rows))
        return taken

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Change manifests one at a time: a person may verify what a hotfix pins."""
        number = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)

    def _write(self, manifest: Manifest) -> None:
        target = self._manifest(manifest.taken.id)
        beside = self.folder / f".{manifest.taken.id}.new"
        try:
            number = os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(asdict(manifest), file, indent=1, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _sync(self.folder)

    # Reading back

    def verified(self, backup_id: str, evidence: str | None) -> None:
        """Write down how a backup was read back; None: that it could not be."""
        with in_words("evidence", self.folder), self._alone():
            found = self.find(backup_id)
            self._write(replace(found, taken=replace(found.taken, verified=evidence)))

    def sealed_for_others(self, manifest: Manifest) -> str:
        """Return why a backup cannot be opened here; empty when it can."""
        if not manifest.taken.encrypted_to:
            return ""
        if not self.sealing or self.sealing.recipient != manifest.taken.encrypted_to:
            return f"it is encrypted to {manifest.taken.encrypted_to}, not backup.encrypt_to"
        return self.sealing.closed()

    def as_it_was_sealed(self, manifest: Manifest, why: str) -> str:
        """Return the evidence of when it was sealed, for who cannot open it. Raises CannotTell."""
        if not manifest.taken.verified:
            raise CannotTell(f"{manifest.taken.id} could not be tried: {why}.")
        return manifest.taken.verified

    def unchanged(self, manifest: Manifest) -> None:
        """See that the bytes are those that were written. Raises Refused."""
        found = hashlib.sha256()
        with in_words("backup", self.folder), self.path(manifest).open("rb") as file:
            for data in chunks(file.fileno(), self.runner.tick):
                found.update(data)
        if found.hexdigest() != manifest.taken.digest:
            raise Refused(
                f"{manifest.taken.id} is damaged: the file is not what was written (SHA-256)."
            )

    @contextlib.contextmanager
    def opened(self, manifest: Manifest) -> Iterator[int]:
        """Give a descriptor to read the plain bytes from. Raises Refused, CannotTell."""
        if why := self.sealed_for_others(manifest):
            raise CannotTell(f"{manifest.taken.id} cannot be opened: {why}.")
        with self.path(manifest).open("rb") as file:
            if not (seal := self.sealing) or not manifest.taken.encrypted_to:
                yield file.fileno()
                return
            with read_from(lambda sink: seal.open(file.fileno(), sink)) as source:
                yield source

    @contextlib.contextmanager
    def as_file(self, manifest: Manifest) -> Iterator[Path]:
        """Give a file with the plain bytes: the backup itself, or one that is gone afterwards."""
        if not manifest.taken.encrypted_to:
            yield self.path(manifest)
            return
        plain = self.folder / f".{manifest.taken.id}.plain"
        plain.unlink(missing_ok=True)
        try:
            with (
                in_words("decrypted backup", self.folder),
                _private(plain) as file,
                self.opened(manifest) as source,
            ):
                for data in chunks(source, self.runner.tick):
                    file.write(data)
            yield plain
        finally:
            plain.unlink(missing_ok=True)

    # How long they are kept

    def pin(self, backup_id: str, pinned: bool) -> None:
        """Set whether a backup may be pruned."""
        with in_words("pin", self.folder), self._alone():
            self._write(replace(self.find(backup_id), pinned=pinned))

    def prune(self) -> list[str]:
        """Delete what is neither among the newest nor young, nor pinned, nor the last that is proven."""
        found = self.manifests()
        proven = next((one.taken.id for one in found if one.taken.verified), None)
        oldest = _stamp(self._clock.now() - self.settings.keep_for)
        gone = []
        for one in found[self.settings.keep :]:
            if one.pinned or one.taken.id == proven or one.taken.at >= oldest:
                continue
            self._manifest(one.taken.id).unlink(missing_ok=True)  # first: then it is none any more
            self.path(one).unlink(missing_ok=True)
            gone.append(one.taken.id)
        self._sweep()
        return gone

    def _sweep(self) -> None:
        """Remove the pieces of backups whose process was killed long ago."""
        before = time.time() - _LEFT_OVER.total_seconds()
        pieces = [
            one for kind in ("part", "plain", "new") for one in self.folder.glob(f".*.{kind}")
        ]
        for piece in pieces:
            with contextlib.suppress(FileNotFoundError):
                if piece.stat().st_mtime < before:
                    piece.unlink()

    # What is to be expected

    def estimated(self, source_bytes: int | None) -> Estimate | None:
        """Return what a backup would take, by the speed of the last one."""
        last = next((one for one in self.manifests() if one.taken.seconds), None)
        if source_bytes is None:
            return Estimate(last.taken.bytes, last.taken.seconds) if last else None
        if not last or not last.source_bytes:
            return Estimate(source_bytes)
        seconds = source_bytes * last.taken.seconds / last.source_bytes
        return Estimate(source_bytes, round(seconds, 3))

    def findings(self, estimate: Estimate | None) -> list[Finding]:
        """Say whether the folder can take a backup, and whether it can be sealed and opened."""
        found = [self._finding_of_folder(estimate)]
        if not self.sealing:
            return found
        if why := self.sealing.trouble():
            remedy = "install gpg and import the key, or change backup.encrypt_to"
            return [*found, Finding("backup.encrypt_to", "failed", why, remedy)]
        to = self.sealing.recipient
        if why := self.sealing.closed():
            said = f"backups are encrypted to {to}; {why}: they are verified before they are sealed"
            return [*found, Finding("backup.encrypt_to", "ok", said)]
        return [*found, Finding("backup.encrypt_to", "ok", f"backups are encrypted to {to}")]

    def _finding_of_folder(self, estimate: Estimate | None) -> Finding:
        there = next(one for one in (self.folder, *self.folder.parents) if one.exists())
        name, needed = "backup.folder", (estimate.bytes if estimate else 0) + _ROOM
        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            said = f"{self.folder} cannot be written"
            return Finding(name, "failed", said, "change its owner, or backup.folder")
        free = shutil.disk_usage(there).free
        said = f"{say.size(free)} are free in {self.folder}"
        if free < needed:
            remedy = f"make room: a backup may need {say.size(needed)}"
            return Finding(name, "failed", said, remedy)
        return Finding(name, "ok", said)


@contextlib.contextmanager
def in_words(what: str, folder: Path) -> Iterator[None]:
    """Say in a sentence what the disk or the system did not allow."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full" if full else f"{error.strerror or error}"
        raise Refused(
            f"The {what} could not be written or read in {folder}: {why}. Older backups are "
            "untouched."
        ) from error


def _is_a_name(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}", text))


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _private(path: Path) -> IO[bytes]:
    """Open a new file that only we can read."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _sync(path: Path) -> None:
    """Put a file, or a folder's names, on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
