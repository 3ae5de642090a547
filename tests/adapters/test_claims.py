"""The claim on the git remote: one winner, no zombie, and no stranger's text that crashes us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pitstop.adapters.forges.claims import Claim, GitClaims
from pitstop.ports import CannotTell, Refused
from repositories import RUNNER, Shop, a_claim, a_shop, git, hook, protect

REF = "refs/pitstop/shop"
BRANCH = "refs/heads/pitstop-lock/shop"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return a_shop(tmp_path, monkeypatch)


def taken(claims: GitClaims, claim: Claim | None = None, expected: str | None = None) -> Claim:
    """Take a claim that nobody contests."""
    mine = claims.take(claim or a_claim(), expected)
    assert mine is not None
    return mine


def test_a_claim_is_read_on_every_machine(shop: Shop) -> None:
    """What one clone wrote, another reads, word for word."""
    claims = shop.claims()
    assert claims.read("shop") is None
    mine = taken(claims, a_claim(reason='quotes " and ümlauts ✓', rollback_point="d1"))
    assert mine == shop.claims(shop.clone("other")).read("shop")
    assert mine.sha == shop.at(REF)


def test_a_claim_needs_no_identity_and_leaves_no_ref_here(shop: Shop) -> None:
    """Claims are written in pitstop's name and concern only the remote."""
    (shop.root / "gitconfig").write_text("")
    taken(shop.claims())
    assert git(shop.here, "for-each-ref", "refs/pitstop") == ""


def test_a_held_claim_is_not_taken(shop: Shop) -> None:
    """Whoever expects nobody, or somebody else, loses."""
    mine = taken(shop.claims())
    other = shop.claims(shop.clone("other"))
    assert other.take(a_claim("r2", "m2"), None) is None
    assert other.take(a_claim("r2", "m2"), "0" * 40) is None
    assert mine == shop.claims().read("shop")


