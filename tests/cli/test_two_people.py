"""More than one person, more than one hotfix, one service."""

import json
import os
import signal
import subprocess
import sys
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


def test_a_rollback_to_what_is_live_changes_nothing_and_ends_no_watch(open_shop, customers):
    """Whose own release is wanted goes on watching it."""
    open_shop.configure(min_requests="10", soak='"1s"')
    watch_for(open_shop, "60s")
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x", *ALONE).returncode == 0

    done = open_shop.pitstop("rollback", "--service", "shop", "--to", "d2", "--reason", "typo")

    assert done.returncode == 0, done.stderr
    assert "d2 serves users already. Nothing was changed." in done.stdout
    state = open_shop.status("check")
    assert (state["outcome"], state["closed_at"], live(open_shop)) == ("fixed", None, "d2")
    without = open_shop.pitstop("rollback", "--service", "shop", "--reason", "x")
    assert (without.returncode, "--to" in without.stderr) == (2, True)


def test_resume_in_the_watch_brings_the_watcher_back(open_shop, customers):
    """Killed or stopped: who types resume gets a living process, and is told the truth before."""
    open_shop.configure(min_requests="10", soak='"1s"')
    watch_for(open_shop, "90s")
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x", *ALONE).returncode == 0
    for number in (signal.SIGKILL, signal.SIGSTOP):
        pid = until(lambda: (open_shop.status("check")["process"] or {}).get("pid"))
        os.kill(pid, number)
        if number == signal.SIGSTOP:
            until(lambda: "does not respond" in open_shop.pitstop("list").stderr)

        done = open_shop.pitstop("resume", "check")

        assert (done.returncode, "Production is watched until" in done.stdout) == (0, True)
        again = until(lambda: (open_shop.status("check")["process"] or {}).get("pid"))
        assert again != pid


