"""What every way to answer from elsewhere promises: heard by all, bound to a tree, no stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pitstop.adapters.forges.approvals import GitAnswers
from pitstop.adapters.simulated import SimulatedAnswers, World
from pitstop.domain.answer import RemoteAnswer
from pitstop.ports import Answers, CannotTell, Refused
from repositories import RUNNER, Shop, a_shop

RUN = "checkout-500s"
TREE, OTHER = "a" * 40, "b" * 40
YES = RemoteAnswer("approve", TREE, "Grace <Grace@x>", "2026-01-02T03:04:05.000Z", claimed=True)
NO = replace(YES, decision="reject", reason='it changes "prices", ümlauts ✓')


class GitWorld:
    """Two machines, each with a clone of one remote."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._shop: Shop = a_shop(folder, monkeypatch)
        self._clones = {"ada": self._shop.here, "grace": self._shop.clone("other")}

    def answers(self, who: str) -> Answers:
        """Return the answers as a new process of a person sees them."""
        return GitAnswers(self._clones[who], remote="origin", runner=RUNNER)

    def silence(self) -> None:
        """Move the remote away."""
        self._shop.remote.rename(self._shop.remote.with_suffix(".away"))


class SimulatedWorld:
    """The same in memory."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world = World()

    def answers(self, who: str) -> Answers:
        """Return the answers."""
        return SimulatedAnswers(self._world)

    def silence(self) -> None:
        """Stop answering."""
        self._world.remote_answers = False


@pytest.fixture(params=[GitWorld, SimulatedWorld], ids=lambda world: world.__name__)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GitWorld | SimulatedWorld:
    make: Callable[[Path, pytest.MonkeyPatch], GitWorld | SimulatedWorld] = request.param
    return make(tmp_path, monkeypatch)


def test_where_nobody_spoke_nothing_is_heard(world: GitWorld) -> None:
    """Silence is no answer."""
    assert world.answers("ada").heard(RUN, TREE) == []


def test_what_one_says_the_other_hears_word_for_word(world: GitWorld) -> None:
    """Who, when, why, and whether the name was only claimed."""
    assert world.answers("grace").say(RUN, NO) is True
    assert world.answers("ada").heard(RUN, TREE) == [NO]


def test_an_answer_is_about_its_run_and_tree_only(world: GitWorld) -> None:
    """Neither another tree nor a run with a longer name hears it."""
    world.answers("grace").say(RUN, YES)
    assert world.answers("ada").heard(RUN, OTHER) == []
    assert world.answers("ada").heard(f"{RUN}-2", TREE) == []
    assert world.answers("ada").heard(RUN[:-1], TREE) == []


def test_said_twice_is_said_once(world: GitWorld) -> None:
    """The first one stands, whatever time it was; a person is their address."""
    world.answers("grace").say(RUN, YES)
    again = replace(YES, at="2026-01-03T00:00:00.000Z", by="G. <grace@X>")
    assert world.answers("grace").say(RUN, again) is False
    assert world.answers("ada").heard(RUN, TREE) == [YES]


def test_a_no_takes_a_yes_back_and_stands(world: GitWorld) -> None:
    """Nobody turns their own no into a yes for the same tree; for another tree they may."""
    world.answers("grace").say(RUN, YES)
    assert world.answers("grace").say(RUN, NO) is True
    with pytest.raises(Refused, match="that stands"):
        world.answers("grace").say(RUN, YES)
    assert world.answers("ada").heard(RUN, TREE) == [NO]
    assert world.answers("grace").say(RUN, replace(YES, tree=OTHER)) is True


def test_rejections_are_heard_first(world: GitWorld) -> None:
    """Whoever listens to one only listens to the no."""
    world.answers("grace").say(RUN, YES)
    world.answers("ada").say(RUN, replace(NO, by="Zoe <z@x>", at="2026-01-09T00:00:00.000Z"))
    assert [one.decision for one in world.answers("ada").heard(RUN, TREE)] == ["reject", "approve"]


def test_a_run_that_is_over_leaves_nothing_behind(world: GitWorld) -> None:
    """All its trees; other runs keep theirs; clearing nothing is fine."""
    for run, answer in ((RUN, YES), (RUN, replace(NO, tree=OTHER)), (f"{RUN}-2", YES)):
        world.answers("grace").say(run, answer)
    world.answers("ada").clear(RUN)
    world.answers("ada").clear(RUN)
    heard = [world.answers("ada").heard(RUN, tree) for tree in (TREE, OTHER)]
    assert heard == [[], []]
    assert world.answers("ada").heard(f"{RUN}-2", TREE) == [YES]


def test_a_silent_remote_says_that_it_cannot_tell(world: GitWorld) -> None:
    """Nothing heard is not the same as nothing said."""
    world.silence()
    for act in (
        lambda: world.answers("ada").heard(RUN, TREE),
        lambda: world.answers("grace").say(RUN, YES),
        lambda: world.answers("ada").clear(RUN),
    ):
        with pytest.raises(CannotTell):
            act()
