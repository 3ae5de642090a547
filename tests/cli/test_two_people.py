"""More than one person, more than one hotfix, one service."""

import json
import time

ALONE = ("--override", "approval", "--because", "alone at night")


def until(condition):
    """Wait for a condition, generously."""
    deadline = time.monotonic() + 90
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def live(shop):
    """Return what users are served by."""
    return json.loads(shop.pitstop("local", "status", "--json").stdout)["live"]


def watch_for(shop, duration):
    """Change the length of the watch."""
    path = shop.path / "pitstop.toml"
    path.write_text(path.read_text().replace('duration = "6s"', f'duration = "{duration}"'))


def test_a_second_hotfix_takes_over_in_the_first_ones_watch(open_shop, customers):
    """The first ends as fixed and hands over; nothing is left behind or wedged."""
    open_shop.configure(min_requests="10", soak='"1s"')
    watch_for(open_shop, "45s")
    open_shop.start("First")
    open_shop.fix("\n# first\n")
    assert open_shop.pitstop("ship", "--fix", "x", *ALONE).returncode == 0
    watch_for(open_shop, "2s")
    open_shop.start("Second")
    worktree = open_shop.status("second")["worktree"]
    with open(f"{worktree}/shipping.py", "a") as source:
        source.write("\n# second\n")

    done = open_shop.pitstop("ship", "second", "--fix", "y", *ALONE, "--wait")

    assert done.returncode == 0, done.stdout + done.stderr
    first = until(lambda: (s := open_shop.status("first"))["closed_at"] and s)
    assert [first["outcome"], first["watch"]["verdict"]] == ["fixed", "inconclusive"]
    assert live(open_shop) == "d3"
    assert customers.lost == 0
    early = open_shop.pitstop("rollback", "first", "--reason", "too late")
    assert early.returncode == 2
    assert "second was deployed after it" in early.stderr
    assert live(open_shop) == "d3"


def test_a_rollback_by_deployment_waits_for_no_ship(open_shop, customers):
    """``rollback --to`` fences the ship off and ends it; the ship says so."""
    open_shop.configure(min_requests="1000000", deadline='"90s"')
    open_shop.start()
    open_shop.fix()
    open_shop.pitstop("ship", "--fix", "x", *ALONE, "--detach")
    until(lambda: open_shop.status()["deployment"])

    done = open_shop.pitstop("rollback", "--service", "shop", "--to", "d1", "--reason", "now")

    assert done.returncode == 0, done.stdout + done.stderr
    assert live(open_shop) == "d1"
    assert open_shop.status("check")["outcome"] == "rolled_back"
    assert open_shop.pitstop("resume", "check").returncode == 3
    assert customers.lost == 0


def test_a_rejection_outweighs_an_approval(open_shop):
    """Also by the same person, also said later."""
    path = open_shop.path / "pitstop.toml"
    path.write_text(path.read_text() + '\n[approval]\nwithin = "1s"\n')
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x").returncode == 7
    assert open_shop.pitstop("approve", "--as", "G <g@x>").returncode == 0
    assert open_shop.pitstop("approve", "--as", "G <g@x>").returncode == 0
    assert open_shop.pitstop("reject", "--reason", "no", "--as", "G <g@x>").returncode == 0
    assert open_shop.pitstop("resume").returncode == 4
    said = open_shop.status("check")["approvals"]
    assert [one["decision"] for one in said] == ["approve", "reject"]


def test_a_shortened_journal_is_seen_by_the_tag(open_shop, customers):
    """The chain alone cannot tell; the head in the tag can."""
    import sqlite3

    open_shop.configure(min_requests="10", soak='"1s"')
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x", *ALONE, "--wait").returncode == 0
    assert open_shop.pitstop("log", "check", "--verify").returncode == 0
    db = sqlite3.connect(open_shop.path / ".git/pitstop/runs/checkout-answers-500/run.db")
    db.execute("DELETE FROM lines WHERE seq > 12")
    db.execute("UPDATE lines SET event = 'closed' WHERE seq = 99")
    db.commit()
    db.close()
    done = open_shop.pitstop("log", "check", "--verify")
    assert done.returncode == 1
    assert "the tag names head" in done.stderr


def test_a_run_that_was_cut_off_before_it_was_declared_bothers_nobody(open_shop):
    """A folder without a line is no hotfix."""
    from pitstop.engine.ownership import RunFolder

    run = RunFolder.create(open_shop.path / ".git/pitstop/runs", "half-made")
    run.journal(create=True).close()
    assert json.loads(open_shop.pitstop("list", "--json").stdout) == []
    assert open_shop.pitstop("status", "half-made").returncode == 2
    assert open_shop.start("Half made").returncode == 0
