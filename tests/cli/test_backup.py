"""``pitstop backup`` as a person types it, without and within a hotfix."""

import json
import os
import pty
import shlex
import sqlite3
import subprocess
import sys

import pyrage
import pytest

ALONE = ("--override", "approval", "--because", "alone at night")


def sql(shop, *statements):
    """Run SQL on the shop's orders; return the rows of the last statement."""
    connection, found = sqlite3.connect(shop.folder / "orders.db", timeout=20), []
    for one in statements:
        found = connection.execute(one).fetchall()
    connection.commit()
    connection.close()
    return found


def configured(shop, **more):
    """Add a [backup] table, and three orders of yesterday."""
    rows = {"use": "sqlite", "file": "../orders.db"} | more
    table = "".join(f"{name} = {json.dumps(value)}\n" for name, value in rows.items())
    toml = shop.path / "pitstop.toml"
    toml.write_text(f"{toml.read_text()}\n[backup]\n{table}")
    sql(
        shop,
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, total REAL)",
        "INSERT INTO orders (total) VALUES (1), (2), (3)",
        "CREATE TABLE alembic_version (version_num TEXT)",
        "INSERT INTO alembic_version VALUES ('0001')",
    )
    return shop


def pasted(shop, command, **env):
    """Paste a printed command into a shell that has pitstop on its path."""
    tools = shop.folder / "bin"
    tools.mkdir(exist_ok=True)
    line = f'#!/bin/sh\nexec {sys.executable} -m pitstop -C {shlex.quote(str(shop.path))} "$@"\n'
    (tools / "pitstop").write_text(line)
    (tools / "pitstop").chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", command], env={**shop.env, "PATH": path, **env}, capture_output=True, text=True
    )


def test_a_backup_is_taken_verified_listed_and_restored(shop):
    """No hotfix is needed; what is printed can be pasted."""
    configured(shop)

    done = shop.pitstop("backup")

    assert (done.returncode, done.stderr) == (0, "")
    first, name_and_size, evidence, _, command = done.stdout.splitlines()
    assert first.startswith("The database holds ")
    name = name_and_size.partition(":")[0]
    assert evidence == "Opened, integrity checked: 2 tables, 4 rows as at the source."
    assert name in shop.pitstop("backup", "list").stdout
    sql(shop, "DELETE FROM orders")
    assert pasted(shop, command).returncode == 0
    assert sql(shop, "SELECT count(*) FROM orders") == [(3,)]
    again = shop.pitstop("backup", "verify", name[:15])
    assert again.stdout == f"{name}: opened, integrity checked: 2 tables, 4 rows as at the source\n"


def test_programs_read_it_as_json(shop):
    """All that is known of it, each time."""
    configured(shop)
    assert shop.pitstop("backup", "list", "--json").stdout == "[]\n"

    taken = json.loads(shop.pitstop("backup", "--json").stdout)

    assert {"id", "at", "bytes", "seconds", "digest", "verified", "encrypted_to", "kind"} <= set(
        taken
    )
    assert [taken["kind"], taken["pruned"], taken["encrypted_to"]] == ["sqlite", [], None]
    assert "4 rows as at the source" in taken["verified"]
    [kept] = json.loads(shop.pitstop("backup", "list", "--json").stdout)
    assert kept == {name: taken[name] for name in kept}
    verified = json.loads(shop.pitstop("backup", "verify", taken["id"], "--json").stdout)
    assert verified == {"id": taken["id"], "verified": taken["verified"]}


def test_an_emergency_neither_estimates_nor_prunes(shop):
    """It takes and verifies at once; the next quiet backup tidies up."""
    configured(shop, keep=1, keep_for="0s")
    for _ in range(2):
        said = shop.pitstop("backup", "--emergency").stdout
        assert "database holds" not in said
        assert "rows as at the source" in said
    assert len(json.loads(shop.pitstop("backup", "list", "--json").stdout)) == 2
    assert "Past their time and deleted: " in shop.pitstop("backup").stdout
    assert len(json.loads(shop.pitstop("backup", "list", "--json").stdout)) == 1


def test_an_encrypted_backup_is_opened_by_who_has_the_identity(shop):
    """The restore line decrypts on the way; without the identity it changes nothing."""
    identity = pyrage.x25519.Identity.generate()
    configured(shop, encrypt_to=str(identity.to_public()))
    toml = shop.path / "pitstop.toml"
    toml.write_text(toml.read_text() + 'identity = { env = "BACKUP_IDENTITY" }\n')
    taken = json.loads(shop.pitstop("backup", "--json").stdout)
    assert taken["encrypted_to"] == str(identity.to_public())
    assert taken["verified"].startswith("before it was encrypted, ")
    sql(shop, "DELETE FROM orders")

    without = pasted(shop, taken["restore_command"])
    assert without.returncode == 1
    assert "BACKUP_IDENTITY" in without.stderr
    assert sql(shop, "SELECT count(*) FROM orders") == [(0,)]

    done = pasted(shop, taken["restore_command"], BACKUP_IDENTITY=str(identity))
    assert done.returncode == 0, done.stderr
    assert sql(shop, "SELECT count(*) FROM orders") == [(3,)]


def test_progress_is_for_a_terminal_only(shop):
    """There it is one line that is taken away again."""
    configured(shop)
    leader, follower = pty.openpty()
    argv = [sys.executable, "-m", "pitstop", "backup", "--json"]
    done = subprocess.run(
        argv, cwd=shop.path, env=shop.env, stdout=subprocess.PIPE, stderr=follower, text=True
    )
    os.close(follower)
    assert done.returncode == 0
    shown = os.read(leader, 10_000).decode()
    os.close(leader)
    assert " written; the database holds " in shown
    assert shown.endswith("\r\x1b[K")
    json.loads(done.stdout)


