"""An audience behind a webhook: one POST of JSON, never a second one.

A webhook cannot be asked what it heard: see ``once.py``. The key travels as Idempotency-Key.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pitstop.adapters.notifiers.once import AtMostOnce
from pitstop.ports import CannotTell, Refused

WITHIN = 5.0  # seconds


class WebhookAudience(AtMostOnce):
    """POST ``{key, subject, text}`` to an address; ``marks`` is the folder of its memory."""

    def __init__(
        self, name: str, url: str, marks: Path, pause: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(name, marks)
        self._url, self._pause = url, pause

    def tell(self, key: str, subject: str, text: str) -> None:
        """Send it. Raises Refused with the answer's status, CannotTell when there was none."""
        status = self._sent(key, json.dumps({"key": key, "subject": subject, "text": text}))
        if status >= 300:
            raise Refused(f"the webhook answered {status}")

    def _sent(self, key: str, body: str) -> int:
        """Return the answer's status. A resolver may hang: only a thread of its own waits for it."""
        answers: list[int | str] = []
        posting = threading.Thread(target=_post, args=(self._url, key, body, answers), daemon=True)
        posting.start()
        deadline = time.monotonic() + WITHIN
        while not answers and time.monotonic() < deadline:
            self._pause(0.02)
        answer = answers[0] if answers else f"nothing within {WITHIN:g} s"
        if isinstance(answer, str):
            raise CannotTell(f"the webhook did not answer: {answer}")
        return answer


def _post(url: str, key: str, body: str, answers: list[int | str]) -> None:
    import http.client
    import urllib.error
    import urllib.request  # loaded when somebody is told, not before a rollback

    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    try:
        # the address is the team's own
        request = urllib.request.Request(url, data=body.encode(), headers=headers)  # noqa: S310 - the team's own address
        with urllib.request.urlopen(request, timeout=WITHIN) as answer:  # noqa: S310 - the same
            answers.append(int(answer.status))
    except urllib.error.HTTPError as error:
        with error:
            answers.append(error.code)
    except (OSError, ValueError, http.client.HTTPException) as error:
        answers.append(str(error))
