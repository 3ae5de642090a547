"""What every memory of known-bad commits promises: marked once, found by all, released with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pitstop.adapters.forges.known_bad import GitKnownBad
from pitstop.adapters.simulated import BASE, SimulatedKnownBad, World
from pitstop.domain.known_bad import BadCommit, Released
from pitstop.ports import CannotTell, KnownBad, Refused
from repositories import RUNNER, Shop, a_shop, git, save

RELEASED = Released("Grace <g@x>", "it was the disk", "2026-01-03T00:00:00Z")


class GitWorld:
    """Two machines, each with a clone of one remote that has a branch with three commits."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._shop: Shop = a_shop(folder, monkeypatch)
        here = self._shop.here
        self.base = self._shop.deployed
        names = ("bad", "mended", "other")
        git(here, "checkout", "-q", "-b", "fix")
        made = [save(here, {"app.py": f"{name}\n"}, name) for name in names[:2]]
        git(here, "checkout", "-q", "-b", "elsewhere", self.base)
        made.append(save(here, {"app.py": "other\n"}, names[2]))
        git(here, "checkout", "-q", "-b", "again", self.base)
        self.again = save(here, {"app.py": "bad\n"}, "the same files")
        self.bad, self.mended, self.other = made
        git(here, "checkout", "-q", "main")
        git(here, "push", "-q", "origin", "fix", "elsewhere", "again")
        self._clones = {"ada": here, "grace": self._shop.clone("other")}
        for name in ("fix", "elsewhere", "again"):
            git(self._clones["grace"], "fetch", "-q", "origin", name)

    def memory(self, who: str) -> KnownBad:
        """Return the memory as a new process of a person sees it."""
        return GitKnownBad(self._clones[who], "shop", remote="origin", runner=RUNNER)

    def tree(self, commit: str) -> str:
        """Return a commit's tree."""
        return git(self._shop.here, "rev-parse", f"{commit}^{{tree}}")

    def silence(self) -> None:
        """Move the remote away."""
        self._shop.remote.rename(self._shop.remote.with_suffix(".away"))

    def answer_again(self) -> None:
        """Move it back."""
        self._shop.remote.with_suffix(".away").rename(self._shop.remote)


class SimulatedWorld:
    """The same in memory."""

    base, bad, mended, other, again = (BASE, "1" * 40, "2" * 40, "3" * 40, "4" * 40)

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world = World(below={self.mended: (self.bad,)})

    def memory(self, who: str) -> KnownBad:
        """Return the memory."""
        return SimulatedKnownBad(self._world)

    def tree(self, commit: str) -> str:
        """Return a tree; ``again`` has the one of ``bad``."""
        return f"tree-{self.again if commit == self.bad else commit}"

    def silence(self) -> None:
        """Stop answering."""
        self._world.remote_answers = False

    def answer_again(self) -> None:
        """Answer."""
        self._world.remote_answers = True


@pytest.fixture(params=[GitWorld, SimulatedWorld], ids=lambda world: world.__name__)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GitWorld | SimulatedWorld:
    make: Callable[[Path, pytest.MonkeyPatch], GitWorld | SimulatedWorld] = request.param
    return make(tmp_path, monkeypatch)


def entry(world: GitWorld | SimulatedWorld, reason: str = "it lost orders") -> BadCommit:
    """Return what is to be remembered."""
    at = "2026-01-02T03:04:05Z"
    return BadCommit(world.bad, world.tree(world.bad), reason, "Ada <a@x>", at, "checkout-500s")


def test_what_one_marks_everybody_finds(world: GitWorld) -> None:
    """Word for word, on every machine."""
    assert world.memory("ada").mark(entry(world)) == ""

    for who in ("ada", "grace"):
        assert world.memory(who).find(world.bad, world.base) == entry(world)
        assert world.memory(who).entries() == [entry(world)]


def test_it_is_found_by_its_tree_and_in_what_is_built_on_it(world: GitWorld) -> None:
    """The same files again, or one more commit on top, are no other fix."""
    world.memory("ada").mark(entry(world))

    assert world.memory("grace").find(world.again, world.base) == entry(world)
    assert world.memory("grace").find(world.mended, world.base) == entry(world)


def test_other_commits_are_free_and_what_is_under_the_base_does_not_count(world: GitWorld) -> None:
    """Only what a change brings is held against it."""
    assert world.memory("ada").find(world.bad, world.base) is None
    world.memory("ada").mark(entry(world))

    assert world.memory("ada").find(world.other, world.base) is None
    if isinstance(world, GitWorld):  # the simulated world has no history to look at
        assert world.memory("ada").find(world.mended, world.bad) is None


def test_what_is_marked_twice_is_marked_once(world: GitWorld) -> None:
    """A step that was cut off runs again; the first word stands."""
    world.memory("ada").mark(entry(world))
    world.memory("ada").mark(entry(world, reason="said again"))

    assert world.memory("grace").entries() == [entry(world)]


def test_a_released_commit_is_free_for_everybody_and_stays_on_record(world: GitWorld) -> None:
    """By whom and why; releasing twice is releasing once."""
    world.memory("ada").mark(entry(world))
    world.memory("grace").entries()

    assert world.memory("grace").release(world.bad, RELEASED) == ""
    later = Released("Eve <e@x>", "another reason", "2026-01-04T00:00:00Z")
    world.memory("grace").release(world.bad, later)

    assert world.memory("ada").find(world.bad, world.base) is None
    [found] = world.memory("ada").entries()
    assert found.released == RELEASED


def test_a_released_commit_that_is_bad_again_is_marked_again(world: GitWorld) -> None:
    """The second rollback counts like the first."""
    world.memory("ada").mark(entry(world))
    world.memory("ada").release(world.bad, RELEASED)
    world.memory("ada").mark(entry(world, reason="it lost orders again"))

    found = world.memory("grace").find(world.bad, world.base)
    assert found is not None
    assert [found.reason, found.released] == ["it lost orders again", None]


def test_what_nobody_marked_cannot_be_released(world: GitWorld) -> None:
    """A mistyped id is said."""
    with pytest.raises(Refused, match="is not known bad"):
        world.memory("ada").release(world.other, RELEASED)


def test_a_silent_remote_delays_only_what_others_hear(world: GitWorld) -> None:
    """Marked and found here at once; of what others know nobody can tell."""
    world.silence()

    assert "answer" in world.memory("ada").mark(entry(world))
    assert world.memory("ada").find(world.bad, world.base) == entry(world)
    with pytest.raises(CannotTell):
        world.memory("ada").find(world.other, world.base)
    with pytest.raises(CannotTell):
        world.memory("ada").entries()


def test_what_was_marked_in_silence_is_told_as_soon_as_anybody_looks(world: GitWorld) -> None:
    """The next hotfix of the same clone tells the remote."""
    world.silence()
    world.memory("ada").mark(entry(world))
    world.answer_again()

    assert world.memory("ada").find(world.other, world.base) is None
    assert world.memory("grace").find(world.bad, world.base) == entry(world)
