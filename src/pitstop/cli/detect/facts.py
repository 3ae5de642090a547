"""What a repository shows: values for the configuration, each with where it was seen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """One value, and why: ``where`` is ``file:line`` or ``file: key``; empty for a guess."""

    value: str
    where: str = ""
    note: str = ""  # what whoever reads it should know, as half a sentence

    @property
    def why(self) -> str:
        """Return where it comes from, as it stands beside the value."""
        seen = f"seen in {self.where}" if self.where else "a guess: look at it"
        return f"{seen}; {self.note}" if self.note else seen


@dataclass(frozen=True)
class Database:
    """A database: ``postgres``, by the variable that holds its address, or ``sqlite``, by its file.

    Without ``env`` nothing shows how that variable is called.
    """

    kind: str
    where: str
    env: str = ""
    file: str = ""
    note: str = ""


@dataclass(frozen=True)
class Found:
    """Everything ``init`` writes from; of each key the best comes first."""

    name: str
    main: Fact
    remote: Fact
    start: tuple[Fact, ...]
    build: tuple[Fact, ...]
    health: tuple[Fact, ...]
    listen: tuple[Fact, ...]
    setup: tuple[Fact, ...]
    targeted: tuple[Fact, ...]
    smoke: tuple[Fact, ...]
    databases: tuple[Database, ...] = ()
    elsewhere: tuple[Fact, ...] = ()  # services that it is deployed to by other means
    said: tuple[str, ...] = ()  # sentences about what was left out, and why


_LONGEST = 500  # signs of a value; what is longer is a script of its own
_CALLED = (
    r"[\w-]*(?:passw|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[\w-]*"
)
_A_VALUE = r"[\"']?(?![\s\"'$<{/])\S"  # no variable, no file
_SECRETS = (
    r"://[^/\s:@]*:[^/\s@]+@",  # an address with a password in it
    rf"(?i)(?<![\w$]){_CALLED}[\"']?\s*[=:]\s*{_A_VALUE}",
    rf"(?i)(?<!\w)--?{_CALLED}\s+{_A_VALUE}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bxox[abp]-\w|\bsk_live_\w|-----BEGIN",
    r"(?i)\b(?:authorization|bearer|basic)\b\s*:?\s+[\w+/=.-]{8,}",
    r"\b(?=[\w+/]*\d)(?=[\w+/]*[a-zA-Z])[A-Za-z0-9+/_]{32,}={0,2}",  # long and without sense
)


def may_hold_secret(text: str) -> bool:
    """Return whether some part of a text may be a password or a key: then it is not copied."""
    return any(re.search(sign, text) for sign in _SECRETS)


def careful(facts: Iterable[Fact], key: str) -> tuple[tuple[Fact, ...], list[str]]:
    """Return the facts that may be copied, each once, and a sentence for each that may not."""
    kept: dict[str, Fact] = {}
    odd = []
    for fact in facts:
        if len(fact.value) > _LONGEST:
            odd.append(f"{fact.where} is too long to be copied: {key} was not taken from it.")
        elif may_hold_secret(fact.value):
            odd.append(f"{fact.where} holds what may be a password: {key} was not taken from it.")
        else:
            kept.setdefault(fact.value, fact)
    return tuple(kept.values()), odd


def printable(text: str) -> str:
    """Return a text in one line that a terminal and a comment can hold, whatever is in it."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "surrogatepass").decode()
        for sign in text
    )
