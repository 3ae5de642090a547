"""The command line as a person uses it, on the real platform."""

import json
import threading
import time
import urllib.request
from pathlib import Path

import pytest

ALONE = ("--override", "approval", "--because", "alone at night")


GOOD = 'def cost(postcode):\n    return 4.0 if (postcode or "").startswith("1") else 9.0\n'


def test_a_fix_is_shipped_merged_tagged_and_written_down(open_shop, customers):
    """The whole path: users, main, tag, record."""
    open_shop.configure(min_requests="10", soak='"1s"')
    repro = f'python3 "{open_shop.path}/repro.py"'
    declared = open_shop.start("No postcode", "--repro", repro, "--json")
    worktree = Path(json.loads(declared.stdout)["worktree"])
    (worktree / "shipping.py").write_text(GOOD)

    done = open_shop.pitstop("ship", "--fix", "no postcode, no error", *ALONE, "--wait")

    assert done.returncode == 0, done.stdout + done.stderr
    state = open_shop.status("no-postcode")
    assert [state["outcome"], state["phase"], state["watch"]["verdict"]] == [
        "fixed",
        "closed",
        "pass",
    ]
    tagged = open_shop.git(
        "rev-parse", f"{state['tag']}^{{commit}}", cwd=open_shop.folder / "remote.git"
    )
    assert tagged == state["deployment"]["commit"] == state["commit"]
    message = open_shop.git("log", "-1", "--format=%B", state["commit"])
    assert "Issue: No postcode\nImpact: i\nFix: no postcode, no error" in message
    tag = open_shop.git("tag", "-l", "--format=%(contents)", state["tag"])
    heads = [
        json.loads(r)["hash"]
        for r in open_shop.pitstop("log", "no-postcode", "--json").stdout.splitlines()
    ]
    assert tag.rpartition("Journal: ")[2].strip() in heads
    assert open_shop.git("ls-remote", "origin", "refs/heads/hotfix/*", "refs/pitstop/*") == ""
    assert not worktree.exists()
    said = (open_shop.folder / "announcements.log").read_text()
    assert [said.count(sign) for sign in ("🚨", "🔄", "✅", "⚠️")] == [1, 1, 1, 0]
    assert customers.lost == 0
    assert {gate["name"]: gate["verdict"] for gate in state["gates"]}["repro after"] == "pass"


def test_without_an_answer_ship_waits_and_leaves_the_run_open(open_shop):
    """Silence is never a yes: exit 7, production unchanged."""
    text = (open_shop.path / "pitstop.toml").read_text()
    (open_shop.path / "pitstop.toml").write_text(text + '\n[approval]\nwithin = "1s"\n')
    open_shop.start()
    open_shop.fix()

    done = open_shop.pitstop("ship", "--fix", "x")

    assert done.returncode == 7
    state = open_shop.status()
    assert [state["waiting_for"], state["outcome"], state["deployment"]] == ["approval", None, None]
    assert open_shop.pitstop("approve").returncode == 1, "the author cannot approve"
    assert open_shop.pitstop("reject", "--reason", "no", "--as", "G <g@x>").returncode == 0
    assert open_shop.pitstop("resume").returncode == 4
    assert open_shop.status("check")["outcome"] == "declined"


def test_start_from_an_existing_commit_takes_it_along(open_shop):
    """A fix that exists is shipped as it is."""
    base = open_shop.git("rev-parse", "HEAD")
    open_shop.git("checkout", "-q", "-b", "existing")
    (open_shop.path / "shipping.py").write_text(GOOD)
    open_shop.git("commit", "-qam", "the fix")
    commit = open_shop.git("rev-parse", "HEAD")
    open_shop.git("checkout", "-q", "main")

    declared = json.loads(open_shop.start("Existing fix", "--from", commit, "--json").stdout)

    assert declared["base_commit"] == base
    assert open_shop.git("rev-parse", "HEAD", cwd=Path(declared["worktree"])) == commit


def test_the_users_checkout_is_never_touched(open_shop):
    """Dirty work in the user's own folder survives everything."""
    (open_shop.path / "app.py").write_text("work in progress\n")
    before = open_shop.git("status", "--porcelain")
    open_shop.start()
    open_shop.pitstop("abort", "--reason", "x")
    assert open_shop.git("status", "--porcelain") == before


def test_detach_returns_at_once_and_the_run_goes_on(open_shop, customers):
    """Exit 7; somebody may watch, nobody must."""
    open_shop.configure(min_requests="10", soak='"1s"')
    open_shop.start()
    open_shop.fix()
    done = open_shop.pitstop("ship", "--fix", "x", *ALONE, "--detach")
    assert done.returncode == 7
    assert open_shop.pitstop("watch", "check").returncode == 0
    assert open_shop.status("check")["outcome"] == "fixed"


