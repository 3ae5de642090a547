"""SQLite: copied by the online backup while the service goes on writing, and checked whole."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from pydantic import Field

from pitstop.adapters.backups import _migrations
from pitstop.adapters.backups._store import Manifest, Store, StoreSettings
from pitstop.adapters.backups._stored import StoredBackup
from pitstop.domain.backup import BackupTaken, Estimate
from pitstop.domain.change import Finding
from pitstop.ports import CannotTell, Refused

_PAGES = 1000  # copied at a time; writers go in between
_BUSY = 2.0  # seconds that a lock is waited for: the heart of the process rests meanwhile
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class SqliteSettings(StoreSettings):
    """``[backup] use = "sqlite"``."""

    file: str = Field(min_length=1)
    """the database, relative to the repository"""


class SqliteBackup(StoredBackup):
    """Backups of one SQLite file. ``progress`` hears how many bytes are written."""

    def __init__(
        self,
        settings: SqliteSettings,
        store: Store,
        progress: Callable[[int], None],
        *,
        repository: Path,
    ) -> None:
        super().__init__(store)
        self._progress = progress
        self._file = repository / settings.file

    # Taking

    def estimate(self) -> Estimate | None:
        """Return the size of the file, and how long the last backup's speed makes of it."""
        return self._store.estimated(self._size() or None)

    def _size(self) -> int:
        beside = (self._file, self._file.with_name(f"{self._file.name}-wal"))
        return sum(one.stat().st_size for one in beside if one.exists())

    def _made(self, key: str) -> BackupTaken:
        """Copy the database, once per key; what is sealed is checked before."""
        begun, size = self._store.begin(), self._size()
        with self._store.draft(key) as draft, self._source() as source:
            copy = draft.as_file()
            rows = self._copied(source, copy)
            seal = self._store.sealing
            evidence = None
            if seal and seal.closed():
                evidence = f"before it was encrypted, {self._checked(copy, rows)}"
            draft.take_in()
            return self._store.keep_draft(
                key, draft, begun, verified=evidence, source_bytes=size, rows=rows
            )

    @contextlib.contextmanager
    def _source(self) -> Iterator[sqlite3.Connection]:
        """Open the service's database; nothing is created. Raises Refused."""
        if not self._file.is_file():
            raise Refused(
                f"There is no database {self._file} (backup.file), so there is no backup."
            )
        with _opened(
            self._file, "mode=rw", self._store.runner.tick
        ) as source:  # where it may not be written, it is read
            try:
                yield source
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_FULL:  # the copy's disk
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
                said = f"SQLite said of {self._file}: {error}. There is no backup."
                busy = isinstance(error, sqlite3.OperationalError)
                raise (CannotTell if busy else Refused)(said) from error

    def _copied(self, source: sqlite3.Connection, to: Path) -> dict[str, int] | None:
        """Copy page by page; return the rows of each table where they can be of the same moment.

        With a write-ahead log nobody waits for a reader: the whole copy is one snapshot. Without one,
        a lock that is held to the end would keep users from writing: the copy begins anew instead.
        """
        rows = None
        if source.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            source.execute("BEGIN")
            rows = _counts(source)
        until = time.monotonic() + self._store.within

        def going_on(_: int, left: int, pages: int) -> None:
            self._store.runner.tick()
            self._progress((pages - left) * 4096)
            if time.monotonic() > until:
                raise Refused(
                    f"The copy did not come to its end within {self._store.within:g} s "
                    "(backup.within), so there is no backup."
                )

        with _opened(to, "mode=rw", self._store.runner.tick) as target:
            target.execute("PRAGMA journal_mode = OFF")
            target.execute("PRAGMA synchronous = OFF")  # it is put on the disk when it is whole
            source.backup(target, pages=_PAGES, progress=going_on, sleep=0.05)
        return rows

    # Reading back

    def _proven(self, manifest: Manifest) -> str:
        with self._store.as_file(manifest) as file:
            return self._checked(file, manifest.rows)

    def _checked(self, file: Path, wanted: dict[str, int] | None) -> str:
        """Return the evidence. Raises Refused."""
        try:
            with _opened(file, "mode=ro&immutable=1", self._store.runner.tick) as copy:
                found = [str(row[0]) for row in copy.execute("PRAGMA integrity_check(5)")]
                rows = _counts(copy) if found == ["ok"] else {}
        except sqlite3.DatabaseError as error:
            raise Refused(f"The copy cannot be read back: {error}.") from error
        if found != ["ok"]:
            raise Refused(f"The copy is damaged, as the database may be: {'; '.join(found)}.")
        if wanted is None:
            return f"opened, integrity checked: {_migrations.counted(rows)}"
        if odd := _migrations.differing(rows, wanted):
            raise Refused(f"The copy does not hold what the source held: {odd}.")
        return f"opened, integrity checked: {_migrations.counted(rows)} as at the source"

    # What else is asked of it

    def migration_head(self) -> str | None:
        """Return the newest migration that one of the known tools wrote down."""
        with self._source() as source:
            tables = {str(row[0]) for row in source.execute(_TABLES)}
            there = [name for name in _migrations.HEADS if name in tables]
            asked = {name: source.execute(_migrations.HEADS[name]) for name in there}
            return _migrations.head(
                {n: [str(r[0]) for r in rows if r[0]] for n, rows in asked.items()}
            )

    def restore_command(self, backup_id: str) -> str:
        """Return the command that copies a backup over the database, also while it is open."""
        manifest = self._store.find(backup_id)
        copy, first = self._store.path(manifest), ""
        if manifest.taken.encrypted_to:
            copy = self._store.folder / f"{backup_id}.plain"
            first = f"pitstop backup open {backup_id} > {shlex.quote(str(copy))} && "
        if shutil.which("sqlite3") and "'" not in str(copy):
            words = ["sqlite3", str(self._file), f".restore '{copy}'"]
        else:
            code = "import sqlite3, sys; a, b = map(sqlite3.connect, sys.argv[1:]); a.backup(b)"
            words = ["python3", "-c", code, str(copy), str(self._file)]
        return first + shlex.join(words)

    def findings(self) -> list[Finding]:
        """Say whether the database is there and can be read."""
        name, remedy = "backup", "set backup.file to the service's database"
        try:
            with self._source() as source:
                tables = len(source.execute(_TABLES).fetchall())
            found = Finding(name, "ok", f"{self._file} is a database with {tables} tables")
        except (Refused, CannotTell) as why:
            found = Finding(name, "failed", str(why), remedy)
        return [found, *self._store.findings(self.estimate())]


@contextlib.contextmanager
def _opened(file: Path, how: str, tick: Callable[[], None]) -> Iterator[sqlite3.Connection]:
    """Open a database whose long queries tick; what the tick raises ends them."""
    raised: list[BaseException] = []

    def interrupted() -> bool:
        try:
            tick()
        except BaseException as why:  # noqa: BLE001 - SQLite would forget it: it is raised below
            raised.append(why)
        return bool(raised)

    connection = sqlite3.connect(
        f"file:{quote(str(file))}?{how}", uri=True, timeout=_BUSY, isolation_level=None
    )
    with contextlib.closing(connection):
        connection.set_progress_handler(interrupted, 100_000)
        try:
            yield connection
        except sqlite3.OperationalError:
            if raised:
                raise raised[0] from None
            raise


def _counts(database: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows each table holds; virtual tables of unknown modules are left out."""
    found = {}
    for (name,) in database.execute(_TABLES).fetchall():
        quoted = name.replace('"', '""')
        try:
            found[name] = database.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]  # noqa: S608 - the name is the database's own, and quoted
        except sqlite3.OperationalError as error:
            if "no such module" not in str(error):
                raise
    return found
