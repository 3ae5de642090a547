"""One run's journal in one SQLite file: lines are on disk before ``append`` returns.

Imports stay light: ``pitstop status`` reads through this file.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime

TYPE_CHECKING = False  # importing typing costs more than all that is read here
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Line = dict[str, Any]  # {seq, at, run, step, event, by, data, prev, hash}: the contract's names

_TABLE = """
CREATE TABLE IF NOT EXISTS lines (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, run TEXT NOT NULL, step TEXT, event TEXT NOT NULL,
    by TEXT NOT NULL, data TEXT NOT NULL, prev TEXT, hash TEXT NOT NULL,
    once TEXT UNIQUE  -- what may be recorded only one time, such as a finished step; not chained
)"""
_READ = (
    "SELECT seq, at, run, step, event, by, data, prev, hash FROM lines WHERE seq > ? ORDER BY seq"
)


class JournalError(Exception):
    """The journal cannot be read or written. One sentence; ``full`` where the disk is."""

    full = False


def stamp(moment: datetime) -> str:
    """Return a time as the journal writes it: RFC 3339 in UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Journal:
    """Append to and read from one run's journal; safe between threads and processes.

    ``reserve`` is a file that is given up when the disk is full: there is then room to write down
    how the run ends, and ``cramped`` says that it must end now. ``patience`` is for how many seconds
    a lock that another program holds on the file is waited for.
    """

    def __init__(
        self,
        path: str,
        run: str,
        *,
        create: bool = False,
        reserve: str | None = None,
        patience: int = 5,
    ) -> None:
        self.run = run
        # called each second that a lock is waited for
        self.waiting: Callable[[], object] = lambda: None
        self._patience = patience
        self.cramped = False
        self._reserve = reserve
        self._path = path
        import threading  # who only reads needs none of it

        self._lock = threading.Lock()
        self._appended = 0
        mode = "rwc" if create else "rw"
        address = path if path == ":memory:" else f"file:{_quoted(path)}?mode={mode}"
        try:
            try:
                self._db = _opened(address)
            except sqlite3.OperationalError:
                if not self._gave_up_reserve():
                    raise
                self._db = _opened(address)
        except sqlite3.Error as error:
            raise _sentence(path, error) from error

    def append(
        self,
        event: str,
        data: Mapping[str, object],
        *,
        by: str,
        step: str | None = None,
        once: str | None = None,
        at: datetime | None = None,
    ) -> tuple[Line, bool]:
        """Write one line durably; return it, and whether it is new.

        ``once`` names what may stand in the journal one time only: said again, the line that is
        there is returned. Times never run backwards. Raises JournalError.
        """
        with self._lock:
            for waited in range(self._patience + 1):
                try:
                    return self._append(event, data, by, step, once, at)
                except sqlite3.Error as error:
                    locked = _code(error) == sqlite3.SQLITE_BUSY and waited < self._patience
                    if not locked and not (_full(error) and self._gave_up_reserve()):
                        raise _sentence(self._path, error) from error
                self.waiting()
            raise AssertionError("not reached")

    def _gave_up_reserve(self) -> bool:
        """Make room on a full disk; return whether there was something to give up."""
        try:
            os.unlink(self._reserve or "")
        except OSError:
            return False
        self.cramped = True
        return True

    def _append(
        self,
        event: str,
        data: Mapping[str, object],
        by: str,
        step: str | None,
        once: str | None,
        at: datetime | None,
    ) -> tuple[Line, bool]:
        from pitstop.journal.chain import link  # canonical JSON is for writers only

        self._db.execute("BEGIN IMMEDIATE")
        try:
            if once and (found := self._once(once)):
                return found, False
            last = self._db.execute(
                "SELECT seq, at, hash FROM lines ORDER BY seq DESC LIMIT 1"
            ).fetchone()
            seq, before, prev = last if last else (0, "", None)
            line = {
                "seq": seq + 1,
                "at": max(stamp(at or datetime.now(UTC)), before),  # noqa: TID251 - clients have no clock
                "run": self.run,
                "step": step,
                "event": event,
                "by": by,
                "data": data,
                "prev": prev,
            }
            line["hash"] = link(line)
            self._db.execute(
                "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*(line | {"data": json.dumps(data, ensure_ascii=False)}).values(), once),
            )
            self._db.execute("COMMIT")
            self._appended += 1
            return line, True
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _once(self, once: str) -> Line | None:
        row = self._db.execute(
            "SELECT seq, at, run, step, event, by, data, prev, hash FROM lines WHERE once = ?",
            (once,),
        ).fetchone()
        return _line(row) if row else None

    def lines(self, after: int = 0) -> list[Line]:
        """Return the lines with a higher ``seq``, in order."""
        with self._lock:
            try:
                return [_line(row) for row in self._db.execute(_READ, (after,))]
            except sqlite3.Error as error:
                raise _sentence(self._path, error) from error

    def writes(self) -> tuple[int, int]:
        """Return what changes when anybody has written, here or elsewhere; reads no lines."""
        with self._lock:
            try:
                row = self._db.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error as error:
                raise _sentence(self._path, error) from error
            return int(row[0]), self._appended

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def read(path: str, after: int = 0) -> list[Line]:
    """Return a journal's lines without ever writing to it. Raises JournalError."""
    return [_line(row) for row in _read(path, _READ, (after,))]


def last_event(path: str) -> str | None:
    """Return the event of a journal's last line; cheaper than to read it all."""
    rows = _read(path, "SELECT event FROM lines ORDER BY seq DESC LIMIT 1", ())
    return str(rows[0][0]) if rows else None


def _read(path: str, question: str, values: tuple[int, ...]) -> list[tuple[object, ...]]:
    address = f"file:{_quoted(path)}?mode=ro"
    try:
        try:
            return _asked(address, question, values)
        except sqlite3.OperationalError:
            if os.access(os.path.dirname(path), os.W_OK):
                raise
            # a folder that cannot be written: SQLite cannot lay its shared memory beside the file
            return _asked(f"{address}&immutable=1", question, values)
    except (sqlite3.Error, ValueError) as error:
        raise _sentence(path, error) from error


def _asked(address: str, question: str, values: tuple[int, ...]) -> list[tuple[object, ...]]:
    db = sqlite3.connect(address, uri=True, timeout=5)
    try:
        return db.execute(question, values).fetchall()
    finally:
        db.close()


def _opened(address: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        address, uri=True, timeout=1, isolation_level=None, check_same_thread=False
    )
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(_TABLE)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _line(row: tuple[object, ...]) -> Line:
    seq, at, run, step, event, by, data, prev, digest = row
    return {
        "seq": seq,
        "at": at,
        "run": run,
        "step": step,
        "event": event,
        "by": by,
        "data": json.loads(str(data)),
        "prev": prev,
        "hash": digest,
    }


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _sentence(path: str, error: Exception) -> JournalError:
    found = JournalError(f"The journal {path} cannot be used: {error}.")
    found.full = _full(error)
    return found


def _code(error: Exception) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if code is not None else None  # the rest of it says more than we ask


def _full(error: Exception) -> bool:
    return _code(error) == sqlite3.SQLITE_FULL
