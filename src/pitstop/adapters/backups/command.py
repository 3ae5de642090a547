"""Any database: the team's own commands take, verify and restore a file."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from pitstop.adapters._run import Completed
from pitstop.adapters.backups._store import Manifest, Store, StoreSettings
from pitstop.adapters.backups._stored import StoredBackup
from pitstop.domain.backup import BackupTaken, Estimate
from pitstop.domain.change import Finding
from pitstop.ports import CannotTell, Refused

_QUICK = 5.0  # seconds for a question


class CommandSettings(StoreSettings):
    """``[backup] use = "command"``; the commands find the file in ``$PITSTOP_BACKUP_FILE``."""

    take: str = Field(min_length=1)
    """writes the copy to $PITSTOP_BACKUP_FILE"""
    verify: str = Field(min_length=1)
    """reads the copy back: exits 0 only if that works"""
    restore: str = Field(min_length=1)
    """restores from $PITSTOP_BACKUP_FILE"""
    migration: str | None = None
    """prints the newest migration"""


class CommandBackup(StoredBackup):
    """Backups by commands, run with ``sh -c`` in the repository."""

    def __init__(
        self,
        settings: CommandSettings,
        store: Store,
        progress: Callable[[int], None],
        *,
        repository: Path,
    ) -> None:
        super().__init__(store)
        self._settings, self._repository = settings, repository

    # Taking

    def estimate(self) -> Estimate | None:
        """Return what the last backup took; None before the first."""
        return self._store.estimated(None)

    def _made(self, key: str) -> BackupTaken:
        """Let the command write the file, once per key; what is sealed is verified before."""
        begun = self._store.begin()
        with self._store.draft(key) as draft:
            file = draft.as_file()
            file.unlink()  # some programs write no file over another
            self._run("take", self._settings.take, file, key)
            if not file.is_file() or not file.stat().st_size:
                raise Refused(
                    "backup.take ended well and wrote nothing to $PITSTOP_BACKUP_FILE, so there is "
                    "no backup."
                )
            seal, evidence = self._store.sealing, None
            if seal and seal.closed():
                evidence = f"before it was encrypted, {self._verified(file, key)}"
            draft.take_in()
            return self._store.keep_draft(key, draft, begun, verified=evidence)

    def _run(self, name: str, command: str, file: Path, backup_id: str) -> Completed:
        """Run one of the commands. Raises Refused with what it said last."""
        try:
            done = self._store.runner.run(
                ["sh", "-c", f"umask 077\n{command}"],
                folder=self._repository,
                env={"PITSTOP_BACKUP_FILE": str(file), "PITSTOP_BACKUP_ID": backup_id},
                within=self._store.within,
                leave_nothing=True,
            )
        except OSError as error:
            raise CannotTell(f"backup.{name} could not be started: {error.strerror}.") from error
        if done.timed_out:
            raise Refused(f"backup.{name} did not end within {self._store.within:g} s.")
        if done.exit_code:
            said = " ".join(done.said.split())[-500:] or "it said nothing"
            raise Refused(f"backup.{name} ended with exit code {done.exit_code}: {said}")
        return done

    # Reading back

    def _proven(self, manifest: Manifest) -> str:
        with self._store.as_file(manifest) as file:
            return self._verified(file, manifest.taken.id)

    def _verified(self, file: Path, backup_id: str) -> str:
        done = self._run("verify", self._settings.verify, file, backup_id)
        said = done.text.strip().splitlines()
        return f"backup.verify passed{f': {said[-1].strip()[:200]}' if said else ''}"

    # What else is asked of it

    def migration_head(self) -> str | None:
        """Return what the team's command prints; None where none is configured."""
        if not self._settings.migration:
            return None
        argv = ["sh", "-c", self._settings.migration]
        done = self._store.runner.run(
            argv, folder=self._repository, within=_QUICK, leave_nothing=True
        )
        if done.exit_code or done.timed_out:
            raise CannotTell(f"backup.migration failed: {done.said.strip()[-200:]}")
        return " ".join(done.text.split()) or None

    def restore_command(self, backup_id: str) -> str:
        """Return the team's command with the file that it is about."""
        manifest = self._store.find(backup_id)
        file, first = self._store.path(manifest), ""
        if manifest.taken.encrypted_to:
            file = self._store.folder / f"{backup_id}.plain"
            first = f"pitstop backup open {backup_id} > {shlex.quote(str(file))} && "
        words = [f"PITSTOP_BACKUP_FILE={file}", f"PITSTOP_BACKUP_ID={backup_id}"]
        command = shlex.join(["env", *words, "sh", "-c", self._settings.restore])
        return f"cd {shlex.quote(str(self._repository))} && {first}{command}"

    def findings(self) -> list[Finding]:
        """Say what is configured; whether it works only taking a backup can tell."""
        last = next(iter(self.kept()), None)
        if last is None:
            remedy = "take one: pitstop backup"
            found = Finding("backup", "warning", "no backup was taken yet", remedy)
        elif not last.verified:
            remedy = f"pitstop backup verify {last.id}"
            found = Finding("backup", "warning", f"{last.id} was not verified", remedy)
        else:
            found = Finding("backup", "ok", f"the last one is {last.id}, {last.verified}")
        return [found, *self._store.findings(self.estimate())]
