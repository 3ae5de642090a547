"""What every kind of backup promises: whole or none, read back for certain, put back by one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.backups import (
    KINDS,
    CommandSource,
    PostgresSource,
    SimulatedSource,
    SqliteSource,
    by_hand,
)
from pitstop.ports import CannotTell, Refused


def source_of(kind: str, request: pytest.FixtureRequest) -> Any:
    """Return a database of a kind."""
    folder: Path = request.getfixturevalue("tmp_path")
    if kind == "simulated":
        return SimulatedSource()
    if kind == "postgres":
        server = request.getfixturevalue("a_postgres")
        return PostgresSource(folder, server, request.getfixturevalue("monkeypatch"))
    return {"sqlite": SqliteSource, "command": CommandSource}[kind](folder)


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest) -> Any:
    """Each kind, with three orders."""
    found = source_of(request.param, request)
    found.write(3)
    return found


@pytest.fixture(params=[kind for kind in KINDS if kind != "simulated"])
def real(request: pytest.FixtureRequest) -> Any:
    """Each kind that holds data."""
    found = source_of(request.param, request)
    found.write(3)
    return found


def test_a_backup_is_taken_and_read_back(source: Any) -> None:
    """It is listed with its evidence by whoever comes next."""
    taken = source.backup().take("one")
    evidence = source.backup().verify("one")

    assert "3 rows" in evidence or "4 rows" in evidence  # with the table of migrations
    assert (taken.id, taken.verified) == ("one", None)
    [kept] = source.backup().kept()
    assert (kept.id, kept.verified, kept.digest) == ("one", evidence, taken.digest)
    assert len(kept.digest) == 64
    assert kept.bytes > 0
    json.dumps(vars(kept))


def test_a_key_has_one_backup(source: Any) -> None:
    """Asked again, it is the same one: a later state of the data never takes its place."""
    first = source.backup().take("one")
    source.write(2)

    assert source.backup().take("one") == first
    assert [one.id for one in source.backup().kept()] == ["one"]


def test_the_newest_is_listed_first(source: Any) -> None:
    """By the moment whose data they hold."""
    backup = source.backup()
    backup.take("b")
    backup.take("a")
    assert [one.id for one in backup.kept()] == ["a", "b"]


@pytest.mark.parametrize("name", ["nothing", "../one", ""])
def test_what_is_not_there_is_refused(source: Any, name: str) -> None:
    """In words, whatever is asked of it."""
    backup = source.backup()
    backup.take("one")
    for ask in (backup.verify, backup.restore_command, backup.keep, backup.let_go):
        with pytest.raises(Refused, match="There is no backup"):
            ask(name)


def test_a_source_that_is_gone_leaves_the_old_backups(source: Any) -> None:
    """Nothing is called a backup that is not one."""
    before = source.backup().take("one")
    source.vanish()

    with pytest.raises((Refused, CannotTell)):
        source.backup().take("two")
    assert source.backup().kept() == [before]


def test_what_cannot_be_read_back_is_not_verified(source: Any) -> None:
    """Also when it could be, once."""
    backup = source.backup()
    backup.take("one")
    backup.verify("one")
    source.damage("one")

    with pytest.raises(Refused):
        source.backup().verify("one")
    assert source.backup().kept()[0].verified is None


def test_the_newest_migration_is_told(source: Any) -> None:
    """Before and after; silence is no answer."""
    assert source.backup().migration_head() == "0001"
    source.migrate("0002")
    assert source.backup().migration_head() == "0002"
    source.vanish()
    with pytest.raises((CannotTell, Refused)):
        source.backup().migration_head()


def test_only_what_is_past_its_time_is_pruned(source: Any) -> None:
    """Ten stay; so do what is pinned and the newest that is verified."""
    backup = source.backup(keep_for="0s")
    for number in range(13):
        backup.take(f"b{number:02}")
    backup.keep("b00")
    backup.verify("b01")

    assert backup.prune() == ["b02"]
    assert len(backup.kept()) == 12
    backup.let_go("b00")
    assert backup.prune() == ["b00"]


def test_an_estimate_knows_time_from_the_second_backup_on(source: Any) -> None:
    """By the speed of the last one."""
    backup = source.backup()
    first = backup.estimate()
    assert first is None or first.seconds is None
    backup.take("one")
    assert backup.estimate().bytes > 0
    assert backup.estimate().seconds >= 0


def test_findings_say_what_is_missing(source: Any) -> None:
    """Nothing fails where all is there; a database that is gone does."""
    backup = source.backup()
    assert [one.said for one in backup.findings() if one.status == "failed"] == []
    if not isinstance(source, (SimulatedSource, CommandSource)):  # these cannot look
        source.vanish()
        assert "failed" in [one.status for one in source.backup().findings()]


def test_the_restore_command_brings_the_data_back(real: Any) -> None:
    """Pasted into a shell as it was printed, whatever was written since."""
    backup = real.backup()
    backup.take("one")
    command = backup.restore_command("one")
    real.write(5)
    real.migrate("0002")

    done = by_hand(command)

    assert done.returncode == 0, done.stderr
    assert (real.rows(), real.backup().migration_head()) == (3, "0001")


def test_only_we_can_read_what_is_kept(real: Any) -> None:
    """The folder and all that lies in it; nothing else is left there."""
    backup = real.backup()
    backup.take("one")
    backup.verify("one")
    modes = {one.name: oct(one.stat().st_mode & 0o777) for one in real.folder.iterdir()}
    [kind] = [name.partition(".")[2] for name in modes if not name.endswith(".json")]
    assert modes == {f"one.{kind}": "0o600", "one.json": "0o600"}
    assert oct(real.folder.stat().st_mode & 0o777) == "0o700"


def test_what_a_killed_process_left_is_taken_anew(real: Any) -> None:
    """A file without a manifest is no backup; pieces of it are swept away."""
    backup = real.backup()
    backup.take("whole")
    [data] = [one for one in real.folder.iterdir() if one.suffix != ".json"]
    (real.folder / data.name.replace("whole", "one")).write_bytes(b"half")
    (real.folder / ".one.part").write_bytes(b"half")

    assert [one.id for one in real.backup().kept()] == ["whole"]
    real.backup().take("one")
    real.backup().verify("one")
    assert list(real.folder.glob(".*")) == []


def test_a_manifest_that_cannot_be_read_is_not_written_over(real: Any) -> None:
    """Perhaps it is somebody's only backup."""
    real.backup().take("one")
    (real.folder / "one.json").write_text("{")
    with pytest.raises(Refused, match="cannot be read"):
        real.backup().take("one")
    assert len(list(real.folder.glob("one.*"))) == 2
