"""What nobody can override: nothing at all, what cannot be read, merges, conflict markers, secrets."""

import re
from collections.abc import Iterator

from pitstop.config import Guards
from pitstop.domain.change import Patch
from pitstop.guards.added import Added, added_lines
from pitstop.guards.objection import Objection
from pitstop.guards.secrets import secrets

MOST_LINES = 1_000_000
_MARKER = re.compile(r"(<{7}|>{7}|\|{7}) |={7}$")


def unshippable(patch: Patch, guards: Guards) -> Iterator[Objection]:
    """Object to what must not reach production, whoever asks."""
    if not patch.files:
        yield Objection(None, "it is empty: the files are those that production runs")
    for commit in patch.commits:
        if commit.parents > 1:
            yield Objection(
                None,
                f"{commit.id[:12]} is a merge: it would bring more than the fix into production; make "
                "it straight with git rebase",
            )
    if (
        patch.text is None
        or patch.history is None
        or sum(file.added for file in patch.files) > MOST_LINES
    ):
        yield Objection(None, "it is too large to be looked through for secrets")
        return
    lines = list(added_lines(patch.text))
    yield from _markers(lines)
    yield from secrets(lines)
    now = {(line.file, line.text) for line in lines}
    before = [one for one in added_lines(patch.history) if (one.file, one.text) not in now]
    for found in secrets(before):
        yield Objection(
            None,
            f"an earlier commit of the branch has it still: {found.reason}. Make the commits one: git reset "
            "--soft, to the commit that is deployed, in its worktree",
        )


def _markers(lines: list[Added]) -> Iterator[Objection]:
    """Object to what a half-done merge leaves behind; a lone row of = is a heading."""
    found: dict[str, list[Added]] = {}
    for line in lines:
        if _MARKER.match(line.text):
            found.setdefault(line.file, []).append(line)
    for file, marks in found.items():
        ends = [mark for mark in marks if not mark.text.startswith("=")]
        if ends:
            yield Objection(None, f"{ascii(file)[1:-1]}:{ends[0].number} has a conflict marker")
