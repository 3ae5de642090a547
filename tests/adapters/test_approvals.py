"""Answers on the git remote: what strangers push there is no answer, and one that is refused says so."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pitstop.adapters.forges.approvals import GitAnswers
from pitstop.adapters.forges.proposals import Proposals
from pitstop.domain.answer import RemoteAnswer
from pitstop.ports import Refused
from repositories import NAME, RUNNER, MeanwhileRunner, Shop, a_shop, git, hook, save

RUN = NAME.partition("/")[2]
TREE = "a" * 40
YES = RemoteAnswer("approve", TREE, "Grace <grace@x>", "2026-01-02T03:04:05.000Z")
OWN, BRANCH = f"refs/pitstop-approvals/{RUN}/{TREE}/", f"refs/heads/pitstop-approvals/{RUN}/{TREE}/"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return a_shop(tmp_path, monkeypatch)


def answers(shop: Shop, runner=RUNNER) -> GitAnswers:
    """Return the answers as the shop's clone sees them."""
    return GitAnswers(shop.here, remote="origin", runner=runner)


def place(shop: Shop) -> str:
    """Let Grace answer; return the last part of her ref, with the ref gone."""
    answers(shop).say(RUN, YES)
    [ref] = [ref for ref in shop.on_remote() if ref.startswith(OWN)]
    git(shop.remote, "update-ref", "-d", ref)
    return ref.rpartition("/")[2]


def put(shop: Shop, ref: str, text: str) -> None:
    """Let a stranger push a commit with a message."""
    tree = git(shop.remote, "mktree", give="")
    commit = git(
        shop.remote,
        *("-c", "user.name=x", "-c", "user.email=x@x"),
        *("commit-tree", "-F", "-", tree),
        give=text,
    )
    git(shop.remote, "update-ref", ref, commit)


def test_an_answer_needs_no_identity_and_names_nobody_in_its_ref(shop: Shop) -> None:
    """It is written in pitstop's name; whoever lists refs reads no addresses."""
    (shop.root / "gitconfig").write_text("")
    answers(shop).say(RUN, YES)
    [ref] = [ref for ref in shop.on_remote() if "approvals" in ref]
    assert [ref.startswith(OWN), "grace" in ref] == [True, False]
    assert git(shop.here, "for-each-ref", "refs/pitstop-approvals") == ""


def told(**facts: object) -> str:
    """Return an answer as text, with other facts."""
    return json.dumps(asdict(YES) | facts)


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "[]",
        "{}",
        "[" * 5000,
        told(decision="yes"),
        told(decision=None),
        told(decision=["approve"]),
        told(tree="b" * 40),
        told(by="Eve <eve@x>"),
        told(by=7),
        told(by=" "),
        told(at=None),
        told(reason="x" * 30_000),
    ],
)
def test_what_is_no_answer_or_stands_in_another_place_is_not_heard(shop: Shop, text: str) -> None:
    """Another tree, another person, another shape: nobody gets past a review with it."""
    put(shop, OWN + place(shop), text)
    assert answers(shop).heard(RUN, TREE) == []


def test_a_stranger_is_heard_beside_rubbish_and_moves_no_cursor(shop: Shop) -> None:
    """A blob, a tag, names that are no people; control characters become spaces."""
    who = place(shop)
    put(shop, OWN + who, told(reason="\x1b[2Jgone\nline"))
    blob = git(shop.remote, "hash-object", "-w", "--stdin", give="rubbish")
    for name in ("0" * 40, "nobody", f"{who}/below"[:20]):
        git(shop.remote, "update-ref", OWN + name, blob)

    [said] = answers(shop).heard(RUN, TREE)

    assert [said.by, said.reason] == [YES.by, " [2Jgone line"]


def test_a_remote_that_refuses_the_refs_gets_branches(shop: Shop) -> None:
    """Heard, replaced and cleared there as well."""
    refuse = "case $ref in refs/pitstop-approvals/*) exit 1;; esac"
    hook(shop.remote, "pre-receive", f"while read a b ref; do {refuse}; done")
    assert answers(shop).say(RUN, YES) is True
    assert [ref.startswith(BRANCH) for ref in shop.on_remote() if "approvals" in ref] == [True]
    no = replace(YES, decision="reject", reason="no")
    assert answers(shop).say(RUN, no) is True
    assert answers(shop).heard(RUN, TREE) == [no]
    answers(shop).clear(RUN)
    assert [ref for ref in shop.on_remote() if "approvals" in ref] == []


