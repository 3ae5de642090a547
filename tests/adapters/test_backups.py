"""Backups under trouble: half-way, hanging, full, sealed, damaged, killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest

from contracts.backups import CommandSource, PostgresSource, SqliteSource, a_program, by_hand
from pitstop.adapters._libpq import environment
from pitstop.adapters._run import Runner
from pitstop.adapters.backups import _store
from pitstop.ports import CannotTell, Refused

IDENTITY = pyrage.x25519.Identity.generate()
AGE = str(IDENTITY.to_public())


@pytest.fixture
def shop(tmp_path: Path) -> SqliteSource:
    """An SQLite file with three orders."""
    found = SqliteSource(tmp_path)
    found.write(3)
    return found


@pytest.fixture
def pg(tmp_path: Path, a_postgres: Any, monkeypatch: pytest.MonkeyPatch) -> PostgresSource:
    """A Postgres database with three orders."""
    found = PostgresSource(tmp_path, a_postgres, monkeypatch)
    found.write(3)
    return found


@pytest.fixture(params=["sqlite", "command", "postgres"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Each kind."""
    if request.param == "postgres":
        return request.getfixturevalue("pg")
    found = {"sqlite": SqliteSource, "command": CommandSource}[request.param](tmp_path)
    found.write(3)
    return found


def left(source: Any) -> list[str]:
    """Return what lies in the folder of backups."""
    return sorted(one.name for one in source.folder.iterdir()) if source.folder.exists() else []


# Sealed


def test_who_cannot_open_it_verifies_it_on_its_way_to_being_sealed(source: Any) -> None:
    """The evidence says so, and holds as long as the file is the same."""
    backup = source.backup(encrypt_to=AGE)
    taken = backup.take("one")

    assert "it was encrypted" in taken.verified
    assert "rows" in taken.verified
    assert taken.encrypted_to == AGE
    assert source.backup(encrypt_to=AGE).verify("one") == taken.verified
    [data] = [source.folder / name for name in left(source) if not name.endswith(".json")]
    assert data.read_bytes().startswith(b"age-encryption.org/v1")
    assert b"order" not in data.read_bytes()
    assert len(left(source)) == 2


def test_what_was_sealed_and_then_damaged_is_refused(source: Any) -> None:
    """Also by who cannot open it."""
    source.backup(encrypt_to=AGE).take("one")
    source.damage("one")
    with pytest.raises(Refused, match="damaged"):
        source.backup(encrypt_to=AGE).verify("one")


