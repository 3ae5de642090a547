"""Bad input gets: what happened, what production is like now, what to type; and nothing is lost."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from pitstop import messages
from pitstop.demo.customers import Customers


def test_not_a_repository_is_usage(shop, tmp_path):
    """Somewhere else, nothing is done."""
    done = shop.pitstop("status", "-C", str(tmp_path))
    assert done.returncode == 2
    assert "is not in a git repository" in done.stderr


def test_no_remote_is_usage_and_declares_nothing(shop):
    """Without a remote nobody else would see the hotfix."""
    shop.git("remote", "remove", "origin")
    done = shop.start()
    assert done.returncode == 2
    assert "git remote add origin" in done.stderr
    assert shop.pitstop("list", "--json").stdout.strip() == "[]"


def test_no_configuration_names_init(shop):
    """The first thing a new user meets."""
    (shop.path / "pitstop.toml").unlink()
    done = shop.start()
    assert done.returncode == 2
    assert "pitstop init" in done.stderr


def test_every_mistake_in_the_configuration_is_said_at_once_with_its_line(shop):
    """One round trip, not five."""
    wrong = '[service]\nname = "a b"\nhue = 1\n[platform]\nuse = "lokal"\n[gate]\nsoak = 30\n'
    (shop.path / "pitstop.toml").write_text(wrong)
    done = shop.pitstop("plan")
    assert done.returncode == 2
    said = done.stderr.splitlines()
    assert [row.split(": ")[0] for row in said] == [f"pitstop.toml:{n}" for n in (2, 3, 5, 7)]
    assert "'local'" in done.stderr


@pytest.mark.parametrize("name", ["a..b", "a.lock", ".a", "a-", "x" * 101, "a/b", ""])
def test_a_service_is_called_what_git_can_hold(shop, name):
    """Its claim is a ref of that name: better said now than in the middle of a start."""
    toml = shop.path / "pitstop.toml"
    toml.write_text(toml.read_text().replace('name = "shop"', f'name = "{name}"'))
    done = shop.pitstop("plan")
    assert done.returncode == 2
    assert "use letters and digits" in done.stderr


def test_doctor_says_mistakes_in_the_configuration_among_its_findings(shop):
    """Also as JSON; and which programs of all commands are missing."""
    toml = shop.path / "pitstop.toml"
    good = toml.read_text()
    toml.write_text(good + "\n[slo]\nbudget = 1\n")
    done = shop.pitstop("doctor", "--json")
    found = {row["name"]: row for row in json.loads(done.stdout)}
    assert (done.returncode, found["configuration"]["status"]) == (2, "failed")
    assert "slo.budget" in found["configuration"]["said"]
    toml.write_text(good)
    shop.configure(start='"A=1 no-such-server --port $PORT"')
    done = shop.pitstop("doctor")
    assert done.returncode == 1
    assert "no-such-server is not installed" in done.stdout


def test_doctor_changes_nothing(open_shop):
    """It says that supervisord is gone, and does not bring it back."""
    pid = int((open_shop.path / ".git/pitstop/services/shop/local/run/supervisord.pid").read_text())
    os.kill(pid, 9)
    done = open_shop.pitstop("doctor")
    assert done.returncode == 0, done.stdout
    assert "supervisord is gone" in done.stdout
    status = json.loads(open_shop.pitstop("local", "status", "--json").stdout)
    assert (status["proxy"], status["supervisor"]) == (True, False)


def test_words_that_are_no_text_are_written_down_all_the_same(open_shop):
    """A terminal in another encoding is no reason to refuse somebody at 3 a.m."""
    title = os.fsdecode(b"Caf\xe9 answers 500")
    assert open_shop.start(title).returncode == 0
    assert open_shop.status()["title"] == "Caf\ufffd answers 500"
    assert open_shop.pitstop("note", os.fsdecode(b"\xff")).returncode == 0


def test_a_note_goes_to_the_run_that_is_meant(open_shop):
    """An id and a text; words without quotes are one text."""
    open_shop.start("Fix thing")
    for words in (
        ["fix-thing", "one"],
        ["fix", "two"],
        ["fix", "is", "deployed"],
        ["four words it is"],
    ):
        assert open_shop.pitstop("note", *words).returncode == 0
    notes = [note["text"] for note in open_shop.status()["notes"]]
    assert notes == ["one", "two", "fix is deployed", "four words it is"]


def test_two_evidence_files_of_one_name_are_both_kept(open_shop):
    """Nothing is overwritten."""
    open_shop.start()
    open_shop.fix()
    for folder in ("a", "b"):
        (open_shop.folder / folder).mkdir()
        (open_shop.folder / folder / "seen.txt").write_text(folder)
    words = [w for f in "ab" for w in ("--evidence", f"@{open_shop.folder}/{f}/seen.txt")]
    open_shop.pitstop("ship", "--fix", "x", "--detach", *words)
    kept = open_shop.path / ".git/pitstop/runs/checkout-answers-500/evidence"
    assert [path.read_text() for path in sorted(kept.iterdir())] == ["a", "b"]


def test_a_log_is_read_although_other_runs_are_broken(open_shop):
    """Neither a run without a line nor a damaged one stands in the way."""
    open_shop.start()
    open_shop.pitstop("abort", "--reason", "enough")
    runs = open_shop.path / ".git/pitstop/runs"
    for name, content in (("empty", b""), ("broken", b"garbage")):
        (runs / name).mkdir()
        (runs / name / "run.db").write_bytes(content)
    done = open_shop.pitstop("log")
    assert (done.returncode, "enough" in done.stdout) == (0, True), done.stderr
    verified = json.loads(open_shop.pitstop("log", "--verify", "--json").stdout)
    assert (verified["run"], verified["holds"]) == ("checkout-answers-500", True)
    shutil.rmtree(runs / "broken")


def test_options_before_the_command_are_taken_in_every_spelling(shop):
    """As with git."""
    toml = shop.path / "pitstop.toml"
    assert shop.pitstop(f"--config={toml}", "list").returncode == 0
    assert shop.pitstop("--no-color", "list").returncode == 0
    assert "usage: pitstop" in shop.pitstop("--no-color").stdout


def test_a_mistake_in_the_platforms_own_table_is_said_with_the_others(shop):
    """The provider's keys are no second-class keys."""
    toml = shop.path / "pitstop.toml"
    text = toml.read_text().replace("health =", "helth =")
    toml.write_text(text + "\n[slo]\nbudget = 1\n")
    done = shop.pitstop("plan")
    assert "platform.helth: unknown key" in done.stderr
    assert "slo.budget" in done.stderr


