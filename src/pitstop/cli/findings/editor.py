"""The line by which editors find the JSON Schema: it must lead to one that is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pitstop.cli import schema
from pitstop.domain.change import Finding

_LINE = re.compile(r"(?m)^#:schema\s+(\S+)\s*$")


def findings(config: Path) -> Iterator[Finding]:
    """Yield whether the file that the configuration names as its schema is this version's."""
    named = _LINE.search(config.read_text(encoding="utf-8", errors="replace"))
    if not named or "://" in named[1]:
        return
    remedy = f"pitstop init --schema > {named[1].removeprefix('./')}"
    try:
        kept = (config.parent / named[1]).read_text(encoding="utf-8", errors="replace")
    except OSError:
        said = f"{config.name} names {named[1]} for editors, and there is none"
        yield Finding("schema", "warning", said, remedy)
        return
    if kept == schema.text():
        yield Finding("schema", "ok", f"{named[1]} is this version's")
    else:
        said = f"{named[1]} is another version's: editors may mark what is right"
        yield Finding("schema", "warning", said, remedy)
