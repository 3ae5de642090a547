"""Every trap of design/git-traps.md, table 4.3, by its name; then kills, hostile names, exact files."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pitstop.adapters.forges._git import Git
from pitstop.adapters.forges._history import History
from pitstop.adapters.forges.git import GitForge, something_to_ship
from pitstop.domain.change import Branch, Change, Landed
from pitstop.ports import CannotTell, Refused
from repositories import (
    MESSAGE,
    NAME,
    RUNNER,
    Killed,
    KilledRunner,
    MeanwhileRunner,
    Shop,
    a_shop,
    git,
    hook,
    protect,
    save,
    write,
)

TAG = "hotfix-20260102-0304"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return a_shop(tmp_path, monkeypatch)


def land(shop: Shop, change: Change, forge: GitForge | None = None) -> Landed:
    return (forge or shop.forge()).land(
        change, TAG, "Emergency fix\n\nJournal: abc\n", "Merge it\n"
    )


def finding(shop: Shop, name: str) -> str:
    return next(one.status for one in shop.forge().findings() if one.name == name)


# -- Start from deployed tag/SHA


def test_start_from_deployed_tag_or_sha(shop: Shop) -> None:
    """The base is any commit, also one that only a tag names."""
    git(shop.here, "tag", "v1.0.0")
    later = save(shop.here, {"later.py": "later\n"}, "later")
    git(shop.here, "push", "-q", "origin", "main")
    branch = shop.forge().cut(NAME, git(shop.here, "rev-parse", "v1.0.0^{commit}"), None)
    assert shop.deployed == git(Path(branch.worktree), "rev-parse", "HEAD")
    assert later != shop.deployed


# -- main moved past production


def test_main_moved_past_production(shop: Shop) -> None:
    """What main has and production has not is counted, and does not ride along."""
    shop.others_push({"other.py": "1\n"})
    shop.others_push({"other.py": "2\n"})
    branch = shop.cut()
    assert branch.not_deployed == 2
    assert not (Path(branch.worktree) / "other.py").exists()


# -- Stale main


def test_stale_main(shop: Shop) -> None:
    """The remote's main is fetched before anything; the user's own main stays where it is."""
    newest = shop.others_push({"other.py": "1\n"})
    assert newest == shop.forge().main_head()
    change = shop.fixed()
    later = shop.others_push({"other.py": "2\n"})
    landed = land(shop, change)
    assert landed.main == shop.at("refs/heads/main")
    assert later in git(shop.remote, "rev-list", "main")
    assert shop.deployed == git(shop.here, "rev-parse", "main")


def test_stale_main_main_moves_while_it_is_merged(shop: Shop) -> None:
    """Pushes by others between our look and our push cost another try, not the merge."""
    change = shop.fixed()
    pushed: list[str] = []
    race = [lambda n=n: pushed.append(shop.others_push({"r.py": f"{n}\n"})) for n in range(3)]
    landed = land(shop, change, shop.forge(runner=MeanwhileRunner(*race)))
    log = git(shop.remote, "rev-list", "main").splitlines()
    assert landed.main == shop.at("refs/heads/main")
    assert {change.commit, *pushed} <= set(log)
    assert landed.owed == ()


def test_stale_main_main_never_stands_still(shop: Shop) -> None:
    """After five tries the merge is owed; the tag is there, the branch is kept."""
    change = shop.fixed()
    race = [lambda n=n: shop.others_push({"r.py": f"{n}\n"}) for n in range(12)]
    landed = land(shop, change, shop.forge(runner=MeanwhileRunner(*race)))
    assert landed.main is None
    assert "moved 5 times" in landed.owed[0]
    assert change.commit == git(shop.remote, "rev-parse", f"{TAG}^{{commit}}")
    assert change.commit == shop.at(f"refs/heads/{NAME}")


# -- Protected main (GH006)


def test_protected_main_nothing_is_published_before_main_is_refused(shop: Shop) -> None:
    """While main is refused, the remote has neither the tag nor lost the branch."""
    change = shop.fixed()
    seen = f"git for-each-ref --format='%(refname)' >> {shop.root}/seen"
    refuse = '[ "$ref" = refs/heads/main ] && echo "GH006: Protected branch" >&2 && exit 1'
    script = f"while read o n ref; do\n[ $ref = refs/heads/main ] && {seen}\n{refuse}\ndone\nexit 0"
    hook(shop.remote, "pre-receive", script)
    landed = land(shop, change)
    assert "refs/tags" not in (shop.root / "seen").read_text()
    assert NAME in (shop.root / "seen").read_text()
    assert landed.main is None
    assert "main is protected: GH006: Protected branch" in landed.owed[0]
    assert f"pull request from {NAME} to main" in landed.owed[0]


def test_protected_main_by_an_update_hook(shop: Shop) -> None:
    """A server that refuses single refs gets the tag alone; the branch is kept here and there."""
    change = shop.fixed()
    hook(shop.remote, "update", '[ "$1" != refs/heads/main ] || { echo "not main" >&2; exit 1; }')
    landed = land(shop, change)
    assert landed.main is None
    assert change.commit == git(shop.remote, "rev-parse", f"{TAG}^{{commit}}")
    assert change.commit == shop.at(f"refs/heads/{NAME}")
    assert change.commit == git(shop.here, "rev-parse", NAME)
    assert shop.deployed == shop.at("refs/heads/main")


def test_protected_main_is_merged_by_a_person_and_landing_again_completes(shop: Shop) -> None:
    """After the pull request was merged, what was owed is done."""
    change = shop.fixed()
    protect(shop.remote)
    land(shop, change)
    (shop.remote / "hooks/pre-receive").unlink()
    git(shop.remote, "update-ref", "refs/heads/main", change.commit)
    landed = land(shop, change)
    assert Landed(main=change.commit) == landed
    assert shop.at(f"refs/heads/{NAME}") is None


# -- Empty hotfix


def test_empty_hotfix(shop: Shop) -> None:
    """No commit, an undone change and an empty commit are all no change."""
    branch = shop.cut()
    folder = Path(branch.worktree)
    for step in ("nothing", "undone", "empty"):
        if step == "undone":
            save(folder, {"app.py": "x\n"}, "x")
            write(folder, {"app.py": "broken\n"})
        if step == "empty":
            git(folder, "checkout", "-q", "-f", NAME)
            git(folder, "reset", "-q", "--hard", shop.deployed)
            save(folder, {}, "empty")
        assert step and not something_to_ship(branch, RUNNER)
        with pytest.raises(Refused, match="no change"):
            shop.forge().commit(branch, MESSAGE)


# -- Tag lands elsewhere


def test_tag_lands_elsewhere(shop: Shop) -> None:
    """Wherever the user's checkout is, the annotated tag names the deployed commit."""
    change = shop.fixed()
    save(shop.here, {"dev.py": "dev\n"}, "dev work, not pushed")
    land(shop, change)
    assert git(shop.remote, "cat-file", "-t", TAG) == "tag"
    assert change.commit == git(shop.remote, "rev-parse", f"{TAG}^{{commit}}")
    assert "Journal: abc" in git(shop.remote, "cat-file", "tag", TAG)
    git(shop.remote, "merge-base", "--is-ancestor", TAG, "main")


