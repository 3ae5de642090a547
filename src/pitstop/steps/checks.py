"""Prove the change in its worktree, with the team's own commands, before it goes live."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pitstop import messages as say
from pitstop.domain.change import Change
from pitstop.flow import No, step
from pitstop.ports import Crew

_SKIPPED = {".git", "node_modules", ".venv", "venv", "__pycache__"}


@dataclass(frozen=True)
class Check:
    """What a check came to; ``ran`` is False where there was nothing to run."""

    name: str
    ran: bool
    seconds: float = 0.0
    said: str = ""


@step("Set up the worktree", phase="checking", attempts=2)
def prepare(crew: Crew, change: Change) -> Check | No:
    """Make the fresh worktree able to run its tests."""
    return _run(crew, change, "setup", crew.settings.checks.setup)


@step("Targeted tests", phase="checking")
def targeted(crew: Crew, change: Change) -> Check | No:
    """Run the tests that the change affects; where none maps to it, the smoke suite counts."""
    command = crew.settings.checks.targeted
    if command and "{tests}" in command:
        tests = affected_tests(Path(change.branch.worktree), change.files)
        if not tests:
            return Check("targeted", False, said=say.NO_TEST_MAPS)
        command = command.replace("{tests}", shlex.join(tests))
    return _run(crew, change, "targeted", command)


@step("Smoke tests", phase="checking")
def smoke(crew: Crew, change: Change) -> Check | No:
    """Run the smoke suite."""
    return _run(crew, change, "smoke", crew.settings.checks.smoke)


@step("Tested tree is the committed tree", phase="checking")
def same_tree(crew: Crew, change: Change) -> str | No:
    """Refuse to go on if somebody or a test changed tracked files meanwhile."""
    if not crew.forge.unchanged(change):
        return No(say.worktree_changed(change.branch.worktree))
    return change.tree


def _run(crew: Crew, change: Change, name: str, command: str | None) -> Check | No:
    if not command:
        return Check(name, False, said=say.NOT_CONFIGURED)
    folder = Path(change.branch.worktree)
    within = crew.settings.checks.within
    ran = crew.commands.run(command, name=name, folder=folder, within=within, env={})
    if ran.timed_out:
        return No(say.check_timed_out(name, within.total_seconds(), ran.tail))
    if ran.exit_code != 0:
        return No(say.check_failed(name, ran.exit_code, ran.tail))
    return Check(name, True, round(ran.seconds, 3), ran.tail[-500:])


def affected_tests(worktree: Path, files: Iterable[str]) -> list[str]:
    """Return the test files among the changed ones, and those named after a changed file."""
    wanted = {name for file in files for name in _test_names(Path(file))}
    found = {file for file in files if _is_test(Path(file)) and (worktree / file).is_file()}
    if wanted:
        found |= {
            str(path.relative_to(worktree)) for path in _walk(worktree) if path.name in wanted
        }
    return sorted(found)


def _is_test(file: Path) -> bool:
    name = file.name
    return (name.startswith("test_") and file.suffix == ".py") or any(
        f".{word}." in name for word in ("test", "spec")
    )


def _test_names(file: Path) -> list[str]:
    if file.suffix == ".py":
        return [f"test_{file.stem}.py", f"{file.stem}_test.py"]
    if file.suffix in {".js", ".jsx", ".ts", ".tsx", ".mjs"}:
        return [f"{file.stem}.{word}{file.suffix}" for word in ("test", "spec")]
    return []


def _walk(folder: Path) -> Iterable[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            if path.name not in _SKIPPED:
                yield from _walk(path)
        else:
            yield path
