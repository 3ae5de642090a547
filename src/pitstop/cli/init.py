"""``pitstop init``: write an annotated pitstop.toml from what the repository shows."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pitstop.cli import common
from pitstop.engine.place import FILE

_TEMPLATE = """\
# pitstop: how an emergency fix to this service is shipped. All keys: docs/configuration.md

[service]
name = {name}
main = {main}                   # the branch that is normally deployed
remote = {remote}

[platform]
use = "local"                   # the service as processes behind a proxy on this machine
start = {start}        # any command that listens on $PORT
health = {health}              # answers 2xx when the service is well
listen = "127.0.0.1:8080"       # where users reach it
# build = "make"                # runs once in each fresh checkout

[checks]
{setup}{targeted}smoke = {smoke}

[approval]
required = true                 # by another person than the author
# within = "10m"                # else by severity: P1 5m, P2 10m, P3 30m

[gate]
baseline = "30m"                # how much traffic before the deploy is used, at most
warmup = "30s"
soak = "30s"                    # no pass earlier
deadline = "10m"                # then: cannot tell
min_requests = 50               # fewer are no evidence

[watch]
duration = "30m"                # a late regression returns production

[slo]
budget = "30m"                  # declared to verified in production

# [audiences.team]              # who is told, once each: before, during, after
# file = "announcements.log"
# webhook = {{ env = "TEAM_WEBHOOK" }}
"""

_TARGETED = "targeted = {}   # {{tests}}: the test files that belong to the change"
_ELSEWHERE = {
    "railway.toml": "Railway",
    "railway.json": "Railway",
    "k8s": "Kubernetes",
    "kustomization.yaml": "Kubernetes",
    "Chart.yaml": "Kubernetes",
}


def init(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop init``."""
    parser.description = "Write pitstop.toml from what the repository shows."
    parser.epilog = "example:\n  pitstop init"
    parser.add_argument("--yes", action="store_true", help="overwrite what is there")
    return run_init


COMMANDS = {"init": init}


def run_init(args: argparse.Namespace) -> int:
    """Write the file; what is there is only overwritten when somebody says so."""
    here = common.place(args)
    target = Path(args.config) if args.config else here.top / FILE
    if target.exists() and not args.yes:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise common.Usage(f"{target} is there already. Overwrite it: pitstop init --yes")
        if input(f"{target} is there already. Overwrite it? [y/N] ").strip().lower() != "y":
            print("Nothing was changed.")
            return 0
    target.write_text(_TEMPLATE.format(**_seen(here.top)), encoding="utf-8")
    print(f"Wrote {target}. Look at it, then: pitstop doctor")
    for name in sorted({what for path, what in _ELSEWHERE.items() if (here.top / path).exists()}):
        print(
            f"This service seems to run on {name}, to which this version does not deploy: what was "
            "written is for this machine."
        )
    return 0


def _seen(top: Path) -> dict[str, str]:
    """Return the template's values, quoted for TOML."""
    from pitstop.config import service_name

    node = _package(top)
    python = [
        path for path in ("pyproject.toml", "requirements.txt", "setup.py") if (top / path).exists()
    ]
    setup = ""
    targeted, smoke = "python3 -m pytest -q {tests}", "python3 -m pytest -q tests"
    if node:
        targeted, smoke = _node_tests(node), "npm test"
        setup = 'setup = "npm ci"\n'
    elif "requirements.txt" in python:
        setup = 'setup = "python3 -m pip install -q -r requirements.txt"\n'
    values = {
        "name": service_name(top.name),
        "main": _main(top),
        "remote": _remote(top),
        "start": _start(top, node),
        "health": _health(top),
        "smoke": smoke,
    }
    rows = {"setup": setup, "targeted": f"{_TARGETED.format(json.dumps(targeted))}\n"}
    rows["targeted"] = rows["targeted"] if targeted else ""
    return {name: json.dumps(value) for name, value in values.items()} | rows


def _node_tests(node: dict[str, Any]) -> str:
    """Return the command that runs single test files; empty where the runner is not known."""
    seen = json.dumps([node.get(name) for name in ("scripts", "dependencies", "devDependencies")])
    if "vitest" in seen:
        return "npx vitest run {tests}"
    return "npx jest {tests}" if "jest" in seen else ""


def _package(top: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((top / "package.json").read_text())
    except (OSError, ValueError):
        return None
    return found


def _git(top: Path, *words: str) -> str:
    from pitstop.adapters._run import Runner

    return Runner().run(["git", "-C", top, *words], within=10).text


def _remote(top: Path) -> str:
    remotes = _git(top, "remote").split()
    return "origin" if "origin" in remotes or not remotes else remotes[0]


def _main(top: Path) -> str:
    head = _git(top, "symbolic-ref", "--quiet", "--short", f"refs/remotes/{_remote(top)}/HEAD")
    if head:
        return head.partition("/")[2]
    known = _git(top, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    usual = next((name for name in ("main", "master", "production") if name in known), None)
    return usual or _git(top, "symbolic-ref", "--quiet", "--short", "HEAD") or "main"


def _start(top: Path, node: dict[str, Any] | None) -> str:
    procfile = top / "Procfile"
    if procfile.exists():
        web = re.search(r"^web:\s*(.+)$", procfile.read_text(errors="replace"), re.MULTILINE)
        if web:
            return web[1].strip()
    if node and "start" in node.get("scripts", {}):
        return "npm start"
    name = next((n for n in ("app.py", "main.py", "server.py") if (top / n).exists()), "app.py")
    return f"python3 {name}"


def _health(top: Path) -> str:
    """Return the first health route that some source file in the top folders mentions."""
    files = [
        path
        for pattern in ("*.py", "*.js", "*.ts", "*/*.py", "*/*.js")
        for path in top.glob(pattern)
    ]
    for path in files[:300]:
        if path.is_file() and path.stat().st_size < 500_000:
            found = re.search(
                r"[\"'](/(?:healthz?|readyz|livez|status|ping))[\"']",
                path.read_text(errors="replace"),
            )
            if found:
                return found[1]
    return "/health"
