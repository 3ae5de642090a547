"""Lines of access logs: what each server writes, read into one shape.

A reader takes a whole line and returns a ``Request``; None for what is no answered request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple


class Request(NamedTuple):
    """One request that was answered: ``ended`` in seconds since 1970, ``ms`` that it took."""

    ended: float
    status: int
    ms: float
    deployment: str = ""
    client: str = ""
    id: str = ""  # where the server numbers its requests: the same number is the same request


Reader = Callable[[bytes], Request | None]
OURS = "pitstop"  # what the agent of our own requests begins with
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_COMMON = re.compile(
    rf"^(\S+) \S+ .*?\[([^\]]+)\] {_QUOTED} (\d{{3}}) (?:\d+|-)(?: {_QUOTED} {_QUOTED})?(?: (\S+))?"
)
_ENVOY = re.compile(
    rf"^\[([^\]]+)\] {_QUOTED} (\d+) \S+ (?:\S+ )??\d+ \d+ (\d+) (?:\d+|-) {_QUOTED} {_QUOTED} {_QUOTED}"
)
_READ = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError)


def pitstop(line: bytes) -> Request | None:
    """Read what the embedded platform's proxy writes: JSON, ``at`` the start of a request.

    Status 0: the client went away before it had an answer, nobody's error. One that hangs up on
    the answer it was given (many do, on a 5xx) was answered, whatever the flags say.
    """
    try:
        held = json.loads(line)
        ms, status = float(held["ms"]), int(held["status"])
        if not status:
            return None
        return Request(float(held["at"]) + ms / 1000, status, ms, str(held.get("deployment") or ""))
    except _READ:
        return None


def caddy(line: bytes) -> Request | None:
    """Read Caddy's JSON access log; ``ts`` is the end of a request, ``duration`` in seconds."""
    try:
        held = json.loads(line)
        request, status = held["request"], int(held["status"])
        agent = request.get("headers", {}).get("User-Agent", [""])[0]
        if not status or agent.startswith(OURS):
            return None
        client = str(request.get("client_ip") or request.get("remote_ip") or "")
        ended = moment(held["ts"])
        return Request(ended, status, _seconds(held["duration"]) * 1000, "", client)
    except _READ:
        return None


def envoy(line: bytes) -> Request | None:
    """Read Envoy's default text format; the time is the start of a request."""
    found = _ENVOY.match(_text(line))
    if not found or found[6].startswith(OURS) or found[3] == "0":
        return None
    ms = float(found[4])
    client = found[5].split(",")[0].strip()
    request_id = "" if found[7] == "-" else found[7]
    return _made(found[1], found[3], ms, client, request_id, started=True)


def nginx(line: bytes) -> Request | None:
    """Read nginx's *combined* with ``$request_time`` at its end; the time is the end of a request."""
    found = _COMMON.match(_text(line))
    if not found or not found[7] or (found[6] or "").startswith(OURS):
        return None
    return _made(found[2], found[4], _number(found[7]) * 1000, found[1], "", started=False)


def apache(line: bytes) -> Request | None:
    """Read Apache's *combined* with ``%D`` at its end, microseconds; the time is the start."""
    found = _COMMON.match(_text(line))
    if not found or not found[7] or (found[6] or "").startswith(OURS):
        return None
    return _made(found[2], found[4], _number(found[7]) / 1000, found[1], "", started=True)


def mapped(mapping: Mapping[str, str], *, at_is_start: bool = False) -> Reader:
    """Return a reader of JSON lines of any shape; ``mapping`` names keys, with dots between.

    ``at`` and ``status`` must be there, and one of ``ms``, ``seconds``, ``us`` may be.
    """
    paths = {name: tuple(path.split(".")) for name, path in mapping.items()}
    unit = next((name for name in ("ms", "seconds", "us") if name in paths), None)
    factor = {"ms": 1.0, "seconds": 1000.0, "us": 0.001, None: 0.0}[unit]
    optional = [(name, paths.get(name)) for name in ("deployment", "client", "id")]

    def read(line: bytes) -> Request | None:
        try:
            held = json.loads(line)
            status = int(_at(held, paths["status"]))
            if not status:
                return None
            ms = float(_at(held, paths[unit])) * factor if unit else -1.0
            ended = moment(_at(held, paths["at"])) + (ms / 1000 if at_is_start and ms > 0 else 0.0)
            agent = paths.get("agent")
            if agent and str(_at(held, agent)).startswith(OURS):
                return None
            more = [str(_maybe(held, path) or "") if path else "" for _, path in optional]
            return Request(ended, status, ms, *more)
        except _READ:
            return None

    return read


def lacks(mapping: Mapping[str, str], line: bytes) -> list[str]:
    """Return the keys of a mapping that a line does not have."""
    try:
        held = json.loads(line)
    except ValueError:
        return []
    return [path for path in mapping.values() if _maybe(held, tuple(path.split("."))) is None]


def moment(value: Any) -> float:
    """Return a time as seconds since 1970: of a number (s, ms, us or ns by its size), or a text."""
    if isinstance(value, str):
        try:
            return moment(float(value))
        except ValueError:
            return _stamp(value)
    number = float(value)
    for size in (1e17, 1e14, 1e11):
        if number >= size:
            return number / {1e17: 1e9, 1e14: 1e6, 1e11: 1e3}[size]
    return number


@lru_cache(maxsize=4096)
def _stamp(text: str) -> float:
    """Return the time of RFC 3339, ISO 8601 or a common log (10/Oct/2000:13:55:36 +0000)."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")
    if found.tzinfo is None:
        raise ValueError("a time without a zone could be any")
    return found.timestamp()


def _made(
    at: str, status: str, ms: float, client: str, request_id: str, *, started: bool
) -> Request | None:
    try:
        ended = moment(at) + (ms / 1000 if started else 0.0)
        return Request(ended, int(status), ms, "", client, request_id)
    except _READ:
        return None


def _seconds(value: Any) -> float:
    """Return seconds, as a number or as Go writes them (12.5ms)."""
    if not isinstance(value, str):
        return float(value)
    for unit, factor in (("ns", 1e-9), ("µs", 1e-6), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0)):
        if value.endswith(unit):
            return float(value.removesuffix(unit)) * factor
    return float(value)


def _number(text: str) -> float:
    """Return a number; nginx writes several, of several upstreams, with commas between."""
    try:
        return float(text)
    except ValueError:
        return -1.0


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")


def _at(held: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        held = held[key]
    return held


def _maybe(held: Any, path: tuple[str, ...]) -> Any:
    try:
        return _at(held, path)
    except _READ:
        return None
