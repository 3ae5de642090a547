"""Known-bad commits on a real remote: hooks, races, strangers' refs, reverts."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pitstop.adapters.forges.known_bad import GitKnownBad
from pitstop.domain.known_bad import BadCommit, Released
from pitstop.ports import CannotTell, Refused
from repositories import RUNNER, Shop, a_shop, git, hook, save, write

RELEASED = Released("Grace <g@x>", "it was the disk", "2026-01-03T00:00:00Z")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return a_shop(tmp_path, monkeypatch)


def memory(shop: Shop, here: Path | None = None) -> GitKnownBad:
    """Return the memory as a new process in a clone sees it."""
    return GitKnownBad(here or shop.here, "shop", remote="origin", runner=RUNNER)


def entry(commit: str, **facts: str) -> BadCommit:
    """Return what is to be remembered."""
    bad = BadCommit(commit, "t", "it lost orders", "Ada <a@x>", "2026-01-02T03:04:05Z", "run-1")
    return replace(bad, **facts)


def ref(commit: str) -> str:
    return f"refs/pitstop-known-bad/shop/{commit}"


def branch(commit: str) -> str:
    return f"refs/heads/pitstop-known-bad/shop/{commit}"


def on_main(shop: Shop, content: str = "bad\n") -> str:
    """Commit to main, here and on the remote."""
    commit = save(shop.here, {"app.py": content}, "a change")
    git(shop.here, "push", "-q", "origin", "main")
    return commit


def test_an_entry_is_a_ref_here_and_there_and_its_history_is_kept(shop: Shop) -> None:
    """Releasing writes on top; nothing is deleted."""
    commit = on_main(shop)
    memory(shop).mark(entry(commit))
    marked = shop.at(ref(commit))
    assert marked == git(shop.here, "rev-parse", ref(commit))

    memory(shop).release(commit, RELEASED)

    assert marked == git(shop.remote, "rev-parse", f"{ref(commit)}^")
    said = json.loads(git(shop.remote, "log", "-1", "--format=%B", ref(commit)))
    assert said == asdict(replace(entry(commit), released=RELEASED))
    assert set(said) == {"commit", "tree", "reason", "by", "at", "run", "released"}


def test_a_remote_without_unusual_refs_gets_branches(shop: Shop) -> None:
    """What others find there is what was refused elsewhere."""
    refuse = 'case "$1" in refs/pitstop-known-bad/*) exit 1;; esac; exit 0'
    hook(shop.remote, "update", refuse)
    commit = on_main(shop)

    assert memory(shop).mark(entry(commit)) == ""

    assert shop.at(ref(commit)) is None
    assert shop.at(branch(commit))
    other = memory(shop, shop.clone("other"))
    assert other.find(commit, shop.deployed) == entry(commit)
    assert other.release(commit, RELEASED) == ""
    assert memory(shop).find(commit, shop.deployed) is None


def test_a_remote_that_takes_neither_is_named_and_the_entry_stays_here(shop: Shop) -> None:
    """It is said, and tried again the next time."""
    hook(shop.remote, "pre-receive", "echo no entries today >&2; exit 1")
    commit = "c" * 40

    said = memory(shop).mark(entry(commit))

    assert "origin takes no entry refs/pitstop-known-bad/shop/" in said
    assert "no entries today" in said
    assert memory(shop).remembered() == [entry(commit)]
    (shop.remote / "hooks/pre-receive").unlink()
    assert memory(shop).find(shop.deployed, shop.deployed) is None
    assert shop.at(ref(commit))


def test_two_clones_that_mark_and_release_apart_agree_afterwards(shop: Shop) -> None:
    """Of two words that did not know each other the one that forbids stands, everywhere."""
    commit, other = on_main(shop), shop.clone("other")
    away = shop.remote.with_suffix(".away")
    shop.remote.rename(away)
    memory(shop).mark(entry(commit, reason="here"))
    memory(shop, other).mark(entry(commit, reason="there"))
    memory(shop, other).release(commit, RELEASED)
    away.rename(shop.remote)

    memory(shop).mark(entry(commit))
    memory(shop, other).mark(entry(commit))

    for where in (other, shop.here):
        found = memory(shop, where).find(commit, shop.deployed)
        assert found is not None
        assert found.released is None
    assert memory(shop, other).release(commit, RELEASED) == ""
    assert memory(shop).find(commit, shop.deployed) is None


def test_two_processes_of_one_clone_mark_at_once(shop: Shop) -> None:
    """The hotfix and the rollback that ended it both remember it: one entry."""
    commit, said = on_main(shop), []
    start = threading.Barrier(2)

    def mark(run: str) -> None:
        start.wait()
        said.append(memory(shop).mark(entry(commit, run=run)))

    threads = [threading.Thread(target=mark, args=(run,)) for run in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 2
    assert len(memory(shop).entries()) == 1
    assert git(shop.here, "rev-list", "--count", ref(commit)) == "1"


def stranger(shop: Shop, commit: str, text: str) -> None:
    """Let somebody push anything under the name of an entry."""
    tree = git(shop.remote, "mktree", give="")
    who = ("-c", "user.name=x", "-c", "user.email=x@y")
    sha = git(shop.remote, *who, "commit-tree", "-F", "-", tree, give=text)
    git(shop.remote, "update-ref", ref(commit), sha)


GOOD = asdict(entry("c" * 40))
HOSTILE = {
    "torn": '{"commit": "x", "sin',
    "empty": "",
    "a list": "[1, 2]",
    "numbers": json.dumps(GOOD | {"reason": 7}),
    "deep": "[" * 9000,
    "huge": json.dumps(GOOD | {"reason": "A" * 50_000}),
    "about another": json.dumps(GOOD | {"commit": "d" * 40}),
    "released by nobody": json.dumps(GOOD | {"released": True}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_strangers_entry_is_refused_in_words_where_it_matters(shop: Shop, what: str) -> None:
    """About this commit it says nothing, so the commit is not free; others are not stopped."""
    commit = on_main(shop)
    stranger(shop, commit, HOSTILE[what].replace("c" * 40, commit))

    with pytest.raises(Refused, match=r"no entry that pitstop wrote.*push origin --delete"):
        memory(shop).find(commit, shop.deployed)
    with pytest.raises(Refused, match="no entry that pitstop wrote"):
        memory(shop).entries()
    assert memory(shop).find(shop.deployed, shop.deployed) is None
    git(shop.here, "push", "-q", "origin", "--delete", ref(commit))
    assert memory(shop).find(commit, shop.deployed) is None


def test_an_entry_that_is_no_commit_is_refused_in_words(shop: Shop) -> None:
    """Any kind of object may lie under the ref, and any name beside it."""
    commit = on_main(shop)
    blob = git(shop.remote, "hash-object", "-w", "--stdin", give="hello")
    git(shop.remote, "update-ref", ref(commit), blob)
    git(shop.remote, "update-ref", ref("HELLO"), blob)
    with pytest.raises(Refused, match="no entry that pitstop wrote"):
        memory(shop).find(commit, shop.deployed)


def test_a_good_entry_is_not_lost_to_a_strangers(shop: Shop) -> None:
    """What this clone knows stands, whatever the remote has become."""
    commit = on_main(shop)
    memory(shop).mark(entry(commit))
    stranger(shop, commit, "hello")
    assert memory(shop).find(commit, shop.deployed) == entry(commit)


def test_an_entry_cannot_move_the_cursor(shop: Shop) -> None:
    """Nor can its writer."""
    commit = on_main(shop)
    memory(shop).mark(entry(commit, reason="\x1b[2J\ngone", by="\u202eada"))
    [found] = memory(shop, shop.clone("other")).entries()
    assert (found.reason + found.by).isprintable()


def test_an_unknown_commit_and_no_commit_are_told_apart_from_a_bad_one(shop: Shop) -> None:
    """Names that mean nothing here forbid nothing; what is no id is not written down."""
    assert memory(shop).find("no-such-branch", shop.deployed) is None
    with pytest.raises(Refused, match="is no commit"):
        memory(shop).mark(entry("../../heads/main"))


def test_main_holds_a_bad_commit_until_it_is_reverted(shop: Shop) -> None:
    """By git's own revert, by the one that pitstop prepares, or by hand."""
    commit = on_main(shop)
    memory(shop).mark(entry(commit))
    assert [one.commit for one in memory(shop).held_in("main")] == [commit]
    later = save(shop.here, {"docs/b.md": "later\n"}, "later")
    assert [one.commit for one in memory(shop).held_in(later)] == [commit]
    assert memory(shop).held_in(f"{commit}^") == []

    write(shop.here, {"app.py": "broken\n"})
    by_hand = save(shop.here, {}, "as it was")
    assert memory(shop).held_in(by_hand) == []
    git(shop.here, "revert", "--no-edit", by_hand)
    assert [one.commit for one in memory(shop).held_in("HEAD")] == [commit]


