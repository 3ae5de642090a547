"""One health request to an address, answered within a few seconds or not at all."""

from __future__ import annotations

import http.client
import time
from urllib.parse import urlsplit

WITHIN = 5.0  # seconds


def ask(url: str) -> tuple[bool, str]:
    """Ask once; return whether the answer was 2xx, and what was seen. Follows no redirect."""
    parts, started = urlsplit(url), time.monotonic()
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=WITHIN)
    path = _path(url) or "/"
    try:
        connection.request("GET", path, headers={"User-Agent": "pitstop", "Connection": "close"})
        answer = connection.getresponse()
        answer.read(65536)
    except TimeoutError:
        return False, f"{path} did not answer within {WITHIN:g} s"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return False, f"{path} did not answer: {error or type(error).__name__}"
    finally:
        connection.close()
    took = (time.monotonic() - started) * 1000
    return 200 <= answer.status < 300, f"{path} answered {answer.status} in {took:.0f} ms"


def moved(url: str, base: str) -> str:
    """Return where the same question is put to another address of the same service."""
    return f"{base.rstrip('/')}{_path(url)}"


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
