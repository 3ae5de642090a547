"""Patches as real git makes them of what real people do to files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pitstop.config import Guards
from pitstop.domain.change import Change
from pitstop.guards import RULES
from pitstop.guards.added import added_lines
from repositories import NAME, Shop, a_shop, git, save, write

KEY = "AKIA" + "QWERTYUIOPASDFGH"
USUAL = Guards.model_validate({})


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A clone with a remote."""
    return a_shop(tmp_path, monkeypatch)


def changed(shop: Shop, files: dict[str, str]) -> Change:
    """Return a committed change of these files."""
    branch = shop.cut()
    write(Path(branch.worktree), files)
    return shop.forge().commit(branch, "hotfix: x")


def refusals(shop: Shop, change: Change) -> list[str]:
    """Return what nobody could override."""
    patch = shop.forge().patch(change)
    return [one.reason for rule in RULES for one in rule(patch, USUAL) if one.gate is None]


@pytest.mark.parametrize(
    "name",
    [
        'a"b.py',
        "a\tb.py",
        "a\nb.py",
        "a b.py",
        "b/ b/x.py",
        "ümläut.py",
        "-rf.py",
        "+++ b.py",
        "{x}",
    ],
)
def test_a_secret_is_found_whatever_its_file_is_called(shop: Shop, name: str) -> None:
    """Names with quotes, tabs, line breaks, and what looks like a patch."""
    change = changed(shop, {name: f"x = 1\nkey = '{KEY}'\n"})
    assert len(refusals(shop, change)) == 1
    assert name in [one.path for one in shop.forge().patch(change).files]


def test_line_ends_of_another_system_hide_nothing(shop: Shop) -> None:
    """CRLF, a lone CR, and a last line without an end."""
    git(shop.here, "config", "core.autocrlf", "false")
    change = changed(shop, {"win.py": f"a\r\nkey = '{KEY}'\r\n", "mac.py": f"a\rkey = '{KEY}'"})
    assert len(refusals(shop, change)) == 2


def test_a_rename_is_one_file_with_two_names_and_no_lines(shop: Shop) -> None:
    """It is not counted as so much new code."""
    save(shop.here, {"long.py": "".join(f"line {n}\n" for n in range(300))}, "long")
    git(shop.here, "push", "-q", "origin", "main")
    branch = shop.forge().cut(NAME, git(shop.here, "rev-parse", "HEAD"), None)
    git(Path(branch.worktree), "mv", "long.py", "renamed.py")
    (file,) = shop.forge().patch(shop.forge().commit(branch, "x")).files
    assert (file.path, file.was, file.added, file.deleted) == ("renamed.py", "long.py", 0, 0)


def test_binary_generated_and_deleted_files_are_known_for_what_they_are(shop: Shop) -> None:
    """By git's own word, and by .gitattributes."""
    branch = shop.cut()
    folder = Path(branch.worktree)
    (folder / "logo.png").write_bytes(bytes(range(256)))
    write(folder, {".gitattributes": "*.api linguist-generated\n", "client.api": "x\n"})
    (folder / "app.py").unlink()
    change = shop.forge().commit(branch, "x")
    found = {one.path: one for one in shop.forge().patch(change).files}
    assert found["logo.png"].binary
    assert found["client.api"].generated
    assert not found["logo.png"].generated
    assert found["app.py"].gone


def test_a_submodule_that_moves_is_one(shop: Shop) -> None:
    """Its mode tells."""
    branch = shop.cut()
    folder = Path(branch.worktree)
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib")
    git(folder, "commit", "-qm", "bump")
    change = Change(branch, git(folder, "rev-parse", "HEAD"), "")
    (file,) = shop.forge().patch(change).files
    assert file.submodule


def test_a_hundred_thousand_lines_are_looked_through(shop: Shop) -> None:
    """And the one secret in them is found."""
    lines = [f"value_{n} = {n}\n" for n in range(100_000)]
    lines[77_777] = f"key = '{KEY}'\n"
    change = changed(shop, {"big.py": "".join(lines)})
    (refused,) = refusals(shop, change)
    assert refused.startswith("big.py:77778 ")


