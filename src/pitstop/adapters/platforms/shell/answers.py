"""What the team's commands say: ``ID COMMIT [TIME]``, or JSON. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_WORDS = re.compile(r"(\S+)\s+([0-9a-fA-F]{4,64})(?:\s+(\S+(?: \S+)?))?")
_URL_WORDS = re.compile(r"(\S+)\s+(https?://\S+)")
_LONGEST = 200
NOTHING = ("null", "none")


@dataclass(frozen=True)
class Answer:
    """One deployment as a command tells it; ``commit`` may be abbreviated."""

    id: str
    commit: str
    at: str | None = None  # UTC
    url: str | None = None
    tree: str | None = None
    healthy: bool | None = None


def one(text: str) -> Answer | None:
    """Read what is in service from the last line that says it; ``none``: nothing is.

    Raises ValueError with half a sentence.
    """
    found = _last_json(text)
    if found is not None:
        return _from_json(found)
    line = _last_line(text)
    return None if line.lower() in NOTHING else _from_line(line)


def many(text: str) -> list[Answer]:
    """Read kept deployments, newest first: one for each line, or a JSON array. Raises ValueError."""
    whole = _json(text)
    if isinstance(whole, list):
        return [_from_json(each) for each in whole]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [_from_json(_json(ln)) if ln[0] == "{" else _from_line(ln) for ln in lines]


def candidate(text: str) -> tuple[str, str]:
    """Read id and address of a candidate: ``ID URL``, or JSON. Raises ValueError."""
    found = _last_json(text)
    if found is not None:
        return _word(found, "id"), _word(found, "url")
    words = _URL_WORDS.fullmatch(_last_line(text))
    if not words:
        raise ValueError(f'"ID URL" was expected, and it said {_quoted(text)}')
    return words[1], words[2]


def _last_json(text: str) -> Any:
    """Return the last JSON object: all of the text, or the last line that is one."""
    for part in (text, *reversed(text.splitlines())):
        found = _json(part) if part.strip().startswith("{") else None
        if found is not None:
            return found
    return None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("it said nothing")
    return lines[-1]


def _from_line(line: str) -> Answer:
    words = _WORDS.fullmatch(line)
    if not words or len(words[1]) > _LONGEST:
        raise ValueError(f'"ID COMMIT [TIME]" or JSON was expected, and it said {_quoted(line)}')
    return Answer(words[1], words[2].lower(), _time(words[3]))


def _from_json(found: Any) -> Answer:
    if not isinstance(found, dict):
        raise ValueError(f"an object with id and commit was expected, and it said {found!r:.80}")
    healthy = found.get("healthy")
    if healthy is not None and not isinstance(healthy, bool):
        raise ValueError(f"healthy is {healthy!r:.40}, and neither true nor false")
    return Answer(
        _word(found, "id"),
        _word(found, "commit"),
        _time(_word(found, "at")) if found.get("at") else None,
        _word(found, "url") if found.get("url") else None,
        _word(found, "tree") if found.get("tree") else None,
        healthy,
    )


def _word(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"{name} is {'missing' if value is None else repr(value)[:40]}")
    if len(value) > _LONGEST:
        raise ValueError(f"{name} is longer than {_LONGEST} signs")
    return value.strip()


def _time(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{_quoted(text)} is no time like 2026-01-02T03:04:05Z") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _quoted(text: str) -> str:
    plain = "".join(c for c in text.strip() if c.isprintable() or c == "\n")
    last = plain.splitlines()[-1] if plain else ""
    return f'"{last[:120]}"'
