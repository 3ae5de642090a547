"""A small platform made of shell scripts, with a real web server, and the adapter that drives it."""

from __future__ import annotations

import atexit
import functools
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from contracts.platforms import LoseableFence, RealClock, a_free_port, ask, until
from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands
from pitstop.adapters.platforms.shell import ShellPlatform, ShellSettings, shell
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Deployment, Release

RUNNER = Runner()

PAAS = r"""#!/bin/sh
# A folder for each release; `live` names the one that users get; a web server shows both.
set -eu
home=$(cd "$(dirname "$0")" && pwd)
verb=$1
echo "$verb" >> "$home/asked"
[ ! -e "$home/silent" ] || exit 75
tell() { printf '{"id": "%s", "commit": "%s"}\n' "$1" "$(cat "$home/releases/$1/commit")"; }
live() { basename "$(readlink "$home/live")"; }
bring() {
    id=${PITSTOP_DEPLOYMENT:-d$(($(ls "$home/releases" | wc -l) + 1))}
    if [ ! -d "$home/releases/$id" ]; then
        sh ./check
        cp -R . "$home/new"
        printf %s "$PITSTOP_COMMIT" > "$home/new/commit"
        mv "$home/new" "$home/releases/$id"
    fi
}
switch() {
    [ -d "$home/releases/$1" ] || { echo "$1 is gone"; exit 1; }
    ln -s "releases/$1" "$home/next"
    mv -T "$home/next" "$home/live"
    echo "$1" >> "$home/switches"
}
case $verb in
    current) if [ -e "$home/live" ]; then tell "$(live)"; else echo none; fi ;;
    list) for id in $(ls "$home/releases" | sort -rV); do tell "$id"; done ;;
    deploy) bring; switch "$id" ;;
    rollback) switch "$PITSTOP_DEPLOYMENT" ;;
    stage) bring; echo "$id $URL/releases/$id" ;;
    discard) rm -rf "$home/releases/${PITSTOP_DEPLOYMENT:-none}" ;;
    health)
        of=live
        [ -z "${PITSTOP_DEPLOYMENT:-}" ] || of=releases/$PITSTOP_DEPLOYMENT
        [ -e "$home/$of/commit" ] && echo "$of answers" ;;
    logs) echo "log of ${PITSTOP_DEPLOYMENT:-all}" ;;
esac
"""
CHECK = 'case "{commit}" in exits*|sick*) echo "{commit} never became healthy"; exit 1 ;; esac\n'


@functools.cache
def web() -> tuple[Path, int]:
    """Start one web server for all worlds; return its folder and its port."""
    folder, port = Path(tempfile.mkdtemp(prefix="pitstop paas ")).resolve(), a_free_port()
    argv = [sys.executable, "-I", "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    server = subprocess.Popen(
        argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.kill)
    until(lambda: ask(port)[0])
    return folder, port


class QuickClock(RealClock):
    """Real time, but that a pause is over at once: an hour of patience takes no hour."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def now(self) -> Any:
        from datetime import timedelta

        return super().now() + timedelta(seconds=self.ahead)

    def pause(self, seconds: float) -> None:
        self.tick()
        self.ahead += seconds


class ShellWorld:
    """The team's own commands, and a platform that they drive."""

    commands = ("deploy", "current", "list", "rollback", "health", "logs")

    def __init__(self, **settings: Any) -> None:
        served, self.port = web()
        self.home = Path(tempfile.mkdtemp(dir=served, prefix="p"))
        self.url = f"http://127.0.0.1:{self.port}/{self.home.name}"
        self.state = Path(tempfile.mkdtemp(prefix="pit stop 🔧 100% [x] ")).resolve()
        self.repository = self.state / "the repository"
        for folder in (self.home / "releases", self.repository, self.state / "output"):
            folder.mkdir()
        self.paas = self.home / "paas"
        self.paas.write_text(PAAS)
        self.paas.chmod(0o755)
        self.fence, self.clock, self.secrets = LoseableFence(), QuickClock(), ()
        self.trees: dict[str, str] = {}
        self.settings: dict[str, Any] = {name: self.command(name) for name in self.commands}
        self.settings |= {"env": {"URL": self.url}} | settings
        self.settings = {k: v for k, v in self.settings.items() if v is not None}
        self.platform: Any = self.new()
        self.run("first", "deploy")

    def command(self, verb: str) -> str:
        """Return how the team calls its platform."""
        return f"{shlex.quote(str(self.paas))} {verb}"

    def run(self, commit: str, verb: str) -> None:
        """Let the team do something without pitstop."""
        tree = self.state / "by hand"
        self.export(commit, tree)
        env = {"PATH": "/usr/bin:/bin", "PITSTOP_COMMIT": commit}
        subprocess.run(["sh", "-c", self.command(verb)], cwd=tree, env=env, check=True)
        shutil.rmtree(tree)

    def new(self, **settings: Any) -> ShellPlatform:
        """Return the platform as another process would see it."""
        given = {k: v for k, v in (self.settings | settings).items() if v is not None}
        return shell(ShellSettings.model_validate(given), self.tools())

    def tools(self) -> Tools:
        return Tools(
            service="shop",
            repository=self.repository,
            home=self.state / "home",
            checkouts=self.state / "checkouts",
            export=self.export,
            commit=self.commit,
            runner=RUNNER,
            commands=ShellCommands(RUNNER, self.state / "output", self.secrets),
            secrets=self.secrets,
            fence=self.fence,
            clock=self.clock,
        )

    def export(self, commit: str, folder: Path) -> str:
        folder.mkdir(parents=True)
        (folder / "check").write_text(CHECK.format(commit=commit))
        return f"tree of {commit}"

    def commit(self, commit: str) -> tuple[str, str] | None:
        return None if commit.startswith("unknown") else (commit, f"tree of {commit}")

    def release(self, commit: str, key: str | None = None) -> Release:
        return Release(key or f"run of {commit}", commit, f"tree of {commit}")

    def served(self) -> str:
        status, body = ask(self.port, f"/{self.home.name}/live/commit")
        return body if status == 200 else ""

    def take_over(self) -> None:
        self.fence.lost = True

    def lose_files(self, deployment: Deployment) -> None:
        shutil.rmtree(self.home / "releases" / deployment.id)

    def silence(self) -> None:
        (self.home / "silent").touch()

    def asked(self, verb: str) -> int:
        """Return how often the platform was told something."""
        return (self.home / "asked").read_text().splitlines().count(verb)

    def end(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)


class StagingShellWorld(ShellWorld):
    """The same, where the team can run a release without users."""

    commands = (*ShellWorld.commands, "stage", "discard")