def test_returning_to_any_kept_deployment_by_name(open_shop, customers):
    """``rollback --to`` needs no hotfix."""
    open_shop.configure(min_requests="10", soak='"1s"')
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x", *ALONE, "--wait").returncode == 0
    live = json.loads(open_shop.pitstop("local", "status", "--json").stdout)["live"]

    done = open_shop.pitstop("rollback", "--service", "shop", "--to", "d1", "--reason", "Monday")

    assert done.returncode == 0, done.stdout + done.stderr
    status = json.loads(open_shop.pitstop("local", "status", "--json").stdout)
    assert [live, status["live"]] == ["d2", "d1"]
    assert customers.lost == 0


def test_a_webhook_is_told_each_thing_once(open_shop, customers):
    """POST, JSON, an idempotency key."""
    heard, server = _listener()
    text = (open_shop.path / "pitstop.toml").read_text()
    hook = f'webhook = "http://127.0.0.1:{server.server_port}/"'
    (open_shop.path / "pitstop.toml").write_text(text + hook + "\n")
    open_shop.configure(min_requests="10", soak='"1s"')
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x", *ALONE).returncode == 0
    server.shutdown()
    server.server_close()
    assert [key.rpartition("/")[2] for key, _ in heard] == ["starting", "deploying", "ended"]
    assert json.loads(heard[0][1])["subject"].startswith("🚨 HOTFIX ALERT")


def _listener():
    from http.server import BaseHTTPRequestHandler, HTTPServer

    heard = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["Idempotency-Key"], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return heard, server


def test_init_reads_what_the_repository_shows(shop):
    """The branch there is, the test runner that is used, and where it cannot deploy yet."""
    (shop.path / "pitstop.toml").unlink()
    shop.git("branch", "-m", "main", "trunk")
    shop.git("remote", "remove", "origin")
    (shop.path / "railway.toml").write_text("[deploy]\n")
    for dependency, row in (
        ("vitest", 'targeted = "npx vitest related --run {files}"'),
        ("jest", 'targeted = "npx jest --findRelatedTests {files}"'),
        ("mocha", 'targeted = "npx mocha {tests}"'),
    ):
        package = {"scripts": {"test": dependency, "start": "node ."}}
        (shop.path / "package.json").write_text(json.dumps(package))
        done = shop.pitstop("init", "--yes")
        text = (shop.path / "pitstop.toml").read_text()
        assert done.returncode == 0
        assert row in text
        assert 'main = "trunk"' in text
        assert 'start = "npm start"' in text
        assert "Railway (railway.toml): what was written is for this machine" in done.stdout
        assert shop.pitstop("plan").returncode == 0


def test_init_writes_a_file_that_loads_and_never_overwrites_unasked(shop):
    """What it sees: main branch, start command, health route."""
    (shop.path / "pitstop.toml").unlink()
    assert shop.pitstop("init").returncode == 0
    assert shop.pitstop("plan").returncode == 0
    text = (shop.path / "pitstop.toml").read_text()
    assert 'start = "python3 app.py"' in text
    assert 'health = "/health"' in text
    assert shop.pitstop("init").returncode == 2
    assert shop.pitstop("init", "--yes").returncode == 0


def test_doctor_names_what_is_missing_and_changes_nothing(open_shop):
    """Each finding with its remedy."""
    before = sorted(p.name for p in (open_shop.path / ".git").iterdir())
    found = json.loads(open_shop.pitstop("doctor", "--json").stdout)
    assert {row["status"] for row in found} <= {"ok", "warning"}
    assert sorted(p.name for p in (open_shop.path / ".git").iterdir()) == before


def test_down_is_refused_during_a_run(open_shop, customers):
    """Nobody takes production away under a hotfix."""
    open_shop.configure(min_requests="1000000", deadline='"20s"')
    open_shop.start()
    open_shop.fix()
    open_shop.pitstop("ship", "--fix", "x", *ALONE, "--detach")
    deadline = time.monotonic() + 60
    while not open_shop.status()["deployment"] and time.monotonic() < deadline:
        time.sleep(0.1)
    done = open_shop.pitstop("local", "down")
    assert done.returncode == 1
    assert "under way" in done.stderr
    with urllib.request.urlopen(f"http://127.0.0.1:{open_shop.port}/health") as answer:
        assert answer.status == 200
    assert open_shop.pitstop("rollback", "--reason", "enough").returncode == 0
    assert open_shop.status("check")["outcome"] == "rolled_back"


