"""Databases whose backups are put to the contract: one class for each kind."""

from __future__ import annotations

import os
import shlex
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from pitstop.adapters._run import Runner
from pitstop.adapters.backups._store import Store
from pitstop.adapters.backups.command import CommandBackup, CommandSettings
from pitstop.adapters.backups.postgres import PostgresBackup, PostgresSettings
from pitstop.adapters.backups.sqlite import SqliteBackup, SqliteSettings
from pitstop.adapters.simulated import MakeBelieveClock, SimulatedBackup, World
from postgres import Postgres

RUNNER = Runner()  # one for all: each has a helper process that lives as long as it does
KINDS = ("command", "postgres", "simulated", "sqlite")


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time, a second later each time."""
        self.at += timedelta(seconds=1)
        return self.at

    def pause(self, seconds: float) -> None:
        """Let it pass."""
        self.at += timedelta(seconds=seconds)


class Source(Protocol):
    """What a contract test needs to know of a database."""

    def backup(self, **settings: Any) -> Any:
        """Return the backups of this database, as a new process would make them."""

    def write(self, rows: int) -> None:
        """Add rows to the table ``orders``."""

    def rows(self) -> int:
        """Return how many rows the table ``orders`` has."""

    def migrate(self, version: str) -> None:
        """Record another migration."""

    def vanish(self) -> None:
        """Be gone."""

    def damage(self, backup_id: str) -> None:
        """Change one byte of a backup."""


class _Stored:
    """A database whose backups lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.runner = folder / "kept", Clock(), RUNNER

    def store(self, settings: Any, kind: str) -> Store:
        """Return the store."""
        return Store(self.folder, settings, kind, runner=self.runner, clock=self.clock)

    def damage(self, backup_id: str) -> None:
        """Change one byte in the middle."""
        [file] = [one for one in self.folder.glob(f"{backup_id}.*") if one.suffix != ".json"]
        held = bytearray(file.read_bytes())
        held[len(held) // 2] ^= 1
        file.write_bytes(held)


class SqliteSource(_Stored):
    """A file; with a write-ahead log, as servers have it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.repository, self.file = folder, folder / "shop.db"
        self.sql("PRAGMA journal_mode = WAL", "CREATE TABLE orders (id INTEGER, note TEXT)")
        self.sql("CREATE TABLE alembic_version (version_num TEXT)")
        self.sql("INSERT INTO alembic_version VALUES ('0001')")

    def sql(self, *statements: str) -> list[Any]:
        """Run SQL; return the rows of the last statement."""
        connection, found = sqlite3.connect(self.file), []
        for one in statements:
            found = connection.execute(one).fetchall()
        connection.commit()
        connection.close()
        return found

    def backup(self, **settings: Any) -> SqliteBackup:
        """Return its backups."""
        given = SqliteSettings.model_validate({"file": "shop.db"} | settings)
        store = self.store(given, "sqlite")
        return SqliteBackup(given, store, lambda _: None, repository=self.repository)

    def write(self, rows: int) -> None:
        """Add rows."""
        self.sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
            f"{rows}) INSERT INTO orders SELECT i, 'order ' || i FROM n"
        )

    def rows(self) -> int:
        """Count them."""
        return int(self.sql("SELECT count(*) FROM orders")[0][0])

    def migrate(self, version: str) -> None:
        """Record another migration."""
        self.sql(f"UPDATE alembic_version SET version_num = '{version}'")

    def vanish(self) -> None:
        """Be gone."""
        for one in self.repository.glob("shop.db*"):
            one.unlink()


TOOL = """
import os, pathlib, sqlite3, sys
name = pathlib.Path(os.environ.get("PITSTOP_BACKUP_FILE", ""))
if sys.argv[1] == "take":
    shop = sqlite3.connect("file:shop.db?mode=ro", uri=True)
    name.write_text("\\n".join(shop.iterdump()))
elif sys.argv[1] == "verify":
    held = sqlite3.connect(":memory:")
    held.executescript(name.read_text())
    print(held.execute("SELECT count(*) FROM orders").fetchone()[0], "rows")
elif sys.argv[1] == "restore":
    for old in pathlib.Path().glob("shop.db*"):
        old.unlink()
    sqlite3.connect("shop.db").executescript(name.read_text())
else:
    print(sqlite3.connect("file:shop.db?mode=ro", uri=True).execute(
        "SELECT version_num FROM alembic_version").fetchone()[0])
"""


class CommandSource(SqliteSource):
    """The same, as a team's own commands see it: a dump as SQL."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "tool.py").write_text(TOOL)

    def backup(self, **settings: Any) -> Any:
        """Return its backups."""
        names = ("take", "verify", "restore", "migration")
        usual = {name: f"{sys.executable} tool.py {name}" for name in names}
        given = CommandSettings.model_validate(usual | settings)
        store = self.store(given, "command")
        return CommandBackup(given, store, lambda _: None, repository=self.repository)


class PostgresSource(_Stored):
    """A database on a real server."""

    def __init__(self, folder: Path, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder)
        self.server, self.url, self._environment = server, server.new(), monkeypatch
        monkeypatch.setenv("SHOP_DATABASE_URL", self.url)
        self.sql(
            "CREATE TABLE orders (id bigint, note text)",
            "CREATE TABLE alembic_version (version_num text)",
            "INSERT INTO alembic_version VALUES ('0001')",
        )

    def sql(self, *statements: str) -> str:
        """Run SQL."""
        return self.server.sql(self.url, *statements)

    def backup(self, **settings: Any) -> PostgresBackup:
        """Return its backups."""
        usual = {"database": {"env": "SHOP_DATABASE_URL"}, "programs": str(self.server.programs)}
        given = PostgresSettings.model_validate(usual | settings)
        return PostgresBackup(given, self.store(given, "postgres"), lambda _: None)

    def write(self, rows: int) -> None:
        """Add rows."""
        self.sql(f"INSERT INTO orders SELECT i, 'order ' || i FROM generate_series(1, {rows}) i")

    def rows(self) -> int:
        """Count them."""
        return int(self.sql("SELECT count(*) FROM orders"))

    def migrate(self, version: str) -> None:
        """Record another migration."""
        self.sql(f"UPDATE alembic_version SET version_num = '{version}'")

    def vanish(self) -> None:
        """Be gone."""
        self._environment.setenv("SHOP_DATABASE_URL", self.server.url("nothing_of_this_name"))

    def databases(self) -> list[str]:
        """Return what there is on the server."""
        return self.server.sql(
            self.server.url("postgres"), "SELECT datname FROM pg_database"
        ).split()


class SimulatedSource:
    """Nothing but words."""

    def __init__(self) -> None:
        self.world = World()

    def backup(self, **settings: Any) -> SimulatedBackup:
        """Return its backups."""
        return SimulatedBackup(self.world, MakeBelieveClock(self.world, lambda: None))

    def write(self, rows: int) -> None:
        """Hold nothing."""

    def migrate(self, version: str) -> None:
        """Record another migration."""
        self.world.migration = version

    def vanish(self) -> None:
        """Be gone."""
        self.world.database_answers = False

    def damage(self, backup_id: str) -> None:
        """Spoil it."""
        self.world.backup_reads_back = False


def by_hand(command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Paste a printed command into a shell."""
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, env={**os.environ, **env}, cwd="/"
    )


def a_program(path: Path, *lines: str) -> None:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    path.chmod(0o755)


def quoted(path: Path) -> str:
    """Return a path as the shell reads it."""
    return shlex.quote(str(path))