def test_what_cannot_be_backed_up_is_said_and_exits_1(shop):
    """And what was taken before is still there."""
    configured(shop)
    shop.pitstop("backup")
    for one in shop.folder.glob("orders.db*"):
        one.unlink()
    done = shop.pitstop("backup", "--emergency")
    assert done.returncode == 1
    assert "There is no database" in done.stderr
    assert len(json.loads(shop.pitstop("backup", "list", "--json").stdout)) == 1


def test_a_damaged_backup_is_said_and_exits_1(shop):
    """Now and in the list from then on."""
    configured(shop)
    taken = json.loads(shop.pitstop("backup", "--json").stdout)
    [file] = (shop.path / ".git/pitstop/services/shop/backups").glob("*.sqlite")
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    done = shop.pitstop("backup", "verify", taken["id"])
    assert (done.returncode, "is damaged" in done.stderr) == (1, True)
    assert "NOT VERIFIED" in shop.pitstop("backup", "list").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify"], "Which backup?"),
        (["verify", "nothing"], "There is no backup 'nothing'"),
        (["open", "../../etc"], "There is no backup '../../etc'"),
        (["list", "x"], "What is to be done with x?"),
        (["list", "--emergency"], "--emergency is for taking a backup"),
        (["verify", "2"], "is not unique"),
        (["x"], "invalid choice"),
    ],
)
def test_words_that_cannot_be_meant_are_usage(shop, words, said):
    """Exit 2, with what to type."""
    configured(shop)
    shop.pitstop("backup", "--emergency")
    shop.pitstop("backup", "--emergency")
    done = shop.pitstop("backup", *words)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_without_a_table_there_is_nothing_to_back_up(shop):
    """The remedy is named; doctor is silent about what nobody asked for."""
    done = shop.pitstop("backup")
    assert (done.returncode, "[backup]" in done.stderr) == (2, True)
    assert "backup" not in shop.pitstop("doctor").stdout


def test_mistakes_in_the_table_are_said_at_once_with_their_lines(shop):
    """The adapter's own keys are checked like all others."""
    toml = shop.path / "pitstop.toml"
    text = (
        toml.read_text() + '\n[backup]\nuse = "sqlite"\nfiel = "x"\nkeep = 0\nencrypt_to = "me"\n'
    )
    toml.write_text(text)
    first = text.splitlines().index("[backup]") + 1
    done = shop.pitstop("backup")
    assert done.returncode == 2
    found = [row.split(": ")[:2] for row in done.stderr.splitlines()]
    assert found == [
        [f"pitstop.toml:{first}", "backup.file"],
        [f"pitstop.toml:{first + 2}", "backup.fiel"],
        [f"pitstop.toml:{first + 3}", "backup.keep"],
        [f"pitstop.toml:{first + 4}", "backup.encrypt_to"],
    ]


def test_an_unknown_kind_names_the_known_ones(shop):
    """With its line."""
    toml = shop.path / "pitstop.toml"
    toml.write_text(toml.read_text() + '\n[backup]\nuse = "oracle"\n')
    done = shop.pitstop("backup")
    assert done.returncode == 2
    assert "backup.use: is 'oracle'" in done.stderr
    assert "'postgres'" in done.stderr


def test_doctor_looks_at_the_backups(shop):
    """The database, the folder's room, the recipient; each failure with its remedy."""
    configured(shop)
    shop.pitstop("backup")
    rows = json.loads(shop.pitstop("doctor", "--json").stdout)
    assert {row["name"]: row["status"] for row in rows if "backup" in row["name"]} == {
        "backup": "ok",
        "backup.folder": "ok",
    }
    for one in shop.folder.glob("orders.db*"):
        one.unlink()
    rows = json.loads(shop.pitstop("doctor", "--json").stdout)
    [found] = [row for row in rows if row["name"] == "backup"]
    assert (found["status"], bool(found["remedy"])) == ("failed", True)


def test_a_hotfix_without_a_verified_backup_does_not_deploy(open_shop):
    """Exit 1, production unchanged, whatever is overridden."""
    configured(open_shop, file="../gone.db")
    open_shop.start()
    open_shop.fix()
    done = open_shop.pitstop("ship", "--fix", "x", *ALONE)
    assert done.returncode == 1
    assert "There is no verified backup, so nothing was deployed" in done.stdout + done.stderr
    assert open_shop.status("check")["deployment"] is None


def test_a_rollback_prints_the_line_that_restores_what_moved_on(open_shop, customers):
    """The release migrated the database; users go back first, then it is said, and the line works."""
    configured(open_shop)
    open_shop.configure(min_requests="10", soak='"1s"')
    started = json.loads(open_shop.start("No postcode", "--json").stdout)
    open_shop.fix()
    done = open_shop.pitstop("ship", "--fix", "x", *ALONE)
    assert done.returncode == 0, done.stdout + done.stderr
    point = open_shop.status(started["id"])["rollback_point"]
    assert point["migration_head"] == "0001"
    assert point["backup_id"].startswith(started["id"])
    sql(open_shop, "UPDATE alembic_version SET version_num = '0002'")

    done = open_shop.pitstop("rollback", "--reason", "users still see errors")

    assert done.returncode == 0, done.stderr
    assert "moved on since the rollback point (head 0002, was 0001)" in done.stdout
    assert "moved on" in open_shop.pitstop("status", started["id"]).stdout
    [command] = {
        row.strip()
        for row in done.stdout.splitlines()
        if point["backup_id"] in row and "    " in row
    }
    customers.stop()
    restored = pasted(open_shop, command)
    assert restored.returncode == 0, restored.stderr
    assert sql(open_shop, "SELECT version_num FROM alembic_version") == [("0001",)]