@pytest.mark.parametrize("held", ["a file", "the key"])
def test_who_has_the_identity_decrypts_and_reads_back(
    source: Any, held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity is named by a variable: a file as age-keygen writes it, or the key itself."""
    (tmp_path / "key.txt").write_text(f"# created: today\n{IDENTITY}\n")
    value = str(tmp_path / "key.txt") if held == "a file" else str(IDENTITY)
    monkeypatch.setenv("BACKUP_IDENTITY", value)
    backup = source.backup(encrypt_to=AGE, identity={"env": "BACKUP_IDENTITY"})

    assert backup.take("one").verified is None
    assert backup.verify("one").startswith("decrypted, ")
    plain = bytearray()
    backup.contents("one", plain.extend)
    assert b"order" in plain or plain.startswith(b"PGDMP")


def test_a_wrong_identity_is_said_and_is_no_damage(
    shop: SqliteSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who cannot open it learns why."""
    monkeypatch.setenv("BACKUP_IDENTITY", str(pyrage.x25519.Identity.generate()))
    backup = shop.backup(encrypt_to=AGE, identity={"env": "BACKUP_IDENTITY"})
    backup.take("one")
    with pytest.raises(Refused, match="BACKUP_IDENTITY"):
        backup.verify("one")
    monkeypatch.delenv("BACKUP_IDENTITY")
    with pytest.raises(CannotTell, match="BACKUP_IDENTITY"):
        shop.backup(encrypt_to=AGE, identity={"env": "BACKUP_IDENTITY"}).verify("one")


def test_a_dump_that_cannot_be_restored_is_not_sealed_either(pg: PostgresSource) -> None:
    """What was never proven is not kept as a backup that nobody can prove."""
    programs = pg.folder.parent / "programs"
    shutil.copytree(pg.server.programs, programs, symlinks=True)
    real = programs / "pg_restore.real"
    (programs / "pg_restore").rename(real)
    a_program(programs / "pg_restore", "cat > /dev/null; echo 'out of memory' >&2; exit 1")
    with pytest.raises(Refused, match="out of memory"):
        pg.backup(encrypt_to=AGE, programs=str(programs)).take("one")
    assert left(pg) == []
    assert [name for name in pg.databases() if name.startswith("pitstop")] == []


@pytest.fixture
def gpg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A keyring with one key, whose agent ends with the test."""
    if not shutil.which("gpg"):
        pytest.skip("gpg is not installed")
    import tempfile

    home = tempfile.mkdtemp(prefix="pitstop-gpg-")  # short: the agent's socket lies there
    monkeypatch.setenv("GNUPGHOME", home)
    key = "backups@example.com"
    made = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", key, "default", "default"]
    subprocess.run(made, check=True, capture_output=True)
    yield key
    subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)
    shutil.rmtree(home, ignore_errors=True)


def test_gpg_seals_and_opens(shop: SqliteSource, gpg: str) -> None:
    """With the keyring of whoever runs it; the secret key being there, it is really decrypted."""
    backup = shop.backup(encrypt_to=f"gpg:{gpg}")
    assert backup.take("one").verified is None
    assert backup.verify("one").startswith("decrypted, ")
    assert [one.status for one in backup.findings()] == ["ok"] * 3


def test_a_gpg_key_that_is_not_there_makes_no_backup(shop: SqliteSource, gpg: str) -> None:
    """doctor says so beforehand."""
    backup = shop.backup(encrypt_to="gpg:nobody@example.com")
    with pytest.raises(Refused, match="gpg could not encrypt"):
        backup.take("one")
    assert left(shop) == []
    assert "failed" in [one.status for one in backup.findings()]


# Trouble on the way


def test_a_full_disk_leaves_no_backup_and_the_old_ones(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words; the device really says that it is full."""
    before = source.backup().take("before")
    if isinstance(source, PostgresSource):
        full = Path("/dev/full")
        monkeypatch.setattr(_store, "_private", lambda _: full.open("wb"))
    else:

        def full(*_: Any, **__: Any) -> None:
            with open("/dev/full", "wb", buffering=0) as device:
                device.write(b"x")

        monkeypatch.setattr(_store.Draft, "take_in", full)
    with pytest.raises(Refused, match="disk is full"):
        source.backup().take("one")
    assert source.backup().kept() == [before]
    assert len(left(source)) == 2


def test_a_copy_on_a_full_disk_says_so(shop: SqliteSource, tmp_path: Path) -> None:
    """SQLite's own word for it is understood."""
    shop.write(20_000)
    code = (
        "import resource, signal, sys; sys.path.insert(0, 'tests'); from pathlib import Path; "
        "from contracts.backups import SqliteSource; import sqlite3; "
        "from pitstop.ports import Refused, CannotTell\n"
        "class Shop(SqliteSource):\n    def sql(self, *words): return []\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    Shop(Path(sys.argv[1])).backup().take('one')\n"
        "except (Refused, CannotTell) as why:\n    print(type(why).__name__, why)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=root
    )
    assert "no backup" in done.stdout or "could not be written" in done.stdout, done
    assert left(shop) == []


@pytest.mark.parametrize(
    ("does", "kind", "said"),
    [
        ("printf PGDMP; sleep 60", Refused, "did not end within 1 s"),
        ("printf PGDMP; echo 'connection lost' >&2; exit 3", CannotTell, "connection lost"),
        ("printf PGDMP; kill -9 $$", CannotTell, "did not come to its end"),
    ],
)
def test_a_dump_that_does_not_come_to_its_end_is_no_backup(
    pg: PostgresSource, does: str, kind: type[Exception], said: str
) -> None:
    """Hanging, failing and killed: in words, and nothing is kept."""
    programs = pg.folder.parent / "programs"
    shutil.copytree(pg.server.programs, programs, symlinks=True)
    (programs / "pg_dump").unlink()
    a_program(programs / "pg_dump", does)
    with pytest.raises(kind, match=said):
        pg.backup(programs=str(programs), within="1s").take("one")
    assert left(pg) == []


@pytest.mark.parametrize(
    ("take", "said"),
    [
        ("sleep 60", "did not end within 1 s"),
        ("echo half > $PITSTOP_BACKUP_FILE; echo 'no route' >&2; exit 4", "exit code 4: no route"),
        ("true", "wrote nothing"),
        ("touch $PITSTOP_BACKUP_FILE", "wrote nothing"),
    ],
)
def test_a_command_that_makes_no_backup_makes_none(tmp_path: Path, take: str, said: str) -> None:
    """Hanging, failing, or saying that all is well."""
    source = CommandSource(tmp_path)
    with pytest.raises(Refused, match=said):
        source.backup(take=take, within="1s").take("one")
    assert left(source) == []


def test_a_command_finds_what_it_needs_in_its_environment(tmp_path: Path) -> None:
    """The file, the id, and the repository to stand in; the file is ours alone."""
    source = CommandSource(tmp_path)
    take = 'printf "%s %s" "$PITSTOP_BACKUP_ID" "$PWD" > "$PITSTOP_BACKUP_FILE"'
    source.backup(take=take).take("one")
    assert (source.folder / "one.command").read_text() == f"one {tmp_path}"


def test_no_program_is_said_with_the_remedy(pg: PostgresSource) -> None:
    """Where Postgres' programs are not installed."""
    backup = pg.backup(programs="/nowhere")
    with pytest.raises(Refused, match=r"psql is not installed.*backup\.programs"):
        backup.take("one")
    assert next(one.status for one in backup.findings()) == "failed"


def test_old_programs_are_found_out_beforehand(pg: PostgresSource) -> None:
    """pg_dump of an older version than the server refuses to dump: doctor says it first."""
    programs = pg.folder.parent / "programs"
    shutil.copytree(pg.server.programs, programs, symlinks=True)
    (programs / "pg_dump").unlink()
    a_program(programs / "pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.24'")
    [found] = [one for one in pg.backup(programs=str(programs)).findings() if one.name == "backup"]
    assert (found.status, "pg_dump is of version 9" in found.said) == ("failed", True)
    assert "version 17 or newer" in found.remedy


def test_a_variable_that_is_not_set_is_named(
    pg: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not its value, its name."""
    monkeypatch.delenv("SHOP_DATABASE_URL")
    with pytest.raises(Refused, match="SHOP_DATABASE_URL is not set"):
        pg.backup().take("one")


# Postgres


def test_the_password_is_in_no_command_line_and_no_file(pg: PostgresSource) -> None:
    """Whoever runs ps or reads the folder does not see it."""
    programs = pg.folder.parent / "programs"
    shutil.copytree(pg.server.programs, programs, symlinks=True)
    seen = pg.folder.parent / "seen"
    for name in ("psql", "pg_dump", "pg_restore"):
        (programs / name).rename(programs / f"{name}.real")
        real = f'exec "{programs}/{name}.real" "$@"'
        a_program(programs / name, f'echo {name} "$@" "[$PGPASSWORD]" >> {seen}', real)
    backup = pg.backup(programs=str(programs))
    backup.take("one")
    backup.verify("one")

    words = seen.read_text()
    assert {line.split()[0] for line in words.splitlines()} == {"psql", "pg_dump", "pg_restore"}
    assert words.count("s3cret-word") == words.count("[s3cret-word]")
    kept = b"".join(one.read_bytes() for one in pg.folder.iterdir())
    assert b"s3cret-word" not in kept
    assert "s3cret-word" not in backup.restore_command("one")


def test_rows_are_those_of_the_dump_whatever_is_written_meanwhile(pg: PostgresSource) -> None:
    """One snapshot: users go on writing while it is dumped, counted and compared."""
    pg.write(20_000)
    over = threading.Event()

    def users() -> None:
        while not over.is_set():
            pg.write(10)

    crowd = threading.Thread(target=users)
    crowd.start()
    try:
        backup = pg.backup()
        for number in range(3):
            backup.take(f"b{number}")
            assert "rows as at the source" in backup.verify(f"b{number}")
    finally:
        over.set()
        crowd.join()
    assert [name for name in pg.databases() if name.startswith("pitstop")] == []


def test_a_restored_database_that_differs_is_refused(pg: PostgresSource) -> None:
    """Rows that did not come back are the point of it all."""
    backup = pg.backup()
    backup.take("one")
    manifest = pg.folder / "one.json"
    held = json.loads(manifest.read_text())
    held["rows"] |= {"public.orders": 4, "public.gone": 1}
    manifest.write_text(json.dumps(held))
    with pytest.raises(
        Refused, match=r"public\.gone: no rows, not 1; public\.orders: 3 rows, not 4"
    ):
        pg.backup().verify("one")


def test_a_user_who_may_not_create_a_database_cannot_tell(
    pg: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is said with what to do; doctor says it before; reading the contents needs no right."""
    pg.sql("CREATE ROLE clerk LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk")
    monkeypatch.setenv("SHOP_DATABASE_URL", pg.url.replace("postgres:s3", "clerk:s3"))
    try:
        backup = pg.backup()
        backup.take("one")
        with pytest.raises(CannotTell, match="CREATEDB"):
            backup.verify("one")
        assert "backup.verify" in [one.name for one in backup.findings() if one.status == "failed"]
        assert "(it was not restored)" in pg.backup(verify="list").verify("one")
        monkeypatch.setenv("SCRATCH_URL", pg.url)
        assert "as at the source" in pg.backup(scratch={"env": "SCRATCH_URL"}).verify("one")
    finally:
        monkeypatch.setenv("SHOP_DATABASE_URL", pg.url)
        pg.sql("DROP OWNED BY clerk", "DROP ROLE clerk")


def test_odd_tables_are_counted_and_come_back(pg: PostgresSource) -> None:
    """Names with quotes, spaces and line ends; partitions; what another schema holds."""
    pg.sql(
        'CREATE SCHEMA "odd \' one"',
        'CREATE TABLE "odd \' one"."a ""b"" \n|c" (i int)',
        'INSERT INTO "odd \' one"."a ""b"" \n|c" VALUES (1), (2)',
        "CREATE TABLE parts (i int) PARTITION BY RANGE (i)",
        "CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "INSERT INTO parts VALUES (1)",
        "CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM orders",
    )
    backup = pg.backup()
    backup.take("one")
    assert backup.verify("one") == (
        "restored into a scratch database: 4 tables, 7 rows as at the source"
    )


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        (
            "postgres://ada:p%40ss@db.example.com:6432/shop?sslmode=require&schema=public",
            {"PGHOST": "db.example.com", "PGPORT": "6432", "PGUSER": "ada", "PGPASSWORD": "p@ss"}
            | {"PGDATABASE": "shop", "PGSSLMODE": "require"},
        ),
        ("postgresql+psycopg2:///shop?host=/run/pg", {"PGHOST": "/run/pg", "PGDATABASE": "shop"}),
        ("postgresql://%2Frun%2Fpg/shop", {"PGHOST": "/run/pg", "PGDATABASE": "shop"}),
        ("postgres://[::1]:5432/shop", {"PGHOST": "::1", "PGPORT": "5432", "PGDATABASE": "shop"}),
    ],
)
def test_addresses_are_read_as_frameworks_write_them(url: str, variables: dict[str, str]) -> None:
    """What is not for libpq is left out."""
    found = environment(url)
    assert {
        name: found[name] for name in found if name not in ("PGCONNECT_TIMEOUT", "PGAPPNAME")
    } == (variables)


