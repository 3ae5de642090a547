"""What every forge must do, whichever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.forges import HARNESSES, NAME, Harness
from pitstop.domain.change import Change, Landed
from pitstop.ports import CannotTell, Forge, Refused

TAG = "hotfix-20260102-0304"


@pytest.fixture(params=HARNESSES, ids=lambda harness: harness.name)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Harness:
    harness: Harness = request.param(tmp_path, monkeypatch)
    return harness


def fixed(world: Harness, content: str = "fixed\n") -> Change:
    forge = world.forge()
    branch = forge.cut(NAME, world.deployed(), None)
    world.fix(branch.worktree, content)
    change = forge.commit(branch, "hotfix: checkout\n\nFix: app\n")
    forge.publish(change)
    return change


def land(forge: Forge, change: Change) -> Landed:
    return forge.land(change, TAG, "Emergency fix\n", "Merge the fix\n")


def test_a_cut_branch_is_on_the_remote_and_known_again(world: Harness) -> None:
    """Cutting twice, from two processes, gives the same branch once."""
    first = world.forge().cut(NAME, world.deployed(), None)
    again = world.forge().cut(NAME, world.deployed(), None)
    assert first == again
    assert {NAME} == world.branches()


def test_a_silent_remote_cannot_tell_and_a_branch_is_not_cut(world: Harness) -> None:
    """No answer is neither yes nor no."""
    world.silence()
    with pytest.raises(CannotTell):
        world.forge().cut(NAME, world.deployed(), None)
    with pytest.raises(CannotTell):
        world.forge().fetch()


def test_a_fix_is_committed_once(world: Harness) -> None:
    """Committing again returns the same change."""
    change = fixed(world)
    assert change == world.forge().commit(change.branch, "another message")
    assert change.files == ("app.py",)
    assert change.authors == ("ada@example.com",)


def test_a_published_change_may_be_published_again(world: Harness) -> None:
    """Publishing looks first."""
    change = fixed(world)
    world.forge().publish(change)
    assert {NAME} == world.branches()


def test_an_untouched_change_is_unchanged(world: Harness) -> None:
    """What was committed is what lies there."""
    change = fixed(world)
    assert world.forge().unchanged(change)


def test_the_patch_names_files_commits_and_lines(world: Harness) -> None:
    """It goes from the base to the change."""
    patch = world.forge().patch(fixed(world))
    assert "+++ b/app.py\n" in (patch.text or "")
    assert [(one.path, one.added) for one in patch.files] == [("app.py", 1)]
    assert [one.parents for one in patch.commits] == [1]


def test_a_preview_is_the_change_that_a_commit_would_be(world: Harness) -> None:
    """Asked before the commit, and without one."""
    branch = world.forge().cut(NAME, world.deployed(), None)
    world.fix(branch.worktree, "fixed\n")
    seen = world.forge().preview(branch, "hotfix: a fix")
    made = world.forge().commit(branch, "hotfix: a fix")
    assert (seen.tree, seen.files, seen.authors) == (made.tree, made.files, made.authors)


def test_the_files_of_a_commit_are_named(world: Harness) -> None:
    """All of them, not only the changed ones."""
    assert "app.py" in world.forge().files(fixed(world).commit)


def test_landing_merges_tags_and_deletes_the_branch(world: Harness) -> None:
    """Afterwards main has the commit, the tag names it, the branch is gone, nothing is owed."""
    change = fixed(world)
    landed = land(world.forge(), change)
    assert Landed(main=change.commit) == landed
    assert change.commit == world.main()
    assert {TAG: change.commit} == world.tags()
    assert set() == world.branches()


def test_landing_twice_is_landing_once(world: Harness) -> None:
    """A landing whose answer was lost is recognised."""
    change = fixed(world)
    first = land(world.forge(), change)
    assert first == land(world.forge(), change)


def test_a_protected_main_is_owed_and_keeps_the_branch(world: Harness) -> None:
    """What the remote refuses comes back in words; the tag is there, the branch stays."""
    change = fixed(world)
    world.protect_main()
    landed = land(world.forge(), change)
    assert landed.main is None
    assert "main is protected" in landed.owed[0]
    assert world.deployed() == world.main()
    assert {TAG: change.commit} == world.tags()
    assert {NAME} == world.branches()


def test_landing_on_a_silent_remote_cannot_tell(world: Harness) -> None:
    """No answer is not owed work: it may be tried again."""
    change = fixed(world)
    world.silence()
    with pytest.raises(CannotTell):
        land(world.forge(), change)


def test_a_taken_tag_gets_a_number(world: Harness) -> None:
    """The wanted name if it is free, else with -2."""
    assert world.forge().free_tag(TAG) == TAG
    land(world.forge(), fixed(world))
    assert f"{TAG}-2" == world.forge().free_tag(TAG)


def test_a_revert_is_prepared_once_and_main_is_left_alone(world: Harness) -> None:
    """A person merges it."""
    change = fixed(world)
    land(world.forge(), change)
    name = world.forge().prepare_revert(change)
    assert "revert/checkout-500s" == name == world.forge().prepare_revert(change)
    assert change.commit == world.main()


def test_a_discarded_branch_is_gone_everywhere(world: Harness) -> None:
    """Discarding is repeatable, and afterwards the name is free."""
    branch = world.forge().cut(NAME, world.deployed(), None)
    assert world.forge().discard(branch) is None
    assert world.forge().discard(branch) is None
    assert set() == world.branches()
    assert world.forge().cut(NAME, world.deployed(), None).name == NAME


def test_cleaning_up_may_be_repeated(world: Harness) -> None:
    """A merged branch leaves no worktree."""
    change = fixed(world)
    land(world.forge(), change)
    world.forge().clean_up(change.branch)
    world.forge().clean_up(change.branch)
    assert not Path(change.branch.worktree).exists()


def test_nothing_failed_in_a_healthy_place(world: Harness) -> None:
    """The preflight of a healthy repository has no failed line."""
    assert [one for one in world.forge().findings() if one.status == "failed"] == []


def test_an_empty_change_is_refused(world: Harness) -> None:
    """A change that changes nothing is no change."""
    branch = world.forge().cut(NAME, world.deployed(), None)
    world.fix(branch.worktree, "broken\n")
    with pytest.raises(Refused):
        world.forge().commit(branch, "nothing")
