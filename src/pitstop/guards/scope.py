"""Small and isolated: how much a change touches, tests and generated files apart."""

from collections.abc import Iterator

from pitstop.config import Guards
from pitstop.domain.change import FileChange, Patch
from pitstop.guards.kinds import is_generated, is_test
from pitstop.guards.objection import Objection


def scope(patch: Patch, guards: Guards) -> Iterator[Objection]:
    """Object to a change that is too large to be looked through in five minutes."""
    counted = [file for file in patch.files if _counts(file, guards)]
    lines = sum(file.added + file.deleted for file in counted)
    folders = {file.path.rpartition("/")[0] for file in counted}
    for number, most, what in (
        (lines, guards.max_lines, "changed lines"),
        (len(counted), guards.max_files, "changed files"),
        (len(folders), guards.max_folders, "folders"),
    ):
        if number > most:
            yield Objection("scope", f"{number} {what}, and a hotfix has {most} at most")
    binary = [file.path for file in counted if file.binary and not file.gone]
    if binary:
        yield Objection("scope", f"nobody can review a binary file: {_some(binary)}")


def _counts(file: FileChange, guards: Guards) -> bool:
    return not (is_test(file.path) or is_generated(file, guards.generated))


def _some(names: list[str]) -> str:
    shown = ", ".join(ascii(name)[1:-1] for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