def test_an_unreachable_remote_is_said_and_nothing_is_declared(open_shop):
    """Unknown is not success."""
    (open_shop.folder / "remote.git").rename(open_shop.folder / "gone.git")
    done = open_shop.start()
    (open_shop.folder / "gone.git").rename(open_shop.folder / "remote.git")
    assert done.returncode == 1
    assert "Production is unchanged" in done.stderr
    assert open_shop.pitstop("list", "--json").stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("; rm -rf / #", "rm-rf"),
        ("../../etc/passwd", "etc-passwd"),
        ("🚨🔥", "hotfix"),
        ("x" * 500, "x" * 40),
        ("$(touch pwned) `id`", "touch-pwned-id"),
        ("-n --help\nSecond line", "n-help-second-line"),
    ],
)
def test_hostile_titles_become_harmless_names(title, slug):
    """What people type never becomes a path or a command."""
    assert messages.slug(title) == slug


def test_a_hostile_title_goes_through_a_whole_start(open_shop):
    """Branch, folder and record take it as text."""
    title = "; rm -rf / $(touch pwned) ../../x 🚨 " + "y" * 500
    done = open_shop.start(title)
    assert done.returncode == 0, done.stderr
    assert open_shop.status()["title"] == title
    assert not (open_shop.path / "pwned").exists()


def test_nothing_in_service_declines_with_the_way_up(shop):
    """There is no production to fix yet."""
    done = shop.start()
    assert done.returncode == 1
    assert "pitstop local up" in done.stderr


def test_a_missing_tool_fails_the_check_with_production_unchanged(open_shop):
    """The shell's own words reach the person."""
    open_shop.configure(smoke='"no-such-tool --now"')
    open_shop.start()
    open_shop.fix()
    done = open_shop.pitstop("ship", "--fix", "x")
    assert done.returncode == 1
    assert "no-such-tool" in done.stderr
    assert "Production is unchanged" in done.stderr


def test_an_app_that_never_becomes_healthy_leaves_users_where_they_are(open_shop):
    """The new release is stopped, the old one never noticed."""
    open_shop.configure(ready_within='"2s"', targeted='""', smoke='"true"')
    open_shop.start()
    worktree = Path(open_shop.status()["worktree"])
    (worktree / "app.py").write_text("raise SystemExit('cannot start')\n")
    done = open_shop.pitstop("ship", "--fix", "x", "--override", "approval", "--because", "alone")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Start the new release without users" in done.stdout
    assert "exited 2 times before it was healthy" in done.stderr
    assert "cannot start" in done.stderr
    assert "Users were not moved" in done.stderr
    assert open_shop.status("check")["outcome"] == "failed"