def test_a_remote_that_takes_neither_says_what_to_allow(shop: Shop) -> None:
    """Whoever approved must not believe that they were heard."""
    hook(shop.remote, "pre-receive", 'echo "you may not" >&2; exit 1')
    with pytest.raises(Refused, match=r"takes no answer.*you may not.*Allow one"):
        answers(shop).say(RUN, YES)


def test_a_no_in_one_place_stands_against_a_yes_in_the_other(shop: Shop) -> None:
    """Two clones may see different places refused."""
    who = place(shop)
    put(shop, BRANCH + who, told(decision="reject"))
    with pytest.raises(Refused, match="that stands"):
        answers(shop).say(RUN, YES)
    put(shop, OWN + who, told())
    assert [one.decision for one in answers(shop).heard(RUN, TREE)] == ["reject", "approve"]


def test_a_no_that_comes_at_the_same_moment_is_not_written_over(shop: Shop) -> None:
    """The push is made only over what was seen."""
    who = place(shop)
    late = MeanwhileRunner(lambda: put(shop, OWN + who, told(decision="reject")))
    with pytest.raises(Refused):
        answers(shop, late).say(RUN, YES)
    assert next(one.decision for one in answers(shop).heard(RUN, TREE)) == "reject"


@pytest.mark.parametrize("run", ["", "../x", "a b", "a..b", "x.lock", "-x\n", "*"])
def test_what_cannot_be_a_name_is_refused(shop: Shop, run: str) -> None:
    """No stranger's text becomes a pattern or an option."""
    for act in (lambda: answers(shop).heard(run, TREE), lambda: answers(shop).clear(run)):
        with pytest.raises(Refused, match="cannot be the name"):
            act()


def proposals(shop: Shop, here: Path) -> Proposals:
    """Return the hotfix branches as a clone sees them."""
    return Proposals(here, remote="origin", main="main", runner=RUNNER)


def test_a_hotfix_of_another_clone_is_shown_with_its_tree_files_and_authors(shop: Shop) -> None:
    """From the last commit that main has, also when main went on."""
    other = shop.clone("other")
    change = shop.fixed({"app.py": "fixed\n", "new.py": "new\n"})
    shop.others_push({"docs/b.md": "b\n"})

    found = proposals(shop, other)
    assert found.open() == {RUN: change.commit}
    one = found.bring(RUN, change.commit)

    assert one is not None
    assert [one.tree, one.base, one.authors] == [change.tree, shop.deployed, set(change.authors)]
    assert [part in one.stat for part in ("app.py", "new.py", "docs")] == [True, True, False]


def test_a_branch_that_changes_nothing_is_no_proposal(shop: Shop) -> None:
    """It was cut, and nobody has committed yet."""
    shop.cut()
    other = shop.clone("other")
    assert proposals(shop, other).bring(RUN, shop.deployed) is None


def test_a_shallow_clone_that_cannot_show_a_change_says_so(shop: Shop) -> None:
    """Nobody approves what they cannot see."""
    shop.others_push({"docs/b.md": "b\n"})
    change = shop.fixed()
    other = shop.clone("other", "--depth=1", "--branch=main")
    with pytest.raises(Refused, match="--unshallow"):
        proposals(shop, other).bring(RUN, change.commit)


def test_a_branch_of_a_stranger_shows_no_program(shop: Shop) -> None:
    """A diff that the repository would hand to a program of its own is shown by git itself."""
    other = shop.clone("other")
    git(other, "config", "diff.external", "touch ran")
    git(shop.here, "checkout", "-q", "-b", NAME)
    commit = save(shop.here, {"app.py": "x\n"}, "fix")
    git(shop.here, "push", "-q", "origin", NAME)
    assert proposals(shop, other).bring(RUN, commit) is not None
    assert not (other / "ran").exists()