def test_a_revert_that_was_built_upon_is_still_a_revert(shop: Shop) -> None:
    """Where the lines have changed since, the message of the revert counts."""
    commit = on_main(shop)
    memory(shop).mark(entry(commit))
    git(shop.here, "revert", "--no-edit", commit)
    assert memory(shop).held_in("HEAD") == []
    another = save(shop.here, {"app.py": "another fix\n"}, "another fix")
    assert memory(shop).held_in(another) == []


def test_a_bad_commit_that_was_squashed_into_main_is_seen(shop: Shop) -> None:
    """It has another id there, and the same files."""
    git(shop.here, "checkout", "-q", "-b", "fix")
    commit = save(shop.here, {"app.py": "bad\n"}, "fix")
    memory(shop).mark(entry(commit))
    git(shop.here, "checkout", "-q", "main")
    save(shop.here, {"docs/b.md": "meanwhile\n"}, "meanwhile")
    assert memory(shop).held_in("main") == []
    squashed = save(shop.here, {"app.py": "bad\n"}, "fix (#7)")
    assert [one.commit for one in memory(shop).held_in(squashed)] == [commit]


def test_a_shallow_clone_cannot_tell_what_main_holds(shop: Shop) -> None:
    """Nothing is known bad: free. Something is: the missing history has to be brought."""
    commit = on_main(shop)
    on_main(shop, "later\n")
    other = shop.clone("other", "--depth=1")
    assert memory(shop, other).held_in("HEAD") == []
    memory(shop).mark(entry(commit))
    with pytest.raises(CannotTell, match="git fetch --unshallow origin"):
        memory(shop, other).held_in("HEAD")