# -- Tag != what was deployed


def test_tag_is_not_what_was_deployed(shop: Shop) -> None:
    """With other work on main the merge's tree differs; the tag's tree is the deployed one."""
    change = shop.fixed()
    shop.others_push({"other.py": "1\n"})
    landed = land(shop, change)
    assert change.tree == git(shop.remote, "rev-parse", f"{TAG}^{{tree}}")
    assert change.tree != git(shop.remote, "rev-parse", "main^{tree}")
    parents = git(shop.remote, "rev-list", "--parents", "-1", "main").split()
    assert [landed.main, change.commit] == [parents[0], parents[2]]


def test_tag_is_not_what_was_deployed_a_change_with_another_tree_is_refused(shop: Shop) -> None:
    """A commit and a tree that do not belong together never land."""
    change = shop.fixed()
    wrong = Change(change.branch, change.commit, "0" * 40)
    with pytest.raises(Refused, match="does not hold the tree"):
        land(shop, wrong)


# -- Tag clash, remote only


def test_tag_clash_remote_only(shop: Shop) -> None:
    """A tag that only the remote has is seen when the name is chosen, and again at the push."""
    change = shop.fixed()
    git(shop.remote, "tag", TAG, "main")
    assert f"{TAG}-2" == shop.forge().free_tag(TAG)
    landed = land(shop, change)
    assert landed.main == change.commit
    assert any(f"the tag {TAG} is taken on origin" in one for one in landed.owed)
    assert shop.deployed == git(shop.remote, "rev-parse", f"{TAG}^{{commit}}")


# -- Two people, same version