def test_an_empty_change_is_declined_and_the_run_stays_open(open_shop):
    """A file that was not saved is no reason to start again."""
    open_shop.start()
    done = open_shop.pitstop("ship", "--fix", "x")
    assert done.returncode == 4
    assert "nothing to ship" in done.stderr
    assert open_shop.status()["waiting_for"] == "fix"


def test_ship_without_fix_names_the_flag(open_shop):
    """No terminal, no prompt: a missing answer is an error that names the flag."""
    open_shop.start()
    open_shop.fix()
    done = open_shop.pitstop("ship")
    assert done.returncode == 2
    assert "--fix" in done.stderr


def test_resume_before_ship_names_ship(open_shop):
    """There is nothing to resume yet."""
    open_shop.start()
    done = open_shop.pitstop("resume")
    assert done.returncode == 2
    assert "pitstop ship" in done.stderr


def test_overrides_need_a_reason_each(open_shop):
    """A reason is read afterwards."""
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x", "--override", "approval").returncode == 2
    words = ("--override", "approval", "--because", " ")
    assert open_shop.pitstop("ship", "--fix", "x", *words).returncode == 2


def test_approve_when_nothing_waits_is_usage(open_shop):
    """A yes to nothing is not recorded."""
    open_shop.start()
    assert open_shop.pitstop("approve", "--as", "G <g@x>").returncode == 2


def test_rollback_before_a_deploy_names_abort(open_shop):
    """There is nothing to return from."""
    open_shop.start()
    done = open_shop.pitstop("rollback", "--reason", "x")
    assert done.returncode == 2
    assert "pitstop abort" in done.stderr


def test_an_unknown_or_ambiguous_id_is_usage(open_shop):
    """Names are matched by unique prefix, never guessed."""
    open_shop.start("Checkout one")
    open_shop.start("Checkout two")
    assert open_shop.pitstop("status", "checkout").returncode == 2
    assert open_shop.pitstop("status", "nope").returncode == 2
    assert open_shop.pitstop("status").returncode == 2
    assert open_shop.pitstop("status", "checkout-t").returncode == 0


def test_a_damaged_journal_is_said_and_the_others_go_on(open_shop):
    """One broken file does not stop an emergency."""
    open_shop.start("Broken one")
    broken = open_shop.path / ".git/pitstop/runs/broken-one/run.db"
    kept = broken.read_bytes()
    for extra in ("run.db-wal", "run.db-shm"):
        broken.with_name(extra).unlink(missing_ok=True)
    broken.write_bytes(b"garbage")

    assert open_shop.start("Another").returncode == 0
    done = open_shop.pitstop("status", "broken-one")
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert broken.read_bytes() == b"garbage", "it is evidence"
    broken.write_bytes(kept)


def test_a_locked_journal_is_said_in_words(open_shop):
    """Another program holds the file: nothing is lost, nothing is done."""
    open_shop.start()
    path = open_shop.path / ".git/pitstop/runs/checkout-answers-500/run.db"
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = open_shop.pitstop("note", "hello there")
        other.rollback()
    other.close()
    assert done.returncode == 1
    assert "locked" in done.stderr
    assert open_shop.pitstop("note", "hello there").returncode == 0