def test_a_client_that_nobody_reads_has_started_its_run_all_the_same(open_shop):
    """A closed pipe, no output at all, a full disk behind it: the run does not notice."""
    pitstop = f'"{sys.executable}" -m pitstop'
    said = '--impact i --symptom critical-bug "Piped away"'
    for row in (
        f"{pitstop} start {said} | true",
        f"{pitstop} ship piped --fix x --override approval --because alone >&- 2>&-",
    ):
        subprocess.run(["sh", "-c", row], cwd=open_shop.path, env=open_shop.env, check=False)
        if "start" in row:
            until(lambda: open_shop.status("piped")["waiting_for"] == "fix")
            open_shop.fix()
    until(lambda: open_shop.status("piped")["deployment"])
    full = f"{pitstop} status piped >/dev/full"
    done = subprocess.run(
        ["sh", "-c", full], cwd=open_shop.path, env=open_shop.env, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert open_shop.pitstop("rollback", "piped", "--reason", "enough").returncode == 0


def test_a_late_rollback_is_announced_and_what_main_holds_is_owed(open_shop, customers):
    """The hotfix's own run is over and says nothing any more."""
    open_shop.configure(min_requests="10", soak='"1s"')
    watch_for(open_shop, "1s")
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x", *ALONE, "--wait").returncode == 0

    assert open_shop.pitstop("rollback", "check", "--reason", "too slow").returncode == 0

    told = (open_shop.folder / "announcements.log").read_text()
    assert told.count("ROLLED BACK: shop\nReason: too slow") == 1
    state = open_shop.status("check")
    assert (state["phase"], state["outcome"]) == ("closed", "rolled_back")
    assert "OWED: main still holds the fix" in open_shop.pitstop("status", "check").stdout


def test_a_second_ship_says_whom_it_waits_for(open_shop, customers):
    """Nobody looks at a silent terminal for ten minutes."""
    open_shop.configure(min_requests="1000000", deadline='"90s"')
    open_shop.start("First")
    open_shop.fix("\n# first\n")
    open_shop.pitstop("ship", "--fix", "x", *ALONE, "--detach")
    until(lambda: open_shop.status("first")["deployment"])
    assert open_shop.start("Second").returncode == 0
    worktree = open_shop.status("second")["worktree"]
    with open(f"{worktree}/shipping.py", "a") as source:
        source.write("\n# second\n")
    open_shop.pitstop("ship", "second", "--fix", "y", *ALONE, "--detach")

    said = until(
        lambda: "waits for first" in (s := open_shop.pitstop("status", "second").stdout) and s
    )

    assert "pitstop status first" in said
    assert "waits for first" in open_shop.pitstop("log", "second").stdout
    assert open_shop.pitstop("abort", "second", "--reason", "later").returncode == 0
    assert open_shop.pitstop("rollback", "first", "--reason", "enough").returncode == 0


def test_an_approver_has_a_name(open_shop):
    """Nobody is nobody's second pair of eyes."""
    open_shop.start()
    open_shop.fix()
    open_shop.pitstop("ship", "--fix", "x", "--detach")
    until(lambda: open_shop.status()["waiting_for"] == "approval")
    for name in ("", "  "):
        done = open_shop.pitstop("approve", "--as", name)
        assert (done.returncode, "--as must name a person" in done.stderr) == (2, True)


def test_a_run_of_another_version_is_out_of_care_once_production_was_returned(open_shop, customers):
    """No command warns of it for ever, and the service can be taken down."""
    open_shop.configure(min_requests="10", soak='"1s"')
    watch_for(open_shop, "90s")
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x", *ALONE).returncode == 0
    run = "checkout-answers-500"
    os.kill(open_shop.status(run)["process"]["pid"], signal.SIGKILL)
    code = (
        "import sys; from pitstop.journal.store import Journal; "
        f"Journal(sys.argv[1], '{run}').append('finished', {{'value': 1}}, by='a <a@x>',"
        " step='guard.old', once='finished:guard.old')"
    )
    path = open_shop.path / f".git/pitstop/runs/{run}/run.db"
    subprocess.run([sys.executable, "-c", code, path], check=True)
    assert "WARNING" in open_shop.pitstop("list").stderr
    until(lambda: "guard.old" in open_shop.pitstop("status", run).stdout)
    assert "nobody watches it" in open_shop.pitstop("status", run).stdout

    done = open_shop.pitstop("rollback", run, "--reason", "too old")

    assert done.returncode == 0, done.stderr
    until(lambda: open_shop.status(run)["closed_at"])
    assert open_shop.status(run)["outcome"] == "rolled_back"
    quiet = open_shop.pitstop("list")
    assert (quiet.stderr, live(open_shop)) == ("", "d1")


def test_two_rollbacks_at_once_are_one(open_shop, customers):
    """Whoever was quicker acts, the other follows; users are moved once, and it is said once."""
    open_shop.configure(min_requests="1000000", deadline='"90s"')
    open_shop.start()
    open_shop.fix()
    open_shop.pitstop("ship", "--fix", "x", *ALONE, "--detach")
    until(lambda: open_shop.status()["deployment"])
    words = [sys.executable, "-m", "pitstop", "rollback", "check", "--reason"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    both = [
        subprocess.Popen([*words, name], cwd=open_shop.path, env=open_shop.env, **pipes)
        for name in ("mine", "yours")
    ]
    said = [client.communicate()[0] for client in both]

    assert [client.returncode for client in both] == [0, 0], said
    assert live(open_shop) == "d1"
    runs = list((open_shop.path / ".git/pitstop/runs").glob("rollback-*"))
    assert len(runs) == 1
    route = open_shop.path / ".git/pitstop/services/shop/local/proxy/routes/rds.json"
    assert json.loads(route.read_text())["version_info"].startswith("3 d1 ")
    assert customers.lost == 0


def test_a_rollback_by_deployment_is_not_stopped_by_a_locked_journal(open_shop, customers):
    """Another program holds the hotfix's journal: production goes back all the same, and it is said."""
    import sqlite3

    open_shop.configure(min_requests="10", soak='"1s"')
    watch_for(open_shop, "90s")
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x", *ALONE).returncode == 0
    path = open_shop.path / ".git/pitstop/runs/checkout-answers-500/run.db"
    with sqlite3.connect(path) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = open_shop.pitstop("rollback", "check", "--reason", "now")
        before = live(open_shop)
        done = open_shop.pitstop("rollback", "--service", "shop", "--to", "d1", "--reason", "now")
        other.rollback()
    other.close()

    assert (refused.returncode, before) == (1, "d2")
    assert "pitstop rollback --service" in refused.stderr
    assert (done.returncode, live(open_shop)) == (0, "d1"), done.stderr
    assert "will not say that it was rolled back" in done.stderr
    assert customers.lost == 0
