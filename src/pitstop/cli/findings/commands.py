"""The team's commands: is there something to run, and are the programs there that run it."""

from __future__ import annotations

import itertools
import os.path
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from pitstop.adapters._run import Runner
from pitstop.cli.detect import node, others
from pitstop.cli.detect.tree import Tree, table
from pitstop.config import Settings
from pitstop.domain.change import Finding

_BUILT_IN = {"cd", "exec", "export", "set", "source", ".", "test", "eval", "if", "for", "while"}
_CHECKS = ("setup", "targeted", "smoke")
# what acts: the platform's own findings try what only looks
_ACTS = ("build", "start", "deploy", "rollback", "stage", "discard")
_TEST_FILE = r"(?:.*/)?(?:test_[^/]*\.py|[^/]*_test\.(?:py|go|rb)|[^/]*[._](?:test|spec)\.[^/]+)"
_QUICK = 10.0  # seconds for asking an interpreter whether it has a module


def findings(top: Path, settings: Settings) -> Iterator[Finding]:
    """Yield what would not run, or would prove nothing."""
    tree = Tree(top, Runner())
    yield from _nothing_to_run(settings)
    yield from _tests(tree, settings)
    for name, command in _commands(settings).items():
        words = _words(command)
        if words and not _there(top, words[0]):
            remedy = f"install {words[0]}, or change {name}"
            yield Finding(name, "failed", f"{words[0]} is not installed", remedy)
        elif words:
            yield from _inside(tree, settings, name, words)


def _commands(settings: Settings) -> dict[str, str]:
    found = {f"checks.{name}": getattr(settings.checks, name) for name in _CHECKS}
    extra = settings.platform.model_extra or {}
    found |= {f"platform.{name}": extra.get(name) for name in _ACTS}
    return {name: command for name, command in found.items() if isinstance(command, str)}


def _nothing_to_run(settings: Settings) -> Iterator[Finding]:
    targeted, smoke = settings.checks.targeted, settings.checks.smoke
    if not targeted and not smoke:
        remedy = "set checks.targeted and checks.smoke in pitstop.toml"
        yield Finding("checks", "warning", "no test would run before a deploy", remedy)
    elif not smoke:
        said = "there are no smoke tests: where no test belongs to a change, none would run"
        yield Finding("checks.smoke", "warning", said, "set checks.smoke in pitstop.toml")
    elif not targeted:
        said = "there are no targeted tests: every change runs the smoke tests only"
        yield Finding("checks.targeted", "warning", said, "set checks.targeted in pitstop.toml")


def _tests(tree: Tree, settings: Settings) -> Iterator[Finding]:
    """Yield whether there are test files for what is meant to choose among them."""
    if not re.search(r"\{(?:tests|files)\}", settings.checks.targeted or ""):
        return
    found = len(tree.matching(_TEST_FILE))
    if found:
        yield Finding("tests", "ok", f"{found} test files, to choose those of a change from")
        return
    said = "checks.targeted chooses among test files, and the repository shows none"
    yield Finding("tests", "warning", said, "write a test of what must never break: tests/")


def _inside(tree: Tree, settings: Settings, name: str, words: list[str]) -> Iterator[Finding]:
    """Yield what the program itself will not find: a module, a package, a target."""
    program = os.path.basename(words[0])
    if words[1:2] == ["-m"] and len(words) > 2 and re.match(r"python[\d.]*$", program):
        yield from _module(tree, settings, name, words)
    elif program == "npx" and len(words) > 1:
        yield from _package(tree, name, words[1])
    elif program == "make":
        yield from _target(tree, name, words)


def _module(tree: Tree, settings: Settings, name: str, words: list[str]) -> Iterator[Finding]:
    """Ask the interpreter for a module, where the tests are to run in its own environment."""
    module = words[2].partition(".")[0]
    program = words[0] if "/" not in words[0] else str(tree.top / words[0])
    asked = "import importlib.util as u, sys; sys.exit(u.find_spec(sys.argv[1]) is None)"
    try:
        done = Runner().run([program, "-c", asked, module], folder=tree.top, within=_QUICK)
    except OSError:
        return
    if done.exit_code != 1:
        return
    if settings.checks.setup and name != "checks.setup":
        said = f"{words[0]} has no {module} here; checks.setup has to bring it"
        yield Finding(name, "warning", said, f"see that it does: {settings.checks.setup}")
    else:
        remedy = f"{words[0]} -m pip install {module}, or set checks.setup to what installs it"
        yield Finding(name, "failed", f"{words[0]} has no module {module}", remedy)


def _package(tree: Tree, name: str, package: str) -> Iterator[Finding]:
    """Look for a package where npx looks first, and in what ``npm ci`` would install."""
    file = tree.json(node.FILE)
    named = any(package in table(file, key) for key in ("devDependencies", "dependencies"))
    here = os.path.lexists(tree.top / "node_modules" / ".bin" / package)
    if not (named or here or package.startswith("-")):
        said = f"{package} is not in package.json: npx would fetch it from the network, or hang"
        yield Finding(name, "warning", said, f"npm install --save-dev {package}")


def _target(tree: Tree, name: str, words: list[str]) -> Iterator[Finding]:
    known = others.targets(tree)
    missing = [word for word in words[1:] if re.fullmatch(r"[a-z][\w-]*", word)]
    missing = [word for word in missing if word not in known]
    if "-C" not in words and "-f" not in words and missing:
        said = f"the makefile does not show a target {missing[0]}"
        yield Finding(name, "warning", said, f"try it: make -n {missing[0]}")


def _words(command: str) -> list[str]:
    """Return a simple command's words; none where it takes a shell to tell what is run."""
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    words = list(itertools.dropwhile(lambda word: re.match(r"[A-Za-z_]\w*=", word), words))
    known = words and re.fullmatch(r"[\w./+@~-]+", words[0])
    return words if known and words[0] not in _BUILT_IN else []


def _there(top: Path, program: str) -> bool:
    """Return whether a program is on PATH, or lies in the repository, where it is meant to run."""
    return bool(shutil.which(program)) or ("/" in program and (top / program).exists())