def test_two_people_same_version(shop: Shop) -> None:
    """Of two clones that cut one name at once, one has it, the other has nothing of it."""
    clones = [shop.clone("a"), shop.clone("b")]
    ended: list[str] = []
    start = threading.Barrier(2)

    def cut(here: Path) -> None:
        forge = shop.forge(here)
        start.wait()
        try:
            forge.cut(NAME, shop.deployed, None)
            ended.append("won")
        except Refused as refused:
            assert "exists on origin already" in str(refused)
            ended.append("lost")

    threads = [threading.Thread(target=cut, args=(here,)) for here in clones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["lost", "won"]
    assert sum(bool(git(here, "branch", "--list", NAME)) for here in clones) == 1


def test_two_people_same_version_one_after_the_other(shop: Shop) -> None:
    """The same commit under the same name is still the other's branch."""
    shop.cut()
    second = shop.clone("second")
    with pytest.raises(Refused, match="exists on origin already"):
        shop.forge(second).cut(NAME, shop.deployed, None)
    assert not shop.worktrees(second).joinpath("checkout-500s").exists()


# -- Stray tags


def test_stray_tags(shop: Shop) -> None:
    """Of all the tags that lie here only ours is published, whatever the user's settings say."""
    git(shop.here, "tag", "my-local-scratch")
    git(shop.here, "config", "push.followTags", "true")
    change = shop.fixed()
    git(shop.here, "tag", "-a", "-m", "x", "my-annotated", change.commit)
    land(shop, change)
    tags = {name for name in shop.on_remote() if name.startswith("refs/tags/")}
    assert {f"refs/tags/{TAG}"} == tags


# -- Back-merge conflict


def test_back_merge_conflict(shop: Shop) -> None:
    """It is foreseen without touching anything; landing tags, merges nothing and names the file."""
    change = shop.fixed({"VERSION": "1.0.1\n"})
    main = shop.others_push({"VERSION": "2.0\n"})
    assert shop.forge().merge_conflicts(change) == ["VERSION"]
    landed = land(shop, change)
    assert landed.main is None
    assert "conflicts in VERSION" in landed.owed[0]
    assert main == shop.at("refs/heads/main")
    assert change.commit == shop.at(f"refs/heads/{NAME}")
    assert change.commit == git(shop.remote, "rev-parse", f"{TAG}^{{commit}}")
    assert git(shop.here, "status", "--porcelain") == ""


# -- Squash + conflict


def test_squash_merged_by_somebody_else(shop: Shop) -> None:
    """A main that holds the content without the commit counts as merged."""
    change = shop.fixed()
    squashed = shop.others_push({"app.py": "fixed\n", "other.py": "1\n"})
    landed = land(shop, change)
    assert Landed(main=squashed) == landed
    assert squashed == shop.at("refs/heads/main")
    shop.forge().clean_up(change.branch)
    assert not Path(change.branch.worktree).exists()
    assert git(shop.here, "branch", "--list", NAME) == ""


# -- Version file conflict always


def test_version_file_conflict_every_time(shop: Shop) -> None:
    """Asked again after the conflict, landing says the same and does nothing twice."""
    change = shop.fixed({"VERSION": "1.0.1\n"})
    shop.others_push({"VERSION": "2.0\n"})
    first = land(shop, change)
    before = shop.on_remote()
    assert first == land(shop, change)
    assert before == shop.on_remote()


# -- Open release branch


def test_open_release_branch(shop: Shop) -> None:
    """Branches that live on beside main get the fix; nothing of theirs is lost."""
    release = shop.others_push({"release.md": "2.0\n"}, "release/2.0")
    change = shop.fixed()
    landed = land(shop, change)
    assert (change.commit, landed.owed) == (landed.main, ())
    assert landed.followed == ("release/2.0",)
    there = git(shop.remote, "rev-list", "release/2.0").splitlines()
    assert {release, change.commit} <= set(there)
    assert git(shop.remote, "show", "release/2.0:app.py") == "fixed"
    assert git(shop.remote, "show", "release/2.0:release.md") == "2.0"
    assert land(shop, change).followed == ("release/2.0",)
    assert git(shop.remote, "rev-list", "release/2.0").splitlines() == there


def test_a_branch_beside_main_keeps_its_own_version(shop: Shop) -> None:
    """A version file always conflicts; any other conflict is owed, and the rest goes on."""
    shop.others_push({"VERSION": "3.0-dev\n"}, "develop")
    other = shop.others_push({"app.py": "another way\n"}, "release/2.0")
    branch = shop.cut()
    write(Path(branch.worktree), {"app.py": "fixed\n", "VERSION": "1.0.1\n"})
    change = shop.forge().commit(branch, MESSAGE)
    shop.forge().publish(change)
    keeping = shop.forge(keep=["VERSION"])
    landed = keeping.land(change, TAG, "m", "Merge the fix\n")
    assert landed.followed == ("develop (kept its own VERSION)",)
    assert "release/2.0 does not have the fix yet: it conflicts in app.py" in landed.owed[0]
    assert git(shop.remote, "show", "develop:VERSION") == "3.0-dev"
    assert git(shop.remote, "show", "develop:app.py") == "fixed"
    assert other == shop.at("refs/heads/release/2.0")


def test_a_protected_branch_beside_main_is_owed(shop: Shop) -> None:
    """A pull request brings it there."""
    shop.others_push({"release.md": "2.0\n"}, "develop")
    protect(shop.remote, "refs/heads/develop")
    landed = land(shop, shop.fixed())
    assert landed.main
    assert "develop does not have the fix yet: it could not be pushed" in landed.owed[0]


# -- Dirty tree


def test_dirty_tree_the_users_checkout_is_left_alone(shop: Shop) -> None:
    """Dirty, staged and untracked files of the user stay as they are, through all of it."""
    write(shop.here, {"app.py": "half-done\n", "VERSION": "staged\n", "new.py": "new\n"})
    git(shop.here, "add", "VERSION")
    before = git(shop.here, "status", "--porcelain")
    change = shop.fixed()
    land(shop, change)
    shop.forge().clean_up(change.branch)
    assert before == git(shop.here, "status", "--porcelain")
    assert git(shop.remote, "show", "main:app.py") == "fixed"


def test_dirty_tree_a_changed_file_is_seen_after_the_tests(shop: Shop) -> None:
    """Changed tracked files count; what tests leave behind does not."""
    change = shop.fixed()
    write(Path(change.branch.worktree), {"report.xml": "x", "out.log": "x"})
    assert shop.forge().unchanged(change)
    write(Path(change.branch.worktree), {"app.py": "changed by a test\n"})
    assert not shop.forge().unchanged(change)


def test_dirty_tree_a_dirty_submodule_is_seen(shop: Shop) -> None:
    """A submodule with changes inside is a change."""
    git(shop.root, "init", "-q", "lib")
    save(shop.root / "lib", {"lib.py": "1\n"}, "lib")
    allow = ("-c", "protocol.file.allow=always")
    git(shop.here, *allow, "submodule", "--quiet", "add", str(shop.root / "lib"), "lib")
    deployed = save(shop.here, {}, "submodule")
    git(shop.here, "push", "-q", "origin", "main")
    branch = shop.forge().cut(NAME, deployed, None)
    folder = Path(branch.worktree)
    git(folder, *allow, "submodule", "--quiet", "update", "--init")
    write(folder, {"app.py": "fixed\n"})
    change = shop.forge().commit(branch, MESSAGE)
    assert shop.forge().unchanged(change)
    write(folder, {"lib/lib.py": "dirty\n"})
    assert not shop.forge().unchanged(change)
    assert finding(shop, "submodules") == "warning"


# -- main checked out in another worktree


def test_main_checked_out_in_another_worktree(shop: Shop) -> None:
    """main is never checked out, so nobody's checkout of it is in the way."""
    git(shop.here, "checkout", "-q", "--detach")
    git(shop.here, "worktree", "add", "-q", str(shop.root / "elsewhere"), "main")
    change = shop.fixed()
    shop.others_push({"other.py": "1\n"})
    assert land(shop, change).main == shop.at("refs/heads/main")
    assert shop.deployed == git(shop.root / "elsewhere", "rev-parse", "HEAD")


# -- Detached HEAD


def test_detached_head(shop: Shop) -> None:
    """Where the user's HEAD is does not matter, and it stays there."""
    git(shop.here, "checkout", "-q", "--detach")
    land(shop, shop.fixed())
    assert git(shop.here, "symbolic-ref", "-q", "HEAD", check=False) == ""
    assert shop.deployed == git(shop.here, "rev-parse", "HEAD")


def test_detached_head_in_the_hotfix_worktree_is_refused(shop: Shop) -> None:
    """A fix that would not be on the branch is not committed."""
    branch = shop.cut()
    git(Path(branch.worktree), "checkout", "-q", "--detach")
    write(Path(branch.worktree), {"app.py": "fixed\n"})
    with pytest.raises(Refused, match="not on hotfix/checkout-500s"):
        shop.forge().commit(branch, MESSAGE)


# -- Shallow clone


def test_shallow_clone(shop: Shop) -> None:
    """A base that the shallow clone lacks is fetched with all of its history; then all works."""
    shop.others_push({"other.py": "1\n"})
    shop.others_push({"other.py": "2\n"})
    shallow = shop.clone("shallow", "--depth=1", "--no-tags")
    assert any(
        one.name == "history" and one.status == "warning" for one in shop.forge(shallow).findings()
    )
    forge = shop.forge(shallow)
    branch = forge.cut(NAME, shop.deployed, None)
    write(Path(branch.worktree), {"app.py": "fixed\n"})
    change = forge.commit(branch, MESSAGE)
    forge.publish(change)
    assert branch.not_deployed == 2
    assert land(shop, change, forge).main == shop.at("refs/heads/main")


# -- Ref D/F clash


@pytest.mark.parametrize("where", ["here", "remote"])
@pytest.mark.parametrize("clash", ["hotfix", "hotfix/checkout-500s/again"])
def test_ref_directory_file_clash(shop: Shop, clash: str, where: str) -> None:
    """A branch that git would not allow beside ours is named before anything is made."""
    git(shop.here if where == "here" else shop.remote, "branch", clash, "main")
    before = shop.on_remote()
    with pytest.raises(Refused, match=f"A branch {clash} exists"):
        shop.cut()
    assert before == shop.on_remote()
    assert not shop.worktrees().joinpath("checkout-500s").exists()
    assert git(shop.here, "for-each-ref", "refs/pitstop") == ""
    assert git(shop.here, "rev-parse", "-q", "--verify", f"refs/heads/{NAME}", check=False) == ""


# -- Trunk-only repo


def test_trunk_only_repository(shop: Shop) -> None:
    """One long-lived branch is enough."""
    assert Landed(main=shop.fixed().commit) == land(shop, shop.fixed())
    assert ["refs/heads/main", f"refs/tags/{TAG}"] == sorted(shop.on_remote())


# -- Merge/rebase in progress, signing key missing, no identity, hooks failing


def test_merge_in_progress_in_the_users_checkout(shop: Shop) -> None:
    """The user's half-done merge stays half-done and does not disturb a hotfix."""
    git(shop.here, "checkout", "-q", "-b", "other")
    save(shop.here, {"app.py": "other\n"}, "other")
    git(shop.here, "checkout", "-q", "main")
    save(shop.here, {"app.py": "mine\n"}, "mine")
    git(shop.here, "merge", "other", check=False)
    assert finding(shop, "checkout") == "ok"
    land(shop, shop.fixed())
    assert (shop.here / ".git/MERGE_HEAD").exists()


def test_rebase_in_progress_in_the_hotfix_worktree(shop: Shop) -> None:
    """Nothing is committed in the middle of a rebase."""
    branch = shop.cut()
    folder = Path(branch.worktree)
    save(folder, {"app.py": "one\n"}, "one")
    save(folder, {"app.py": "two\n"}, "two")
    git(folder, "-c", "sequence.editor=sed -i 1d", "rebase", "-q", "-i", "HEAD~2", check=False)
    with pytest.raises(Refused, match="A rebase is not finished"):
        shop.forge().commit(branch, MESSAGE)


def test_signing_key_missing(shop: Shop) -> None:
    """It is found before anything starts; a commit that cannot be signed is refused in words."""
    git(shop.here, "config", "gpg.format", "ssh")
    git(shop.here, "config", "user.signingKey", str(shop.root / "none"))
    git(shop.here, "config", "tag.gpgSign", "true")
    assert finding(shop, "signing") == "warning"
    change = shop.fixed()
    landed = land(shop, change)
    assert change.commit == landed.main == git(shop.remote, "rev-parse", f"{TAG}^{{commit}}")
    assert landed.owed[0].startswith("the tag is not signed: ")
    git(shop.here, "config", "commit.gpgSign", "true")
    assert finding(shop, "signing") == "failed"
    again = shop.forge().cut("hotfix/again", shop.deployed, None)
    write(Path(again.worktree), {"app.py": "again\n"})
    with pytest.raises(Refused, match="The fix was not committed"):
        shop.forge().commit(again, MESSAGE)


def test_no_identity(shop: Shop) -> None:
    """Nobody is not an author, whatever the host is called."""
    (shop.root / "gitconfig").write_text("")
    assert finding(shop, "identity") == "failed"
    with pytest.raises(Refused, match="does not know who you are"):
        shop.forge().identity()


def test_identity_is_name_and_address(shop: Shop) -> None:
    """Who acts is what git says."""
    assert shop.forge().identity() == "Ada <Ada@Example.com>"


def test_hooks_failing(shop: Shop) -> None:
    """The team's commit hook is heard; its push hook is not run, the checks run before."""
    branch = shop.cut()
    write(Path(branch.worktree), {"app.py": "fixed\n"})
    hook(shop.here, "pre-commit", 'echo "lint: line too long" >&2; exit 1')
    with pytest.raises(Refused, match="lint: line too long"):
        shop.forge().commit(branch, MESSAGE)
    (shop.here / ".git/hooks/pre-commit").unlink()
    hook(shop.here, "pre-push", "exit 1")
    change = shop.forge().commit(branch, MESSAGE)
    shop.forge().publish(change)
    assert change.commit == shop.at(f"refs/heads/{NAME}")


def test_a_failing_post_checkout_hook_does_not_spoil_the_cut(shop: Shop) -> None:
    """The worktree is judged by what lies there."""
    hook(shop.here, "post-checkout", "exit 1")
    assert (Path(shop.cut().worktree) / "app.py").exists()


def test_a_dry_run_does_not_run_server_rules_and_says_so(shop: Shop) -> None:
    """The preflight promises no more than it can know."""
    hook(shop.remote, "pre-receive", "exit 1")
    said = next(one for one in shop.forge().findings() if one.name == "claims")
    assert said.status == "ok"
    assert "dry run" in said.said


# -- Required checks on PR


def test_required_checks_on_a_pull_request(shop: Shop) -> None:
    """Plain git cannot read a host's rules; their refusal arrives in the host's own words."""
    change = shop.fixed()
    words = "GH013: Repository rule violations found: 2 of 2 required status checks are expected."
    refuse = f'[ "$ref" = refs/heads/main ] && echo "{words}" >&2 && exit 1'
    hook(shop.remote, "pre-receive", f"while read o n ref; do\n{refuse}\ndone\nexit 0")
    assert words in land(shop, change).owed[0]


# -- Break-glass


def test_break_glass_nothing_is_ever_forced(shop: Shop) -> None:
    """A remote that would allow rewriting main is not asked to; others' work stays."""
    change = shop.fixed()
    git(shop.remote, "config", "receive.denyNonFastForwards", "false")
    others = shop.others_push({"app.py": "rewritten by others\n"})
    land(shop, change)
    assert others == shop.at("refs/heads/main")


# -- Hook ordering


def test_hook_ordering_landed_says_only_what_the_remote_shows(shop: Shop) -> None:
    """A push that reports success while the remote takes it back is not a landing."""
    change = shop.fixed()
    hook(shop.remote, "post-receive", f"git update-ref refs/heads/main {shop.deployed}")
    with pytest.raises(CannotTell, match="main lacks it"):
        land(shop, change)


# == beyond the table =========================================================================


def killed_everywhere(shop: Shop, act: Callable[[GitForge], object]) -> object:
    """Kill an act after its first change, call it again until its second, and so on to its end."""
    for after in range(12):
        try:
            return act(shop.forge(runner=KilledRunner(after)))
        except Killed:
            continue
    raise AssertionError("the act never came to an end")


def killed_after(shop: Shop, number: int, act: Callable[[GitForge], object]) -> object:
    """Kill an act once after its n-th change, then call it again."""
    with contextlib.suppress(Killed):
        act(shop.forge(runner=KilledRunner(number)))
    return act(shop.forge())


# -- killed in the middle


@pytest.mark.parametrize("number", range(6))
def test_a_cut_that_was_killed_is_completed_by_cutting_again(shop: Shop, number: int) -> None:
    """Wherever it ended, the second call gives branch, worktree and the branch on the remote."""
    branch = killed_after(shop, number, shop.cut)
    assert isinstance(branch, Branch)
    assert shop.deployed == shop.at(f"refs/heads/{NAME}")
    assert shop.deployed == git(Path(branch.worktree), "rev-parse", NAME)
    assert git(Path(branch.worktree), "status", "--porcelain") == ""
    assert shop.cut() == branch


def test_a_worktree_that_was_cut_off_while_it_was_made_is_made_again(shop: Shop) -> None:
    """git's own mark of an unfinished worktree is heard."""
    branch = shop.cut()
    private = shop.here / ".git/worktrees/checkout-500s"
    (private / "locked").write_text("initializing")
    (private / "index").unlink()
    (Path(branch.worktree) / "app.py").unlink()
    assert shop.cut() == branch
    assert git(Path(branch.worktree), "status", "--porcelain") == ""


def test_a_worktree_that_somebody_removed_is_made_again(shop: Shop) -> None:
    """The branch is what counts; its folder can be had again."""
    branch = shop.cut()
    git(shop.here, "worktree", "remove", branch.worktree)
    assert shop.cut() == branch
    assert (Path(branch.worktree) / "app.py").exists()


@pytest.mark.parametrize("number", range(3))
def test_a_commit_that_was_killed_is_one_commit(shop: Shop, number: int) -> None:
    """Called again, it is found or made, never doubled."""
    branch = shop.cut()
    write(Path(branch.worktree), {"app.py": "fixed\n"})
    change = killed_after(shop, number, lambda forge: forge.commit(branch, MESSAGE))
    assert isinstance(change, Change)
    assert git(shop.here, "rev-list", "--count", f"{shop.deployed}..{change.commit}") == "1"


def test_a_lock_that_a_killed_git_left_is_not_for_ever(shop: Shop) -> None:
    """Once no git is at work in the repository, its lock is removed and the act goes on."""
    branch = shop.cut()
    write(Path(branch.worktree), {"app.py": "fixed\n"})
    lock = shop.here / ".git/worktrees/checkout-500s/index.lock"
    lock.write_text("")
    os.utime(lock, (1, 1))
    assert shop.forge().commit(branch, MESSAGE).files == ("app.py",)


@pytest.mark.parametrize("number", range(6))
def test_a_landing_that_was_killed_lands_once(shop: Shop, number: int) -> None:
    """One merge, one tag, no branch, nothing owed."""
    change = shop.fixed()
    shop.others_push({"other.py": "1\n"})
    landed = killed_after(shop, number, lambda forge: land(shop, change, forge))
    assert landed.owed == ()
    assert git(shop.remote, "rev-list", "--count", "--merges", "main") == "1"
    assert ["refs/heads/main", f"refs/tags/{TAG}"] == sorted(shop.on_remote())


def test_a_discard_that_was_killed_loses_nothing(shop: Shop) -> None:
    """Killed after every change in turn, it ends with the work kept once and all else gone."""
    change = shop.fixed()
    write(Path(change.branch.worktree), {"more.py": "more\n"})
    kept = killed_everywhere(shop, lambda forge: forge.discard(change.branch))
    assert kept == "refs/pitstop/kept/checkout-500s"
    assert git(shop.here, "show", f"{kept}:more.py") == "more"
    assert kept == git(shop.here, "for-each-ref", "--format=%(refname)", "refs/pitstop")
    assert list(shop.on_remote()) == ["refs/heads/main"]


def test_a_clean_up_and_a_revert_that_were_killed_are_completed(shop: Shop) -> None:
    """Both look first."""
    change = shop.fixed()
    land(shop, change)
    killed_everywhere(shop, lambda forge: forge.clean_up(change.branch))
    assert not Path(change.branch.worktree).exists()
    assert git(shop.here, "for-each-ref", "refs/pitstop", "refs/heads/hotfix") == ""
    assert killed_everywhere(shop, lambda f: f.prepare_revert(change)) == "revert/checkout-500s"
    assert git(shop.remote, "show", "revert/checkout-500s:app.py") == "broken"


def test_a_remote_that_is_silent_during_the_cut_costs_nothing(shop: Shop) -> None:
    """The cut cannot tell; when the remote is back, the same call completes it."""
    branch = shop.forge().cut(NAME, shop.deployed, None)
    git(shop.here, "update-ref", "-d", f"refs/pitstop/pushed/{NAME}")
    shop.remote.rename(shop.root / "away")
    with pytest.raises(CannotTell, match="did not answer"):
        shop.cut()
    (shop.root / "away").rename(shop.remote)
    assert branch == shop.cut()


# -- start_from


def test_an_existing_fix_is_taken_as_the_start(shop: Shop) -> None:
    """The branch begins at the given commit; nothing is left to commit."""
    git(shop.here, "checkout", "-q", "-b", "fix")
    fix = save(shop.here, {"app.py": "fixed\n"}, "my fix")
    branch = shop.forge().cut(NAME, shop.deployed, "fix")
    change = shop.forge().commit(branch, MESSAGE)
    assert (fix, ("app.py",)) == (change.commit, change.files)
    assert something_to_ship(branch, RUNNER)


def test_a_start_that_brings_more_along_is_refused(shop: Shop) -> None:
    """Merges, strangers and commits that do not exist, each with what to do."""
    git(shop.here, "checkout", "-q", "-b", "side")
    save(shop.here, {"side.py": "1\n"}, "side")
    git(shop.here, "checkout", "-q", "main")
    save(shop.here, {"mine.py": "1\n"}, "mine")
    git(shop.here, "merge", "-q", "--no-edit", "side")
    git(shop.here, "checkout", "-q", "--orphan", "orphan")
    save(shop.here, {}, "orphan")
    for start, said in (
        ("main", "brings merges"),
        ("orphan", "not built on"),
        ("x y", "not a commit"),
    ):
        with pytest.raises(Refused, match=said):
            shop.forge().cut(NAME, shop.deployed, start)
    assert git(shop.here, "for-each-ref", "refs/pitstop", f"refs/heads/{NAME}") == ""


def test_a_base_that_nobody_has_is_refused(shop: Shop) -> None:
    """Production runs a commit that was never pushed: said, with what to do."""
    with pytest.raises(Refused, match="neither here nor on origin"):
        shop.forge().cut(NAME, "1" * 40, None)


# -- commit, publish


def test_a_users_commits_all_stay(shop: Shop) -> None:
    """Commits made by hand are kept; what is not committed is added on top."""
    branch = shop.cut()
    folder = Path(branch.worktree)
    first = save(folder, {"app.py": "one\n"}, "one")
    write(folder, {"new.py": "new\n", "out.log": "ignored"})
    git(folder, "mv", "docs/a.md", "docs/b.md")
    change = shop.forge().commit(branch, MESSAGE)
    assert change.files == ("app.py", "docs/a.md", "docs/b.md", "new.py")
    assert first == git(folder, "rev-parse", "HEAD~1")
    assert change.authors == ("ada@example.com",)


def test_authors_and_committers_are_both_named(shop: Shop) -> None:
    """Neither may approve; addresses are compared in lower case."""
    branch = shop.cut()
    write(Path(branch.worktree), {"app.py": "x\n"})
    git(Path(branch.worktree), "commit", "-qam", "x", "--author=Bob <BOB@Example.com>")
    assert shop.forge().commit(branch, MESSAGE).authors == ("ada@example.com", "bob@example.com")


def test_a_merge_is_seen_and_a_branch_without_the_base_is_refused(shop: Shop) -> None:
    """What would bring other work into production is not shipped: the guard refuses the merge."""
    branch = shop.cut()
    folder = Path(branch.worktree)
    shop.others_push({"other.py": "1\n"})
    save(folder, {"app.py": "x\n"}, "x")
    git(folder, "fetch", "-q")
    git(folder, "merge", "-q", "--no-edit", "origin/main")
    merged = shop.forge().commit(branch, MESSAGE)
    assert max(one.parents for one in shop.forge().patch(merged).commits) == 2
    git(folder, "checkout", "-q", "--orphan", "new")
    save(folder, {}, "orphan")
    git(folder, "branch", "-f", NAME, "new", check=False)
    git(folder, "update-ref", f"refs/heads/{NAME}", "new")
    git(folder, "checkout", "-q", NAME)
    with pytest.raises(Refused, match="no longer built on"):
        shop.forge().commit(branch, MESSAGE)


def test_a_branch_that_somebody_else_pushed_to_is_refused(shop: Shop) -> None:
    """Their commit is named and stays."""
    change = shop.fixed()
    theirs = shop.others_push({"x.py": "1\n"}, NAME)
    write(Path(change.branch.worktree), {"app.py": "more\n"})
    more = shop.forge().commit(change.branch, MESSAGE)
    with pytest.raises(Refused, match="Somebody else pushed"):
        shop.forge().publish(more)
    landed = shop.forge().land(change, TAG, "t\n", "m\n")
    assert change.commit == landed.main
    assert "commits that were not deployed" in landed.owed[0]
    assert theirs == shop.at(f"refs/heads/{NAME}")


def test_a_remote_that_deletes_nothing_still_gets_main_and_tag(shop: Shop) -> None:
    """The branch that stays is owed, with the remote's words."""
    change = shop.fixed()
    git(shop.remote, "config", "receive.denyDeletes", "true")
    landed = shop.forge().land(change, TAG, "t\n", "m\n")
    assert change.commit == landed.main == git(shop.remote, "rev-parse", f"{TAG}^{{commit}}")
    assert "could not be deleted on origin: error: denying ref deletion" in landed.owed[0]


def test_a_remote_without_atomic_pushes_gets_main_first(shop: Shop) -> None:
    """Then one by one; the end is the same."""
    change = shop.fixed()
    git(shop.remote, "config", "receive.advertiseAtomic", "false")
    landed = shop.forge().land(change, TAG, "t\n", "m\n")
    assert (change.commit, ()) == (landed.main, landed.owed)
    assert ["refs/heads/main", f"refs/tags/{TAG}"] == sorted(shop.on_remote())


# -- hostile names and texts


@pytest.mark.parametrize(
    "name",
    ["-x", "hotfix/../x", "hotfix/a b", "hotfix/a\nb", "hotfix/.x", "hotfix/x.lock", "", "a:b"],
)
def test_an_impossible_branch_name_is_refused(shop: Shop, name: str) -> None:
    """A name never reaches git as an option, a path or a refspec."""
    with pytest.raises(Refused, match="cannot be the name of a branch"):
        shop.forge().cut(name, shop.deployed, None)


@pytest.mark.parametrize("rev", ["--all", "-x", "", "main\nmain", "a\0b", "HEAD..main", ":app.py"])
def test_what_is_no_commit_is_refused(shop: Shop, rev: str) -> None:
    """A revision is only ever read as a revision."""
    with pytest.raises(Refused):
        History(Git(shop.here, RUNNER)).commit(rev)


def test_hostile_file_names_go_through_everything(shop: Shop) -> None:
    """Newlines, quotes, dashes, emoji: listed, committed, exported, kept."""
    names = ["-rf", "a\nb.py", "q\"uo'te", "🚑 fix.py", "tab\there", "ü.py", ":(glob)*", "sub/-x"]
    branch = shop.forge().cut("hotfix/🚑-ü'\"$(x)", shop.deployed, None)
    write(Path(branch.worktree), dict.fromkeys(names, "x\n"))
    change = shop.forge().commit(branch, "# title -m 'x'\n\n--amend\n")
    shop.forge().publish(change)
    assert sorted(names) == sorted(change.files)
    assert (
        git(shop.here, "log", "-1", "--format=%B", change.commit).strip()
        == "# title -m 'x'\n\n--amend"
    )
    shop.forge().export(change.commit, shop.root / "out")
    found = [str(p.relative_to(shop.root / "out")) for p in (shop.root / "out").rglob("*")]
    assert set(names) <= set(found)
    assert change.commit == shop.forge().land(change, TAG, "#t\n", "m\n").main
    shop.forge().clean_up(change.branch)
    assert not Path(branch.worktree).exists()


def test_the_users_settings_do_not_change_the_patch(shop: Shop) -> None:
    """Colours, prefixes, external tools and renames are a matter of taste; a patch is not."""
    change = shop.fixed()
    for name, value in (
        ("color.ui", "always"),
        ("diff.noprefix", "true"),
        ("diff.external", "false"),
        ("log.showSignature", "true"),
        ("core.quotePath", "true"),
    ):
        git(shop.here, "config", name, value)
    patch = shop.forge().patch(change)
    assert "--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-broken\n+fixed" in (patch.text or "")
    assert [(one.path, one.added, one.deleted) for one in patch.files] == [("app.py", 1, 1)]


def test_another_repository_in_the_environment_is_not_worked_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started from a hook or an alias, pitstop still works where it was told to."""
    git(shop.root, "init", "-q", "trap")
    monkeypatch.setenv("GIT_DIR", str(shop.root / "trap/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(shop.root / "trap/index"))
    forge = shop.forge()
    branch = forge.cut(NAME, shop.deployed, None)
    write(Path(branch.worktree), {"app.py": "fixed\n"})
    assert forge.commit(branch, MESSAGE).files == ("app.py",)


# -- export


ATTRIBUTES = "*.txt text eol=crlf\nsecret.md export-ignore\nversion.py export-subst\n*.id ident\n"


def exported(shop: Shop, files: dict[str, str | bytes]) -> tuple[Path, str]:
    write(shop.here, files)
    commit = save(shop.here, {}, "files")
    folder = shop.root / "out"
    assert git(shop.here, "rev-parse", f"{commit}^{{tree}}") == shop.forge().export(commit, folder)
    return folder, commit


def test_an_export_is_exactly_the_tree(shop: Shop) -> None:
    """export-ignore and export-subst change nothing, eol does what it says, no .git is there."""
    files: dict[str, str | bytes] = {
        ".gitattributes": ATTRIBUTES,
        "secret.md": "s\n",
        "version.py": "v = '$Format:%H$'\n",
        "a.txt": "one\ntwo\n",
        "b.bin": b"\0\r\n\xff",
    }
    git(shop.here, "config", "core.autocrlf", "true")
    folder, _ = exported(shop, files)
    assert (folder / "version.py").read_text() == "v = '$Format:%H$'\n"
    assert (folder / "a.txt").read_bytes() == b"one\r\ntwo\r\n"
    assert (folder / "app.py").read_bytes() == b"broken\n"
    assert (folder / "b.bin").read_bytes() == b"\0\r\n\xff"
    assert (folder / "secret.md").exists()
    assert not (folder / ".git").exists()


def test_an_export_keeps_modes_and_links(shop: Shop) -> None:
    """Executable stays executable, a link stays a link."""
    write(shop.here, {"run.sh": "#!/bin/sh\n"})
    (shop.here / "run.sh").chmod(0o755)
    (shop.here / "link").symlink_to("run.sh")
    folder, _ = exported(shop, {})
    assert (folder / "run.sh").stat().st_mode & stat.S_IXUSR
    assert os.readlink(folder / "link") == "run.sh"


def test_an_export_of_files_that_git_would_normalise_is_still_exact(shop: Shop) -> None:
    """CRLF committed before the attribute came: what git checks out is right, though 'modified'."""
    git(shop.here, "config", "core.autocrlf", "false")
    save(shop.here, {"old.txt": b"one\r\ntwo\r\n"}, "crlf")
    write(shop.here, {".gitattributes": "*.txt text eol=crlf\n"})
    git(shop.here, "add", ".gitattributes")
    git(shop.here, "commit", "-qm", "attributes")
    folder = shop.root / "out"
    shop.forge().export(git(shop.here, "rev-parse", "HEAD"), folder)
    assert (folder / "old.txt").read_bytes() == b"one\r\ntwo\r\n"


def test_an_export_is_compared_with_the_tree(shop: Shop) -> None:
    """A filter that gives other bytes than were committed is caught."""
    git(shop.here, "config", "filter.odd.clean", "cat")
    write(shop.here, {".gitattributes": "app.py filter=odd\n"})
    commit = save(shop.here, {}, "filter")
    git(shop.here, "config", "filter.odd.smudge", "date +%N%s; cat; rm -rf ../out/VERSION")
    with pytest.raises(Refused, match="is not what the commit holds"):
        shop.forge().export(commit, shop.root / "out")


def test_an_export_goes_only_into_an_empty_folder(shop: Shop) -> None:
    """Nothing of an earlier release is mixed in; a submodule is refused by name."""
    write(shop.root / "out", {"old.py": "old\n"})
    with pytest.raises(Refused, match="not empty"):
        shop.forge().export(shop.deployed, shop.root / "out")
    git(shop.here, "update-index", "--add", "--cacheinfo", f"160000,{shop.deployed},lib")
    git(shop.here, "commit", "-qm", "gitlink")
    with pytest.raises(Refused, match="the submodule lib"):
        shop.forge().export("HEAD", shop.root / "new")


# -- parting


def test_discarding_keeps_all_work_under_a_ref(shop: Shop) -> None:
    """Commits, changes and new files are kept; ignored files and the branch are gone."""
    branch = shop.cut()
    folder = Path(branch.worktree)
    save(folder, {"app.py": "one\n"}, "one")
    write(folder, {"app.py": "two\n", "new.py": "new\n", "x.log": "x"})
    kept = shop.forge().discard(branch)
    assert kept == "refs/pitstop/kept/checkout-500s"
    assert git(shop.here, "show", f"{kept}:app.py") == "two"
    assert git(shop.here, "show", f"{kept}:new.py") == "new"
    assert git(shop.here, "show", f"{kept}~1:app.py") == "one"
    assert not folder.exists()
    assert list(shop.on_remote()) == ["refs/heads/main"]
    assert kept == shop.forge().discard(branch)


def test_discarding_in_the_middle_of_a_merge_keeps_it(shop: Shop) -> None:
    """Even a conflict is somebody's work; a detached commit is kept as well as the branch."""
    branch = shop.cut()
    folder = Path(branch.worktree)
    on_branch = save(folder, {"app.py": "one\n"}, "one")
    git(folder, "checkout", "-q", "--detach", shop.deployed)
    detached = save(folder, {"app.py": "two\n"}, "two")
    git(folder, "merge", NAME, check=False)
    kept = shop.forge().discard(branch)
    assert kept
    assert "<<<<<<<" in git(shop.here, "show", f"{kept}:app.py")
    for commit in (on_branch, detached):
        git(shop.here, "merge-base", "--is-ancestor", commit, kept)


def test_a_second_discard_of_the_same_name_keeps_both(shop: Shop) -> None:
    """Kept work is never overwritten."""
    kept = []
    for content in ("one\n", "two\n"):
        branch = shop.cut()
        write(Path(branch.worktree), {"app.py": content})
        kept.append(shop.forge().discard(branch))
    assert [git(shop.here, "show", f"{ref}:app.py") for ref in kept] == ["one", "two"]


def test_discarding_leaves_what_others_pushed(shop: Shop) -> None:
    """A commit that is not known here is not deleted there."""
    branch = shop.cut()
    theirs = shop.others_push({"x.py": "1\n"}, NAME)
    shop.forge().discard(branch)
    assert theirs == shop.at(f"refs/heads/{NAME}")


def test_cleaning_up_keeps_what_is_not_merged_or_not_committed(shop: Shop) -> None:
    """A worktree with anything of value in it stays."""
    change = shop.fixed()
    folder = Path(change.branch.worktree)
    shop.forge().clean_up(change.branch)
    assert folder.exists()
    land(shop, change)
    write(folder, {"notes.txt": "not committed\n"})
    shop.forge().clean_up(change.branch)
    assert folder.exists()
    (folder / "notes.txt").unlink()
    later = save(folder, {"later.py": "1\n"}, "after the landing")
    shop.forge().clean_up(change.branch)
    assert later == git(folder, "rev-parse", NAME)


# -- revert


def test_a_revert_undoes_only_the_fix(shop: Shop) -> None:
    """Several commits of a fix are undone; later work of others stays."""
    branch = shop.cut()
    for content in ("one\n", "two\n"):
        save(Path(branch.worktree), {"app.py": content, "new.py": content}, content)
    change = shop.forge().commit(branch, MESSAGE)
    shop.forge().publish(change)
    shop.others_push({"other.py": "1\n"})
    land(shop, change)
    shop.others_push({"late.py": "1\n"})
    name = shop.forge().prepare_revert(change)
    files = git(shop.remote, "ls-tree", "-r", "--name-only", name).splitlines()
    assert git(shop.remote, "show", f"{name}:app.py") == "broken"
    assert {"other.py", "late.py"} <= set(files)
    assert "new.py" not in files
    assert shop.at("refs/heads/main") == git(shop.remote, "rev-parse", f"{name}~1")


def test_a_revert_that_conflicts_is_refused_in_words(shop: Shop) -> None:
    """Later work on the same lines is a person's business."""
    change = shop.fixed()
    land(shop, change)
    shop.others_push({"app.py": "fixed and changed\n"})
    with pytest.raises(Refused, match=r"conflicts in app\.py"):
        shop.forge().prepare_revert(change)


def test_a_revert_branch_of_somebody_else_is_not_taken(shop: Shop) -> None:
    """The name is taken: said."""
    change = shop.fixed()
    land(shop, change)
    shop.others_push({"x.py": "1\n"}, "revert/checkout-500s")
    with pytest.raises(Refused, match="is not ours"):
        shop.forge().prepare_revert(change)


# -- places that are not what they should be


def test_places_that_do_not_work_are_named(shop: Shop) -> None:
    """No repository, a bare one, no remote, no main: each a failed line with a remedy."""
    (shop.root / "plain").mkdir()
    git(shop.root, "init", "-q", "alone")
    save(shop.root / "alone", {}, "x")
    for forge, name, said in (
        (shop.forge(shop.root / "plain"), "repository", "not a usable git repository"),
        (shop.forge(shop.root / "nowhere"), "repository", "not a usable git repository"),
        (shop.forge(shop.remote), "repository", "bare"),
        (shop.forge(shop.root / "alone"), "remote", "no remote called origin"),
        (shop.forge(main="trunk"), "main", "no branch trunk"),
    ):
        failed = [one for one in forge.findings() if one.status == "failed"]
        assert [name] == [one.name for one in failed]
        assert said in failed[0].said
        assert failed[0].remedy
        with pytest.raises((Refused, CannotTell)):
            forge.cut(NAME, shop.deployed, None)


def test_a_folder_in_the_way_is_named_and_nothing_is_published(shop: Shop) -> None:
    """The worktree's place is looked at before the remote is asked."""
    write(shop.worktrees() / "checkout-500s", {"mine.txt": "mine\n"})
    with pytest.raises(Refused, match="is not empty"):
        shop.cut()
    assert list(shop.on_remote()) == ["refs/heads/main"]
    assert git(shop.here, "for-each-ref", "refs/pitstop", f"refs/heads/{NAME}") == ""


def test_a_remote_that_takes_no_branch_leaves_nothing_here(shop: Shop) -> None:
    """Its words are passed on."""
    hook(shop.remote, "pre-receive", 'echo "names must be TICKET-1" >&2; exit 1')
    with pytest.raises(Refused, match=r"does not take .*: names must be TICKET-1"):
        shop.cut()
    assert not (shop.worktrees() / "checkout-500s").exists()
    assert git(shop.here, "for-each-ref", "refs/pitstop", f"refs/heads/{NAME}") == ""


def test_a_silent_address_with_a_token_does_not_show_it(shop: Shop) -> None:
    """What git says about an address is passed on without what is secret in it."""
    git(shop.here, "remote", "set-url", "origin", "http://ada:s3cret@127.0.0.1:9/x.git")
    with pytest.raises(CannotTell) as silent:
        shop.forge().fetch()
    assert "s3cret" not in str(silent.value)


def test_lfs_without_git_lfs_is_a_warning(shop: Shop) -> None:
    """Pointers instead of files are seen before they are shipped."""
    save(shop.here, {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}, "lfs")
    assert next(one.status for one in shop.forge().findings() if one.name == "lfs") == "warning"


def test_many_clones_publish_at_once(shop: Shop) -> None:
    """Different hotfixes of different clones do not disturb each other."""
    clones = [shop.clone(f"c{number}") for number in range(3)]
    failed: list[BaseException] = []

    def ship(here: Path) -> None:
        try:
            forge = shop.forge(here)
            branch = forge.cut(f"hotfix/{here.name}", shop.deployed, None)
            write(Path(branch.worktree), {f"{here.name}.py": "x\n"})
            change = forge.commit(branch, MESSAGE)
            forge.publish(change)
            landed = forge.land(change, f"tag-{here.name}", "t\n", "m\n")
            assert landed.main
            assert landed.owed == ()
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=ship, args=(here,)) for here in clones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(shop.on_remote()) == 4