@pytest.mark.parametrize("url", ["mysql://db/shop", "", "shop", "postgres://db:port/shop"])
def test_what_is_no_address_is_refused(
    pg: PostgresSource, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Without its value: it may hold a password."""
    monkeypatch.setenv("SHOP_DATABASE_URL", url)
    with pytest.raises(Refused, match="SHOP_DATABASE_URL") as said:
        pg.backup().take("one")
    assert "db" not in str(said.value).replace("SHOP_DATABASE_URL", "").replace("database", "")


def test_the_restore_line_fits_an_address_with_a_frameworks_words(
    pg: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLAlchemy's driver and Prisma's schema are taken out, as the line runs."""
    pg.backup().take("one")
    plain = pg.url.replace("s3cret-word@/", f"s3cret-word@{pg.url.partition('host=')[2]}/")
    odd = plain.partition("?")[0].replace("postgresql:", "postgresql+psycopg2:") + "?schema=public"
    monkeypatch.setenv("SHOP_DATABASE_URL", odd)
    pg.write(2)

    done = by_hand(pg.backup().restore_command("one"))

    assert done.returncode == 0, done.stderr
    assert pg.rows() == 3


HEADS = {
    "alembic_version": ("version_num text", "('0002'), ('0003')", "0002, 0003"),
    "django_migrations": (
        "id int, app text, name text",
        "(1, 'shop', '0001'), (2, 'auth', '0012')",
        "auth.0012",
    ),
    "schema_migrations": ("version text", "('20250101'), ('20260101')", "20260101"),
    "flyway_schema_history": (
        "installed_rank int, version text, success boolean",
        "(1, '1', true), (2, '1.1', true), (3, '2', false), (4, NULL, true)",
        "1.1",
    ),
    "_prisma_migrations": (
        "migration_name text, finished_at timestamp, rolled_back_at timestamp",
        "('1_a', '2026-01-01', NULL), ('2_b', '2026-01-02', '2026-01-03'), ('3_c', NULL, NULL)",
        "1_a",
    ),
    "knex_migrations": ("id int, name text", "(1, 'a.js'), (2, 'b.js')", "b.js"),
}


def test_every_migration_tool_is_understood_on_both_databases(
    shop: SqliteSource, pg: PostgresSource
) -> None:
    """What is applied counts, not what failed or was taken back."""
    for source in (shop, pg):
        source.sql("DROP TABLE alembic_version")
        assert source.backup().migration_head() is None
        for table, (columns, rows, head) in HEADS.items():
            source.sql(f"CREATE TABLE {table} ({columns})")
            assert source.backup().migration_head() is None
            source.sql(f"INSERT INTO {table} VALUES {rows}")
            assert source.backup().migration_head() == head, table
            source.sql(f"DROP TABLE {table}")


def test_two_migration_tools_are_both_told(shop: SqliteSource) -> None:
    """Whichever moves on, it is seen."""
    shop.sql("CREATE TABLE knex_migrations (id int, name text)")
    shop.sql("INSERT INTO knex_migrations VALUES (1, 'a.js')")
    assert shop.backup().migration_head() == "alembic_version 0001; knex_migrations a.js"


# SQLite


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_copy_is_whole_while_users_write(shop: SqliteSource, mode: str) -> None:
    """With and without a write-ahead log; nobody who writes is turned away for long."""
    shop.sql(f"PRAGMA journal_mode = {mode}")
    shop.write(30_000)
    over, failed = threading.Event(), []

    def users() -> None:
        connection = sqlite3.connect(shop.file, timeout=20)
        while not over.wait(0.01):
            try:
                with connection:
                    connection.execute("INSERT INTO orders VALUES (1, 'meanwhile')")
            except sqlite3.Error as error:
                failed.append(error)
        connection.close()

    crowd = threading.Thread(target=users)
    crowd.start()
    try:
        backup = shop.backup()
        backup.take("one")
        evidence = backup.verify("one")
    finally:
        over.set()
        crowd.join()
    assert failed == []
    assert ("as at the source" in evidence) == (mode == "WAL")


def test_a_database_that_is_damaged_is_not_backed_up_as_if_it_were_well(
    shop: SqliteSource,
) -> None:
    """The copy is as ill as the source, and says so when it is read back."""
    shop.write(5_000)
    shop.sql("CREATE INDEX by_note ON orders (note)", "PRAGMA wal_checkpoint(TRUNCATE)")
    held = bytearray(shop.file.read_bytes())
    for page in range(8, len(held) // 4096 - 4, 5):
        held[page * 4096 + 100 : page * 4096 + 200] = b"\0" * 100
    shop.file.write_bytes(held)
    backup = shop.backup()
    with pytest.raises(Refused):
        backup.take("one")
        backup.verify("one")
    assert [one for one in backup.kept() if one.verified] == []


def test_what_is_no_database_is_refused(shop: SqliteSource) -> None:
    """And what is not there is not made."""
    shop.vanish()
    with pytest.raises(Refused, match="There is no database"):
        shop.backup().take("one")
    assert not shop.file.exists()
    shop.file.write_text("no database at all, but a text that is long enough" * 100)
    with pytest.raises(Refused, match="not a database"):
        shop.backup().take("two")


def test_a_locked_database_is_waited_for_and_not_for_ever(shop: SqliteSource) -> None:
    """Somebody's exclusive lock ends in words."""
    shop.sql("PRAGMA journal_mode = DELETE")
    other = sqlite3.connect(shop.file)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises((Refused, CannotTell), match=r"locked|did not come to its end"):
            shop.backup(within="1s").take("one")
    finally:
        other.close()
    assert left(shop) == []


class Word(BaseException):
    """What a person says while a backup is under way."""


@pytest.mark.parametrize("moment", [2, 5, 8, 12])
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_what_the_tick_raises_ends_a_backup_and_leaves_nothing(
    source: Any, sealed: bool, moment: int
) -> None:
    """An abort does not wait for a dump of hours; no half backup, no scratch database stays."""
    source.write(20_000)
    ticks = []

    def tick() -> None:
        ticks.append(True)
        if len(ticks) == moment:
            raise Word

    source.runner = Runner(tick)
    more = {"encrypt_to": AGE} if sealed else {}
    if isinstance(source, CommandSource):
        more["take"] = "echo half > $PITSTOP_BACKUP_FILE; sleep 60"
    backup = source.backup(**more)
    with pytest.raises(Word):
        for number in range(9):
            backup.take(f"b{number}")
            backup.verify(f"b{number}")
    assert [name for name in left(source) if name.startswith(".")] == []
    assert len(left(source)) == 2 * len(backup.kept())
    if isinstance(source, PostgresSource):
        assert [name for name in source.databases() if name.startswith("pitstop")] == []


# Killed


TAKE = """
import os, sys
sys.path.insert(0, "tests")
from pathlib import Path
from contracts import backups
class Shop(backups.SqliteSource):
    def sql(self, *words): return []
shop = Shop(Path(sys.argv[1]))
from pitstop.adapters.backups import _store
last = {"half": "finish", "data": "_write"}[sys.argv[2]]
owner = _store.Draft if last == "finish" else _store.Store
if sys.argv[2] == "half":
    take_in = _store.Draft.take_in
    _store.Draft.take_in = lambda self: os.kill(os.getpid(), 9)
else:
    _store.Store._write = lambda self, manifest: os.kill(os.getpid(), 9)
shop.backup().take("one")
"""


@pytest.mark.parametrize("moment", ["half", "data"])
def test_killed_before_its_manifest_there_is_no_backup_yet(
    shop: SqliteSource, tmp_path: Path, moment: str
) -> None:
    """Killed when the copy is half or all written: taken anew, with what the data is by then."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", TAKE, str(tmp_path), moment], cwd=root)
    assert done.returncode == -signal.SIGKILL
    assert len(left(shop)) == 1
    assert shop.backup().kept() == []
    shop.write(2)

    shop.backup().take("one")

    assert "6 rows as at the source" in shop.backup().verify("one")
    assert left(shop) == ["one.json", "one.sqlite"]


def test_pieces_of_long_ago_are_swept_away(shop: SqliteSource) -> None:
    """Of backups by hand that were killed nobody asks again."""
    backup = shop.backup()
    backup.take("one")
    for name, age in ((".old.part", 2 * 86400), (".old.plain", 2 * 86400), (".now.part", 60)):
        (shop.folder / name).write_bytes(b"half")
        then = time.time() - age
        os.utime(shop.folder / name, (then, then))
    backup.prune()
    assert left(shop) == [".now.part", "one.json", "one.sqlite"]


def test_young_backups_stay_however_many(shop: SqliteSource) -> None:
    """``keep`` and ``keep_for`` are both promises to keep."""
    backup = shop.backup(keep=1, keep_for="1h")
    for number in range(4):
        backup.take(f"b{number}")
    assert backup.prune() == []
    shop.clock.pause(3700)
    assert backup.prune() == ["b2", "b1", "b0"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("encrypt_to", "age1xyz", "age recipient"),
        ("encrypt_to", "gpg:", 'write an age recipient ("age1..."'),
        ("encrypt_to", "ada@example.com", "gpg:KEY"),
        ("keep", 0, "greater than or equal to 1"),
        ("keep_for", "soon", "write a duration"),
        ("identity", "key.txt", "identity"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    shop: SqliteSource, key: str, value: object, said: str
) -> None:
    """Before anything runs."""
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(".", r"\.")):
        shop.backup(**{key: value})
