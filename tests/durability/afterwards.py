"""What must hold on a floor after a hotfix, however it went."""

from __future__ import annotations

from durability.floor import Floor, Hotfix, until


def nothing_is_left(floor: Floor, hotfix: Hotfix) -> None:
    """No branch here or there, no worktree, no claim; production is as it was."""
    refs = floor.world()["refs"]
    here = floor.git("for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    assert refs == hotfix.before["refs"]
    assert f"refs/heads/{hotfix.branch}" not in here
    assert not hotfix.worktree.exists()
    assert floor.world()["switches"] == hotfix.before["switches"]


def users_are_on(floor: Floor, version: str) -> None:
    """Users get this version, and nobody was ever left without an answer."""
    assert floor.users
    until(lambda: floor.users.version == version, what=f"users on {version}")
    assert floor.users.lost == []


def unharmed(floor: Floor, hotfix: Hotfix, version: str) -> None:
    """Users are on this version, the journal holds, the service is free for the next hotfix."""
    users_are_on(floor, version)
    until(lambda: floor.seen(hotfix, "closed"), what="closed")
    assert floor.pitstop("log", hotfix.id, "--verify").code == 0
    until(lambda: floor.pid(hotfix.id) is None)
    claims = [name for name in floor.world()["refs"] if name.startswith("refs/pitstop/")]
    assert claims == []
