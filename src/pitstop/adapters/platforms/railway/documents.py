"""Every GraphQL operation that is sent to Railway: the files in ``operations``, and nothing else."""

from __future__ import annotations

import functools
import re
from importlib import resources

_SPREAD = re.compile(r"\.\.\.\s*(\w+)")
_COMMENT = re.compile(r"^#.*\n", re.MULTILINE)


@functools.cache
def document(name: str) -> str:
    """Return an operation with the fragments that it uses."""
    text, wanted, have = _file(name), {name}, {name}
    while wanted := set(_SPREAD.findall(text)) - have:
        text += "".join(_file(fragment) for fragment in sorted(wanted))
        have |= wanted
    return text


def names() -> list[str]:
    """Return the names of all files, fragments too."""
    folder = resources.files(__package__).joinpath("operations")
    return sorted(each.name.removesuffix(".graphql") for each in folder.iterdir())


def _file(name: str) -> str:
    path = resources.files(__package__).joinpath("operations", f"{name}.graphql")
    return _COMMENT.sub("", path.read_text("utf-8"))
