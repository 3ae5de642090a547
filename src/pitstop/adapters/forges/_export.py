"""A tree as files: exactly what was committed, in a folder that git has no part in."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pitstop.adapters.forges._git import HISTORY, Git, words
from pitstop.adapters.forges._history import History, one_line
from pitstop.ports import Refused

_LINK = "160000"  # mode of a submodule
# The same files on every machine: only what the repository itself says about line ends counts.
_SAME = ("core.autocrlf=false", "core.eol=lf", "core.attributesFile=/dev/null")
_PLAIN = tuple(part for setting in _SAME for part in ("-c", setting))


def export(git: Git, commit: str, folder: Path) -> str:
    """Write a commit's files into an empty folder and compare them; return the tree."""
    history = History(git)
    tree = history.tree(history.commit(commit))
    _no_submodules(git, tree)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Refused(f"{folder} is not empty; nothing was written into it.")
    with tempfile.TemporaryDirectory(prefix="pitstop-index-") as scratch:
        env = {
            "GIT_DIR": str(git.common),
            "GIT_WORK_TREE": str(folder.absolute()),
            "GIT_INDEX_FILE": str(Path(scratch) / "index"),
        }
        inside = git.at(folder)
        inside.ask("read-tree", tree, env=env)
        inside.ask(
            *_PLAIN, "checkout-index", "--all", "--force", "--quiet", env=env, within=HISTORY
        )
        _compare(inside, folder, env)
    return tree


def _no_submodules(git: Git, tree: str) -> None:
    entries = git.listed("ls-tree", "-r", "-z", "--full-tree", tree)
    links = [entry.partition("\t")[2] for entry in entries if entry.startswith(_LINK)]
    if links:
        raise Refused(
            f"The commit holds the submodule {one_line(links[0])}, whose files are not in it. "
            "pitstop ships only what the commit itself holds."
        )


def _compare(git: Git, folder: Path, env: dict[str, str]) -> None:
    """Refuse files that are not what the tree says."""
    git.run(*_PLAIN, "update-index", "-q", "--refresh", env=env, within=HISTORY)
    other = git.run("ls-files", "--others", "-z", env=env)
    differing = git.run(
        *_PLAIN, "diff-files", "--name-only", "-z", "--ignore-submodules=none", env=env
    )
    if other.exit_code or differing.exit_code:
        raise Refused(f"What lies in {folder} could not be compared: {words(differing)}.")
    wrong = [
        name for name in differing.out.split(b"\0") if name and not _as_written(git, name, env)
    ]
    wrong += [name for name in other.out.split(b"\0") if name]
    if wrong or (folder / ".git").exists():
        named = one_line(wrong[0].decode(errors="replace")) if wrong else ".git"
        raise Refused(f"{named} in {folder} is not what the commit holds.")


def _as_written(git: Git, name: bytes, env: dict[str, str]) -> bool:
    """Return whether a file is what git would write, though it would commit it differently."""
    path = Path(os.fsdecode(bytes(git.folder) + b"/" + name))
    staged = git.run(
        "ls-files", "--stage", "-z", "--", f":(literal,top){os.fsdecode(name)}", env=env
    )
    mode, blob = staged.out.split(b"\t", 1)[0].decode().split()[:2]
    if mode == "120000" or path.is_symlink() or not path.is_file():
        return False
    filtered = f"--path={os.fsdecode(name)}"
    wanted = git.run(*_PLAIN, "cat-file", "--filters", filtered, blob, env=env)
    executable = bool(path.stat().st_mode & 0o100)
    same = wanted.exit_code == 0 and wanted.out == path.read_bytes()
    return same and executable == (mode == "100755")