def test_a_run_opened_by_another_version_stops_in_words(open_shop):
    """A finished step that this version does not know is not stepped over."""
    open_shop.start()
    open_shop.fix()
    code = (
        "import sys; from pitstop.journal.store import Journal; "
        "Journal(sys.argv[1], 'checkout-answers-500').append('finished', {'value': 1}, by='a <a@x>',"
        " step='old.step', once='finished:old.step')"
    )
    path = open_shop.path / ".git/pitstop/runs/checkout-answers-500/run.db"
    subprocess.run([shutil.which("python3") and os.sys.executable, "-c", code, path], check=True)

    done = open_shop.pitstop("ship", "--fix", "x")

    assert done.returncode == 1
    assert "old.step" in done.stdout + done.stderr
    worktree = Path(open_shop.status()["worktree"])
    assert open_shop.pitstop("abort", "--reason", "too old").returncode == 0
    assert not worktree.exists()
    assert open_shop.status("check")["outcome"] == "aborted"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_ends_the_run_in_order(shop):
    """There is room kept back to write down how it ended."""
    state = shop.folder / "state"
    state.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", state], check=False)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    shop.env["PITSTOP_STATE"] = str(state)
    try:
        assert shop.pitstop("local", "up").returncode == 0
        shop.start()
        shop.fix()
        with (state / "fill").open("wb") as fill:
            free = shutil.disk_usage(state).free
            fill.write(b"0" * (free - 60_000))
        done = shop.pitstop("ship", "--fix", "x", "--override", "approval", "--because", "alone")
        assert done.returncode == 1
        (state / "fill").unlink()
        found = shop.status("check")
        assert [found["outcome"], found["deployment"]] == ["errored", None]
        assert "disk is full" in found["reason"]
        assert shop.pitstop("log", "check", "--verify").returncode == 0
    finally:
        (state / "fill").unlink(missing_ok=True)
        shop.pitstop("local", "down")
        subprocess.run(["umount", "-l", state], check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_rollback_is_not_stopped_by_a_full_disk(shop):
    """There is room kept back for it, and nothing half-made is left behind."""
    state = shop.folder / "state"
    state.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", state]).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    shop.env["PITSTOP_STATE"] = str(state)
    crowd = Customers(shop.port)
    alone = ("--override", "approval", "--because", "alone")
    try:
        assert shop.pitstop("local", "up").returncode == 0
        crowd.start()
        shop.configure(min_requests="10", soak='"1s"', unacceptable_rate="0.2")
        path = shop.path / "pitstop.toml"
        path.write_text(path.read_text().replace('duration = "6s"', 'duration = "90s"'))
        shop.start()
        shop.fix()
        assert shop.pitstop("ship", "--fix", "x", *alone).returncode == 0
        os.kill(shop.status("check")["process"]["pid"], 9)
        with (state / "fill").open("wb", buffering=0) as fill, contextlib.suppress(OSError):
            while True:
                fill.write(b"0" * 4096)
        assert shutil.disk_usage(state).free == 0

        done = shop.pitstop("rollback", "check", "--reason", "all is full")

        assert done.returncode == 0, done.stdout + done.stderr
        (state / "fill").unlink()
        shop.pitstop("resume", "check", "--wait")
        assert shop.status("check")["outcome"] == "rolled_back"
        assert shop.pitstop("list").stderr == ""
        assert shop.pitstop("log", "check", "--verify").returncode == 0
        live = json.loads(shop.pitstop("local", "status", "--json").stdout)["live"]
        assert (live, crowd.lost) == ("d1", 0)
    finally:
        crowd.stop()
        (state / "fill").unlink(missing_ok=True)
        down = shop.pitstop("local", "down")
        subprocess.run(["umount", "-l", state], check=False)
    assert down.returncode == 0, down.stderr
    assert shop.end_what_is_left() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a read-only disk needs root")
def test_a_read_only_state_folder_is_said_in_words(open_shop):
    """What cannot be written is not begun; what is there can still be read, and users are served."""
    open_shop.start("Before")
    open_shop.fix()
    state = open_shop.path / ".git/pitstop"
    mounted = [
        subprocess.run(["mount", *words, state], capture_output=True).returncode
        for words in (["--bind", state], ["-o", "remount,bind,ro"])
    ]
    if any(mounted):
        pytest.skip("this machine lets nobody mount")
    try:
        started, shipped = open_shop.start("After"), open_shop.pitstop("ship", "--fix", "x")
        listed = open_shop.pitstop("list")
        doctor = open_shop.pitstop("doctor")
    finally:
        subprocess.run(["umount", "-l", state], check=True)
    for said in (started, shipped):
        assert said.returncode == 1
        assert "Read-only file system" in said.stderr or "readonly" in said.stderr
        assert "This command went no further" in said.stderr
    assert (listed.returncode, "before" in listed.stdout) == (0, True)
    assert doctor.returncode == 1
    assert "PITSTOP_STATE" in doctor.stdout
    assert open_shop.status()["id"] == "before"


def test_an_unknown_deployment_is_usage_and_lists_what_is_kept(open_shop):
    """A typo announces nothing."""
    done = open_shop.pitstop("rollback", "--service", "shop", "--to", "d99", "--reason", "x")
    assert done.returncode == 2
    assert "Use one of: d1" in done.stderr
    assert open_shop.pitstop("rollback", "--to", "d1", "--reason", " ").returncode == 2


def test_a_rollback_is_refused_to_nobody(open_shop):
    """Without a git identity the login name is recorded."""
    open_shop.git("config", "--unset", "user.email")
    open_shop.env |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = open_shop.pitstop("rollback", "--service", "shop", "--to", "d1", "--reason", "x")
    assert done.returncode == 0, done.stderr
    open_shop.git("config", "user.email", "ada@shop.example")


def test_a_command_from_a_folder_that_is_gone_finds_the_repository(open_shop):
    """A merged hotfix's worktree was removed under the person who stands in it."""
    open_shop.start()
    worktree = open_shop.status()["worktree"]
    words = f"cd {worktree} && rm -r {worktree} && {os.sys.executable} -m pitstop list"
    done = subprocess.run(["bash", "-c", words], env=open_shop.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "checkout-answers-500" in done.stdout