def test_an_app_that_dies_after_the_switch_is_rolled_back(open_shop, customers):
    """Supervised restarts do not hide a release that cannot live."""
    open_shop.configure(min_requests="1000000", deadline='"60s"')
    open_shop.start()
    source = Path(open_shop.status()["worktree"]) / "app.py"
    head, mark, tail = source.read_text().partition('\nif __name__ == "__main__":\n')
    broken = '    if os.path.exists("died"):\n        raise SystemExit(1)\n    open("died", "w").close()\n'
    timer = "    import threading\n    threading.Timer(4, lambda: os._exit(1)).start()\n"
    source.write_text(head + mark + broken + timer + tail)

    done = open_shop.pitstop("ship", "--fix", "x", *ALONE)

    assert done.returncode == 3, done.stdout + done.stderr
    state = open_shop.status("check")
    assert state["outcome"] == "rolled_back"
    with urllib.request.urlopen(f"http://127.0.0.1:{open_shop.port}/health") as answer:
        assert answer.status == 200


def test_what_a_check_or_a_guard_refused_is_mended_and_shipped_again(open_shop, customers):
    """The same hotfix: its clock, its worktree, its record, and what people said of the same tree."""
    open_shop.configure(smoke='"test -f mended"')
    open_shop.start()
    open_shop.fix()
    failed = open_shop.pitstop("ship", "--fix", "x")
    assert failed.returncode == 1
    assert "pitstop ship checkout-answers-500 --fix TEXT" in failed.stderr
    assert open_shop.pitstop("ship").returncode == 1, "nothing new was said"
    worktree = Path(open_shop.status("checkout")["worktree"])
    (worktree / "mended").write_text("yes\n")
    (worktree / "requirements.txt").write_text("left-pad\n")

    declined = open_shop.pitstop("ship", "checkout", "--fix", "y", *ALONE)
    assert declined.returncode == 4, declined.stdout + declined.stderr
    assert "dependencies: requirements.txt" in declined.stderr
    assert "--override dependencies --because TEXT" in declined.stderr
    assert open_shop.status("checkout")["outcome"] == "declined"

    why = ("--because", "the list of dependencies was missing altogether")
    shipped = open_shop.pitstop("ship", "checkout", "--override", "dependencies", *why)
    assert shipped.returncode == 0, shipped.stdout + shipped.stderr
    state = open_shop.status("checkout")
    assert (state["outcome"], state["attempt"], state["fix"]) == ("fixed", 3, "y")
    assert [check["verdict"] for check in state["checks"]][-1] == "pass"
    owed = {task["title"] for task in state["followups"]}
    assert {"review the override of approval", "review the override of dependencies"} <= owed
    assert open_shop.pitstop("log", "checkout", "--verify").returncode == 0


@pytest.mark.parametrize("reason", ["", "  ", "emergency", "just override it please", "n/a"])
def test_a_reason_that_fits_everything_is_no_reason(open_shop, reason):
    """It is read afterwards, by somebody who asks why."""
    open_shop.start()
    open_shop.fix()
    done = open_shop.pitstop("ship", "--fix", "x", "--override", "scope", "--because", reason)
    assert done.returncode == 2
    assert "--because must say why" in done.stderr
    assert open_shop.status()["waiting_for"] == "fix"


def test_an_owed_merge_stays_visible_and_resume_pays_it(open_shop, customers):
    """Production is fixed at once; main gets it when it may, also after the run has ended."""
    hook = Path(open_shop.git("remote", "get-url", "origin")) / "hooks" / "pre-receive"
    hook.write_text(
        '#!/bin/sh\nwhile read o n ref; do [ "$ref" = refs/heads/main ] && exit 1; done\nexit 0\n'
    )
    hook.chmod(0o755)
    open_shop.start()
    open_shop.fix()
    done = open_shop.pitstop("ship", "--fix", "x", *ALONE, "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OWED: main is protected" in done.stdout
    still = open_shop.pitstop("resume", "checkout")
    assert still.returncode == 0
    assert "OWED" in still.stdout
    hook.unlink()

    paid = open_shop.pitstop("resume", "checkout")

    assert (paid.returncode, "OWED" in paid.stdout) == (0, False), paid.stdout + paid.stderr
    state = open_shop.status("checkout")
    assert (
        state["merged"]["main"]
        == open_shop.git("ls-remote", "origin", "refs/heads/main").split()[0]
    )
    assert not [task for task in state["followups"] if task["title"].startswith("merge")]
    assert not Path(state["worktree"]).exists()
    assert open_shop.git("ls-remote", "origin", "refs/heads/hotfix/*") == ""
    assert open_shop.pitstop("log", "checkout", "--verify").returncode == 0
