"""What init writes for repositories of many kinds; the texts are kept in ``written/``."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kinds import KINDS, PASSWORD
from pitstop import bootstrap
from pitstop.adapters._run import Runner
from pitstop.cli.detect import look_through
from pitstop.cli.detect.tree import Tree
from repositories import git, save, write

WRITTEN = Path(__file__).parent / "written"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """An empty repository with a remote; git knows only what stands here."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    top = tmp_path / "shop"
    git(tmp_path, "init", "-q", "-b", "main", str(top))
    git(top, "config", "user.name", "Ada")
    git(top, "config", "user.email", "ada@example.com")
    git(top, "remote", "add", "origin", str(tmp_path / "remote.git"))
    return top


def init(top: Path, *words: str, **how) -> subprocess.CompletedProcess:
    """Run ``pitstop init`` without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "pitstop", "init", *words],
        cwd=top,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        stdin=how.pop("stdin", subprocess.DEVNULL),
        timeout=60,
        **how,
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_written_for_a_repository_of_each_kind(repository, kind):
    """Every value with where it was seen; no password; it loads."""
    save(repository, KINDS[kind], "first")

    done = init(repository)

    text = (repository / "pitstop.toml").read_text()
    assert done.returncode == 0, done.stderr
    if os.environ.get("PITSTOP_WRITE_SNAPSHOTS"):
        (WRITTEN / f"{kind}.toml").write_text(text)
    assert text == (WRITTEN / f"{kind}.toml").read_text()
    assert PASSWORD not in text + done.stdout
    assert bootstrap.load(repository / "pitstop.toml")[0].service.name == "shop"


def test_dry_run_prints_what_would_be_written_and_writes_nothing(repository):
    """What it says besides goes to the other output: the first one is the file."""
    save(repository, KINDS["fastapi"], "first")

    done = init(repository, "--dry-run")

    assert (done.returncode, done.stdout) == (0, (WRITTEN / "fastapi.toml").read_text())
    assert "Fly (fly.toml)" in done.stderr
    assert done.stderr.count('use = "shell" in [platform] (docs/how-to/shell-platform.md)') == 1
    assert not (repository / "pitstop.toml").exists()


def test_on_a_terminal_it_asks_before_it_overwrites(repository):
    """Anything but a yes changes nothing."""
    (repository / "pitstop.toml").write_text("# mine\n")
    for answer, kept in (("n", True), ("", True), ("y", False)):
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            [sys.executable, "-m", "pitstop", "init"],
            cwd=repository,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            timeout=60,
        )
        os.close(theirs)
        os.close(ours)
        assert done.returncode == 0
        assert ((repository / "pitstop.toml").read_text() == "# mine\n") is kept


def test_without_a_terminal_it_needs_a_word(repository):
    """Nothing is overwritten unasked."""
    (repository / "pitstop.toml").write_text("# mine\n")
    done = init(repository)
    assert (done.returncode, (repository / "pitstop.toml").read_text()) == (2, "# mine\n")
    assert "pitstop init --yes" in done.stderr
    assert init(repository, "--yes").returncode == 0
    assert "[service]" in (repository / "pitstop.toml").read_text()


def test_a_schema_beside_the_file_is_named_for_editors(repository):
    """Without one nothing points into the void."""
    assert "#:schema" not in init(repository, "--dry-run").stdout
    (repository / "pitstop.schema.json").write_text("{}")
    assert init(repository, "--dry-run").stdout.startswith("#:schema ./pitstop.schema.json\n")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"package.json": "{oops"}, "package.json cannot be read as JSON"),
        ({"package.json": "[" * 100_000}, "package.json cannot be read as JSON"),
        ({"pyproject.toml": "[tool\n"}, "pyproject.toml cannot be read as TOML"),
        ({"compose.yaml": f"a: [\nb: '{PASSWORD}\n"}, "compose.yaml cannot be read as YAML"),
        ({"Makefile": "#" * 400_000}, "Makefile is larger than 300 kB"),
        ({"package.json": '{"scripts": [1], "dependencies": "x"}'}, ""),
        ({"package.json": '["not", "an", "object"]'}, ""),
        ({"compose.yaml": "services: {web: 1, api: {ports: {a: b}, healthcheck: 7}}"}, ""),
        ({"compose.yaml": "services:\n  web: {ports: [{published: 1}, 7, ':', '']}"}, ""),
        ({"Procfile": b"web: \xff\xfe$PORT \x00", "Dockerfile": b"CMD \x00"}, ""),
        ({"Dockerfile": 'CMD ["broken\nEXPOSE nothing\n'}, ""),
        ({"Dockerfile": "CMD " + "[" * 100_000}, ""),
        ({"Dockerfile": "CMD " + "x" * 100_000}, "Dockerfile:1 is too long to be copied"),
        ({"compose.yaml": "[" * 100_000}, "compose.yaml cannot be read as YAML"),
        ({"requirements.txt": "\n" * 200_000, "pytest.ini": " " * 200_000 + "\n" * 90_000}, ""),
        ({"a\nb/app.py": "app = Flask(__name__)\n", "\u202eapp.py": "/health"}, ""),
        ({"app.py": 'x = "/health"' + "y" * 200_000 + "\n"}, ""),
    ],
)
def test_what_cannot_be_read_is_said_and_left_out(repository, files, said):
    """Broken, huge or binary: a word, and a file that loads all the same."""
    write(repository, files)

    done = init(repository)

    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert PASSWORD not in done.stdout
    bootstrap.load(repository / "pitstop.toml")


def test_no_file_stops_the_look_whatever_it_is(repository, tmp_path):
    """A pipe, a link to a device, out of the repository or in a circle, a name that is no text."""
    secret = tmp_path / "elsewhere"
    secret.write_text("web: steal $PORT\n")
    os.mkfifo(repository / "Makefile")
    (repository / "Procfile").symlink_to(secret)
    (repository / "Dockerfile").symlink_to("/dev/zero")
    (repository / "package.json").symlink_to("package.json")
    (repository / "app").symlink_to(repository)
    os.mkdir(repository / "pyproject.toml")
    with open(os.fsencode(repository) + b"/\xff\nhealth.py", "w") as odd:
        odd.write("@app.get('/health')\n")

    done = init(repository)

    assert done.returncode == 0, done.stderr
    text = (repository / "pitstop.toml").read_text()
    assert "steal" not in text
    assert tomllib.loads(text)["platform"]["health"] == "/health"
    bootstrap.load(repository / "pitstop.toml")


@pytest.mark.parametrize(
    "command",
    [
        f"DATABASE_URL=postgres://shop:{PASSWORD}@db/shop server",
        f"server --password {PASSWORD}",
        f"ADMIN_PASSWORD={PASSWORD} server",
        "API_TOKEN=4f2c1aa9b1d0e24f2c1aa9b1d0e2 server",
        "server --key AKIAABCDEFGHIJKLMNOP",
    ],
)
def test_a_command_that_may_hold_a_password_is_not_copied(repository, command):
    """It is named by its place; the next best one is written."""
    write(repository, {"Procfile": f"web: {command}\n", "Makefile": "run:\n\tserver\n"})

    done = init(repository)

    text = (repository / "pitstop.toml").read_text()
    assert "Procfile:1 holds what may be a password" in done.stdout
    assert PASSWORD not in text + done.stdout
    assert tomllib.loads(text)["platform"]["start"] == "make run"


@pytest.mark.parametrize(
    "command", ["server --token-file /run/secrets/x", "PASSWORD=$PASSWORD server", "tokenize now"]
)
def test_a_command_that_only_names_a_secret_is_copied(repository, command):
    """A variable or a file is not a password."""
    write(repository, {"Procfile": f"web: {command}\n"})
    assert init(repository).returncode == 0
    assert command in (repository / "pitstop.toml").read_text()


def test_fifty_thousand_files_are_looked_at_once(repository):
    """git lists and searches them: nothing is walked or read one by one."""
    save(repository, KINDS["express"], "first")
    blob = git(repository, "hash-object", "-w", "--stdin", give="x = 1\n")
    rows = "".join(f"100644 {blob}\tpkg/d{n % 500}/m{n}.py\n" for n in range(50_000))
    git(repository, "update-index", "--index-info", give=rows)

    calls = []

    class Counted(Runner):
        def run(self, argv, **how):
            calls.append(argv)
            return super().run(argv, **how)

    tree = Tree(repository, Counted())
    read = []
    tree._read = lambda name: read.append(name) or ""

    assert len(tree.names) > 50_000
    look_through(tree)
    assert len(calls) <= 15
    assert len(read) <= 60


def test_a_name_that_git_holds_and_a_claim_does_not_is_replaced_and_said(repository):
    """The branch is called as somebody liked it: the file still loads."""
    save(repository, {"a": "b"}, "first")
    git(repository, "branch", "-m", "main", "#1+")
    assert init(repository).returncode == 0
    text = (repository / "pitstop.toml").read_text()
    assert "#1+ cannot be used as a name here" in text
    assert tomllib.loads(text)["service"]["main"] == "main"