def test_two_clones_race_and_one_wins(shop: Shop) -> None:
    """Of two that claim at once exactly one has it, every time."""
    both = [shop.claims(shop.clone(name)) for name in ("a", "b")]
    for number in range(6):
        service, won = f"s{number}", []
        start = threading.Barrier(2)

        def claim(claims: GitClaims, who: str) -> None:
            start.wait()  # noqa: B023
            if claims.take(a_claim(who, who, service=service), None):  # noqa: B023
                won.append(who)  # noqa: B023

        threads = [
            threading.Thread(target=claim, args=(c, w)) for c, w in zip(both, "ab", strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        found = both[0].read(service)
        assert found is not None and won[0] == found.run


def test_the_same_claim_twice_is_two_objects(shop: Shop) -> None:
    """Equal facts never make an equal push: the second one is not 'up to date'."""
    claims = shop.claims()
    mine = taken(claims)
    assert claims.take(a_claim(), None) is None
    assert mine.sha != taken(claims, a_claim(), mine.sha).sha


def test_a_renewed_claim_keeps_its_holder(shop: Shop) -> None:
    """A heartbeat changes what it says and the fence."""
    claims = shop.claims()
    mine = taken(claims)
    renewed = claims.renew(mine, heartbeat="later", rollback_point="d1")
    assert ("later", "d1", mine.run) == (renewed.heartbeat, renewed.rollback_point, renewed.run)
    assert renewed == claims.read("shop")
    assert mine.sha != renewed.sha


def test_a_renewal_whose_answer_was_lost_is_still_ours(shop: Shop) -> None:
    """The next renewal finds its own unanswered push and goes on from it."""
    claims = shop.claims()
    mine = taken(claims)
    claims.renew(mine, heartbeat="arrived, unanswered")
    assert claims.renew(mine, heartbeat="next").heartbeat == "next"
    assert claims.release(mine)


def test_a_zombie_neither_renews_nor_releases(shop: Shop) -> None:
    """After a take-over the former holder is refused, and told by whom."""
    claims, other = shop.claims(), shop.claims(shop.clone("other"))
    mine = taken(claims)
    theirs = taken(
        other, replace(a_claim("r2", "m2"), owner="Bob", taken_over_from="Ada"), mine.sha
    )
    with pytest.raises(Refused, match="Bob took shop over"):
        claims.renew(mine, heartbeat="zombie")
    assert not claims.release(mine)
    assert theirs == other.read("shop")


def test_a_released_claim_is_free(shop: Shop) -> None:
    """Releasing twice is releasing once."""
    claims = shop.claims()
    mine = taken(claims)
    assert claims.release(mine)
    assert claims.release(mine)
    assert claims.read("shop") is None
    with pytest.raises(Refused, match="is gone"):
        claims.renew(mine)


@pytest.mark.parametrize("how", ["hook", "hidden"])
def test_a_remote_without_unusual_refs_gets_a_branch(shop: Shop, how: str) -> None:
    """Refused or hidden refs/pitstop: the claim is a branch, and others find it."""
    if how == "hook":
        protect(shop.remote, REF)
    else:
        git(shop.remote, "config", "transfer.hideRefs", "refs/pitstop")
    claims = shop.claims()
    mine = taken(claims)
    assert mine.sha == shop.at(BRANCH)
    other = shop.claims(shop.clone("other"))
    assert mine == other.read("shop")
    assert other.take(a_claim("r2", "m2"), None) is None
    mine = claims.renew(mine, heartbeat="later")
    assert claims.release(mine)
    assert shop.at(BRANCH) is None


def test_a_remote_that_takes_no_claim_says_so(shop: Shop) -> None:
    """Both places refused is a sentence with a way out."""
    hook(shop.remote, "pre-receive", "exit 1")
    with pytest.raises(Refused, match="takes no claim on shop"):
        shop.claims().take(a_claim(), None)


def test_a_remote_that_deletes_nothing_says_so(shop: Shop) -> None:
    """A claim that cannot be given back is named with the command that would."""
    mine = taken(shop.claims())
    hook(shop.remote, "update", 'case "$3" in *[!0]*) exit 0;; *) exit 1;; esac')
    with pytest.raises(Refused, match="push origin --delete"):
        shop.claims().release(mine)


def test_a_silent_remote_cannot_tell(shop: Shop) -> None:
    """Neither claimed nor free."""
    claims = shop.claims()
    mine = taken(claims)
    shop.remote.rename(shop.root / "away")
    for ask in (
        lambda: claims.read("shop"),
        lambda: claims.take(a_claim(), None),
        lambda: claims.renew(mine),
        lambda: claims.release(mine),
    ):
        with pytest.raises(CannotTell, match="did not answer"):
            ask()


HOSTILE = {
    "torn": '{"owner": "Ada", "sin',
    "empty": "",
    "a list": "[1, 2]",
    "numbers": json.dumps({"owner": 1, "since": 2, "reason": 3, "run": 4, "machine": 5}),
    "deep": "[" * 9000,
    "huge": json.dumps({"owner": "A" * 50_000}),
    "not a number": '{"owner": NaN}',
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_strangers_claim_is_refused_in_words(shop: Shop, what: str) -> None:
    """Torn, empty, odd and huge contents end in a sentence that says how to remove them."""
    tree = git(shop.remote, "mktree", give="")
    sha = git(
        shop.remote, "-c", "user.name=x", "-c", "user.email=x@y",
        "commit-tree", "-F", "-", tree, give=HOSTILE[what],
    )  # fmt: skip
    git(shop.remote, "update-ref", REF, sha)
    with pytest.raises(Refused, match=r"no claim that pitstop wrote.*--delete"):
        shop.claims().read("shop")


def test_a_claim_that_is_no_commit_is_refused_in_words(shop: Shop) -> None:
    """Any kind of object may lie under the ref."""
    blob = git(shop.remote, "hash-object", "-w", "--stdin", give="hello")
    git(shop.remote, "update-ref", REF, blob)
    with pytest.raises(Refused, match="it names a blob"):
        shop.claims().read("shop")


def test_a_claim_cannot_move_the_cursor(shop: Shop) -> None:
    """Control characters and lone surrogates of others never reach a terminal or a journal."""
    taken(shop.claims(), a_claim(owner="\x1b[2J\nAda\ud800", reason="\u202egnp"))
    found = shop.claims(shop.clone("other")).read("shop")
    assert found is not None
    assert (found.owner + found.reason).isprintable()
    found.owner.encode()


@pytest.mark.parametrize("service", ["", "a b", "../x", "x.lock", "a\nb", "-x/", "sh*p"])
def test_an_impossible_service_is_refused(shop: Shop, service: str) -> None:
    """A name that git cannot hold is refused before anything is pushed."""
    with pytest.raises(Refused, match="cannot be the name of a service"):
        shop.claims().read(service)


def test_a_missing_remote_is_named(shop: Shop) -> None:
    """No remote of that name is not silence."""
    claims = GitClaims(shop.here, remote="upstream", runner=RUNNER)
    with pytest.raises(Refused, match="git remote add upstream URL"):
        claims.read("shop")


TAKES = """
import sys
from pathlib import Path
from pitstop.adapters._run import Runner
from pitstop.adapters.forges.claims import Claim, GitClaims
claim = Claim("shop", "", "Ada", "now", "r", "r1", "m1", None, None, None, None)
GitClaims(Path(sys.argv[1]), remote="origin", runner=Runner()).take(claim, None)
"""


def test_a_process_killed_in_the_middle_of_a_push_locks_nobody_out(shop: Shop) -> None:
    """The remote's end of the push, on this machine, is asked to end and takes its lock away."""
    mark = shop.root / "prepared"
    slow = f'[ "$1" = prepared ] && touch {mark} && sleep 30; exit 0'
    hook(shop.remote, "reference-transaction", slow)
    with subprocess.Popen([sys.executable, "-c", TAKES, str(shop.here)]) as parent:
        while not mark.exists():
            time.sleep(0.01)
        os.kill(parent.pid, signal.SIGKILL)
    locks: list[Path] = []
    for _ in range(200):
        if not (locks := list(shop.remote.rglob("shop.lock"))):
            break
        time.sleep(0.05)
    assert locks == []
    (shop.remote / "hooks" / "reference-transaction").unlink()

    taken(shop.claims(), a_claim("r2", "m2"))
