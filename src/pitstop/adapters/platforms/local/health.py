"""One health request, answered within two seconds or not at all."""

from __future__ import annotations

import http.client
import time

WITHIN = 2.0


def ask(host: str, port: int, path: str) -> tuple[bool, str]:
    """Ask once; return whether the answer was 2xx, and what was seen."""
    started = time.monotonic()
    connection = http.client.HTTPConnection(host, port, timeout=WITHIN)
    try:
        connection.request("GET", path, headers={"User-Agent": "pitstop", "Connection": "close"})
        answer = connection.getresponse()
        answer.read(65536)
    except TimeoutError:
        return False, f"{path} did not answer within {WITHIN:g} s"
    except (OSError, http.client.HTTPException) as error:
        return False, f"{path} did not answer: {error or type(error).__name__}"
    finally:
        connection.close()
    took = (time.monotonic() - started) * 1000
    return 200 <= answer.status < 300, f"{path} answered {answer.status} in {took:.0f} ms"
