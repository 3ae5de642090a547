"""Postgres: dumped by pg_dump from one snapshot, restored into a scratch database and compared."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pitstop.adapters._libpq import (
    COUNT,
    Server,
    last_line,
    missing,
    plain_to_libpq,
    read_counts,
)
from pitstop.adapters._run import Completed, Runner
from pitstop.adapters.backups import _migrations
from pitstop.adapters.backups._pipes import Trial
from pitstop.adapters.backups._scratch import Scratch, restored, scratch
from pitstop.adapters.backups._store import Draft, Manifest, Store, StoreSettings
from pitstop.adapters.backups._stored import StoredBackup
from pitstop.config import Secret
from pitstop.domain.backup import BackupTaken, Estimate
from pitstop.domain.change import Finding
from pitstop.ports import CannotTell, Refused

# One transaction holds the snapshot that pg_dump dumps and whose rows are counted: the numbers are
# those of the dump, whatever users write meanwhile. The dump goes to standard output.
_DUMP = """\
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot \\gset
\\setenv PITSTOP_SNAPSHOT :snapshot
\\! pg_dump --format=custom --compress=1 --snapshot="$PITSTOP_SNAPSHOT" </dev/null || {{ echo {failed} >&2; kill $PPID; }}
\\o |cat >&2
{count}
COMMIT;
"""
_FAILED = "pitstop: the dump failed"
_SIZE = "SELECT pg_database_size(current_database());"
_SERVER = (
    "SELECT current_setting('server_version_num'); SELECT current_setting('server_version'); "
    "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user;"
)


class PostgresSettings(StoreSettings):
    """``[backup] use = "postgres"``."""

    database: Secret
    """the address, by the name of the variable that holds it"""
    verify: Literal["restore", "list"] = "restore"
    """into a scratch database, or "list": the table of contents only"""
    scratch: Secret | None = None
    """another server to restore into (default: the same one)"""
    programs: str | None = None
    """where pg_dump, pg_restore and psql are (default: PATH)"""


class PostgresBackup(StoredBackup):
    """Backups of one Postgres database. ``progress`` hears how many bytes are written."""

    def __init__(
        self, settings: PostgresSettings, store: Store, progress: Callable[[int], None]
    ) -> None:
        super().__init__(store)
        self._settings, self._progress = settings, progress
        self._runner, self._within = store.runner, store.within
        self._source = Server(settings.database.env, settings.programs, self._runner)
        beside = settings.scratch or settings.database
        self._beside = Server(beside.env, settings.programs, self._runner)

    # Taking

    def estimate(self) -> Estimate | None:
        """Return the size of the database, and how long the last backup's speed makes of it."""
        try:
            return self._store.estimated(int(self._source.ask(_SIZE)[0]))
        except (CannotTell, Refused, ValueError, IndexError):
            return self._store.estimated(None)

    def _made(self, key: str) -> BackupTaken:
        """Dump the database, once per key; what is sealed is proven on its way to the disk."""
        begun = self._store.begin()
        size = int(self._source.ask(_SIZE)[0])
        with self._store.draft(key) as draft, self._trial(key) as trial:
            rows = self._dump(draft, trial.trial.write if trial else lambda _: None)
            evidence = trial.evidence(rows) if trial else None
            return self._store.keep_draft(
                key, draft, begun, verified=evidence, source_bytes=size, rows=rows
            )

    def _dump(self, draft: Draft, also: Callable[[bytes], None]) -> dict[str, int] | None:
        """Send the dump into the draft; return the rows of each table, if they are to be compared."""

        def take(data: bytes) -> None:
            draft.write(data)
            also(data)
            self._progress(draft.bytes)

        compares = self._settings.verify == "restore"
        script = _DUMP.format(failed=_FAILED, count=COUNT)
        argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"]
        if not compares:
            argv = ["pg_dump", "--format=custom", "--compress=1"]
        try:
            done = self._runner.run(
                [self._source.program(argv[0]), *argv[1:]],
                env=self._source.variables(),
                without=["PGSERVICE"],
                give=script.encode() if compares else b"",
                sink=take,
                apart=True,
                within=self._within,
                leave_nothing=True,
            )
        except FileNotFoundError:
            raise Refused(missing(argv[0])) from None
        self._whole(done)
        return read_counts(done.err.decode(errors="replace")) if compares else None

    def _whole(self, done: Completed) -> None:
        """See that the dump came to its end. Raises Refused, CannotTell."""
        if done.timed_out:
            raise Refused(
                f"The dump did not end within {self._within:g} s (backup.within), so there is no "
                "backup."
            )
        said = done.said.replace(_FAILED, "").strip()
        if done.exit_code == 0 and _FAILED not in done.said:
            return
        why = " ".join(said.splitlines()[-3:]) or f"exit code {done.exit_code}"
        if "command not found" in why or "pg_dump: not found" in why:
            raise Refused(missing("pg_dump"))
        raise CannotTell(f"The dump did not come to its end, so there is no backup: {why}")

    # Reading back

    def _proven(self, manifest: Manifest) -> str:
        if self._settings.verify == "list":
            with self._store.opened(manifest) as source:
                return self._listed(source, self._runner)
        with scratch(self._beside, manifest.taken.id, self._within) as made:
            with self._store.opened(manifest) as source:
                made.restore(source, self._runner)
            return _compared(made, manifest.rows, "")

    def _listed(self, source: int, runner: Runner) -> str:
        argv = [self._beside.program("pg_restore"), "--list"]
        done = restored(runner, argv, source, {}, self._within)
        if done.exit_code:
            raise Refused(f"It cannot be read: pg_restore said: {last_line(done)}")
        entries = [row for row in done.text.splitlines() if row and not row.startswith(";")]
        return f"its table of contents was read: {len(entries):,} entries (it was not restored)"

    @contextlib.contextmanager
    def _trial(self, key: str) -> Iterator[_Trial | None]:
        """Try what is dumped while it is sealed, where nobody here could open it afterwards."""
        seal, tick = self._store.sealing, self._runner.tick
        if not seal or not seal.closed():
            yield None
        elif self._settings.verify == "list":
            said: list[str] = []
            trial = Trial(lambda source, runner: said.append(self._listed(source, runner)), tick)
            try:
                yield _Trial(trial, lambda _: f"while it was encrypted, {said[0]}")
            finally:
                trial.give_up()
        else:
            with scratch(self._beside, key, self._within) as made:
                trial = Trial(made.restore, tick)
                try:
                    how = "while it was encrypted, it was "
                    yield _Trial(trial, lambda rows: _compared(made, rows, how))
                finally:
                    trial.give_up()

    # What else is asked of it

    def migration_head(self) -> str | None:
        """Return the newest migration that one of the known tools wrote down."""
        names = ", ".join(f"('{name}')" for name in _migrations.HEADS)
        known = f"SELECT t FROM (VALUES {names}) v(t) WHERE to_regclass(t) IS NOT NULL;"  # noqa: S608 - our own names
        there = self._source.ask(known)
        return _migrations.head({t: self._source.ask(f"{_migrations.HEADS[t]};") for t in there})

    def restore_command(self, backup_id: str) -> str:
        """Return the command that puts everything back in one transaction, or changes nothing."""
        manifest = self._store.find(backup_id)
        words = [str(self._source.program("pg_restore")), "--clean", "--if-exists"]
        words += ["--single-transaction", "--exit-on-error"]
        command = f"{shlex.join(words)} --dbname={self._quoted_address()}"
        if manifest.taken.encrypted_to:
            return f"pitstop backup open {backup_id} | {command}"
        return f"{command} {shlex.quote(str(self._store.path(manifest)))}"

    def _quoted_address(self) -> str:
        """Return the address by its variable, less what libpq does not know."""
        name = self._settings.database.env
        with contextlib.suppress(Refused, ValueError):
            if not plain_to_libpq(self._source.address()):
                return f'"$(printf %s "${name}" | sed \'s/+[a-z0-9_]*:/:/; s/?.*//\')"'
        return f'"${name}"'

    def findings(self) -> list[Finding]:
        """Say whether the programs are there and new enough, and the database answers."""
        try:
            version, name, may_create = self._source.ask(_SERVER)
            found = [self._finding_of_programs(int(version) // 10_000, name)]
        except (CannotTell, Refused, ValueError) as why:
            remedy = f"set {self._settings.database.env}, and see that the server answers"
            found, may_create = [Finding("backup", "failed", str(why), remedy)], "t"
        restores = self._settings.verify == "restore" and not self._settings.scratch
        if restores and may_create != "t":
            said = "the database's user may not create the scratch database of the verification"
            remedy = 'grant CREATEDB, name another server (backup.scratch), or set verify = "list"'
            found.append(Finding("backup.verify", "failed", said, remedy))
        return [*found, *self._store.findings(self.estimate())]

    def _finding_of_programs(self, server: int, name: str) -> Finding:
        remedy = (
            f"install Postgres' client programs, version {server} or newer, or set backup.programs"
        )
        for program in ("pg_dump", "pg_restore", "psql"):
            try:
                said = self._runner.run([self._source.program(program), "--version"]).text
            except OSError:
                return Finding("backup", "failed", f"{program} is not installed", remedy)
            found = re.search(r"(\d+)(?:\.\d+|\w*\b)", said.partition(")")[2])
            if found and int(found[1]) < server:
                old = f"{program} is of version {found[1]}, the server of version {name}"
                return Finding("backup", "failed", old, remedy)
        return Finding("backup", "ok", f"Postgres {name} answers, and pg_dump is new enough")


@dataclass(frozen=True)
class _Trial:
    """What is tried, and what that says in the end."""

    trial: Trial
    said: Callable[[dict[str, int] | None], str]

    def evidence(self, rows: dict[str, int] | None) -> str:
        """Wait until it is tried; return the evidence."""
        self.trial.finish()
        return self.said(rows)


def _compared(made: Scratch, wanted: dict[str, int] | None, how: str) -> str:
    """Compare a restored database with its source; return the evidence. Raises Refused."""
    found = made.counts()
    if wanted is None:
        return f"{how}restored into a scratch database: {_migrations.counted(found)}"
    if odd := _migrations.differing(found, wanted):
        raise Refused(f"Restored, it does not hold what the source held: {odd}.")
    return f"{how}restored into a scratch database: {_migrations.counted(found)} as at the source"