def test_a_preview_touches_neither_ref_nor_index(shop: Shop) -> None:
    """Who only checks changes nothing."""
    branch = shop.cut()
    folder = Path(branch.worktree)
    write(folder, {"app.py": "fixed\n", "new.py": "x\n"})
    before = git(folder, "status", "--porcelain"), git(folder, "for-each-ref")
    seen = shop.forge().preview(branch, "hotfix: x")
    assert (git(folder, "status", "--porcelain"), git(folder, "for-each-ref")) == before
    assert seen.files == ("app.py", "new.py")


def test_tests_that_import_a_changed_module_are_found(shop: Shop) -> None:
    """In Python and in JavaScript, whole words only."""
    files = {
        "tests/test_a.py": "from shop import prices\n",
        "tests/test_b.py": "import shop.prices as p\n",
        "tests/test_c.py": "prices = 1\nfrom shop import prices_old\n",
        "web/a.test.ts": "import {x} from './prices'\n",
    }
    change = changed(shop, files)
    found = shop.forge().mentioning(change.commit, {"prices"})
    assert sorted(found) == ["tests/test_a.py", "tests/test_b.py", "web/a.test.ts"]
    assert shop.forge().mentioning(change.commit, {"a.b|c"}) == []
    assert shop.forge().mentioning(change.commit, set()) == []


def test_what_was_before_with_the_tests_of_now(shop: Shop) -> None:
    """The folder in which the proof is made holds the old code and the new test, and goes again."""
    change = changed(shop, {"app.py": "fixed\n", "tests/test_app.py": "assert True\n"})
    folder = shop.forge().before(change, ["tests/test_app.py"])
    assert (folder / "app.py").read_text() == "broken\n"
    assert (folder / "tests/test_app.py").read_text() == "assert True\n"
    assert not (folder / ".git").exists()
    shop.forge().give_back(folder)
    assert not folder.exists()


def test_amending_what_was_published_is_published_again(shop: Shop) -> None:
    """It is ours; what somebody else pushed there is not."""
    change = changed(shop, {"app.py": "fixed\n"})
    shop.forge().publish(change)
    folder = Path(change.branch.worktree)
    git(folder, "commit", "-q", "--amend", "-m", "hotfix: better said")
    amended = shop.forge().commit(change.branch, "x")
    shop.forge().publish(amended)
    there = subprocess.run(
        ["git", "-C", shop.remote, "rev-parse", f"refs/heads/{NAME}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert there == amended.commit


def test_only_added_lines_are_read() -> None:
    """What a fix takes away may be what it takes away."""
    text = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-old\n+new\n"
    assert [(line.number, line.text) for line in added_lines(text)] == [(1, "new")]


def test_a_secret_that_was_taken_out_again_is_still_in_the_history(shop: Shop) -> None:
    """A push takes every commit along."""
    first = changed(shop, {"app.py": f"key = '{KEY}'\n"})
    folder = Path(first.branch.worktree)
    write(folder, {"app.py": "fixed\n"})
    mended = shop.forge().commit(first.branch, "hotfix: without it")
    (refused,) = refusals(shop, mended)
    assert "an earlier commit" in refused
    git(folder, "reset", "-q", "--soft", shop.deployed)
    assert refusals(shop, shop.forge().commit(first.branch, "hotfix: one commit")) == []


def test_attributes_hide_no_text(shop: Shop) -> None:
    """A file that calls itself binary is still looked through."""
    change = changed(shop, {".gitattributes": "* -diff\n", "app.py": f"key = '{KEY}'\n"})
    assert len(refusals(shop, change)) == 1


def test_an_edit_of_the_same_size_right_after_the_checkout_is_seen(shop: Shop) -> None:
    """The index alone cannot tell it from the file that it wrote in the same second."""
    branch = shop.cut()
    (Path(branch.worktree) / "app.py").write_text("brokem\n")
    assert shop.forge().preview(branch, "x").files == ("app.py",)


def test_a_taste_for_context_does_not_break_the_guard(shop: Shop) -> None:
    """Two commits, close together, in somebody's favourite shape."""
    for name, value in (("diff.interHunkContext", "5"), ("diff.submodule", "log")):
        git(shop.here, "config", name, value)
    first = changed(shop, {"app.py": "1\n2\n3\n4\n"})
    write(Path(first.branch.worktree), {"app.py": f"a\n2\n3\nkey = '{KEY}'\n"})
    assert refusals(shop, shop.forge().commit(first.branch, "hotfix: more"))
