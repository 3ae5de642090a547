"""The lines that a patch adds."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from unidiff.patch import PatchSet

_SIGNS = frozenset("+-@\\")


@dataclass(frozen=True)
class Added:
    """One added line: its file, its number there, its text without the line end."""

    file: str
    number: int
    text: str


def added_lines(text: str) -> Iterator[Added]:
    """Return every added line of a patch as git prints it. Raises ValueError if it is none."""
    # git's own headers name a file twice in a way that some names make ambiguous; without context
    # lines, everything else begins with one of these
    plain = "\n".join(row for row in text.split("\n") if row[:1] in _SIGNS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch = PatchSet.from_string(f"{plain}\n")
    for file in patch:
        for hunk in file:
            for line in hunk:
                if line.is_added:
                    yield Added(file.path, line.target_line_no or 0, line.value.rstrip("\r\n"))
