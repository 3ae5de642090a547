"""Railway's API over HTTP: operations and uploads, and what the silences between them mean.

``ask`` is for questions: it may be repeated, and without an answer it cannot tell. ``act`` and
``upload`` change the world: the fence is asked right before, and nothing is ever sent twice here.
"""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from pitstop import __version__
from pitstop.adapters.platforms.railway.budget import Budget
from pitstop.adapters.platforms.railway.documents import document
from pitstop.adapters.platforms.railway.settings import RailwaySettings
from pitstop.adapters.platforms.railway.waiting import ticking
from pitstop.adapters.plugins import Tools
from pitstop.ports import CannotTell

GRAPHQL = "/graphql/v2"
AGENT = f"pitstop/{__version__}"
_QUESTION = httpx.Timeout(20.0, connect=10.0)
_UPLOAD = httpx.Timeout(120.0, connect=10.0)
_PATIENCE = 60.0  # seconds that a question waits for a limit to pass
_TRIES = 3


class Objected(CannotTell):
    """Railway answered, and its answer is an error. ``why`` is its own word."""

    def __init__(self, why: str, sentence: str) -> None:
        super().__init__(sentence)
        self.why = why


class Denied(Objected):
    """The token does not allow it, or is none."""


class Silent(CannotTell):
    """No answer that can be understood. ``sent`` says whether the request may have arrived."""

    def __init__(self, sentence: str, *, sent: bool = True) -> None:
        super().__init__(sentence)
        self.sent = sent


ASKED = (
    "Asking changed nothing: production is as it was. See Railway's dashboard, then ask again: "
    "pitstop doctor"
)


class Limited(CannotTell):
    """The rate limit is used up for ``seconds``; nothing was done."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Railway's rate limit is used up for {seconds:.0f} s.")
        self.seconds = seconds


class Api:
    """One token's way to Railway. Which kind it is stands in ``headers`` once it is known."""

    def __init__(self, settings: RailwaySettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self.budget = Budget()
        self.headers: dict[str, str] = {}
        self._client: httpx.Client | None = None

    @property
    def socket_url(self) -> str:
        """Return where subscriptions are asked for."""
        return self._settings.api.replace("http", "ws", 1) + GRAPHQL

    def token(self) -> str:
        """Return the token. Raises CannotTell where the variable is not set."""
        name = self._settings.token.env
        found = os.environ.get(name, "").strip()
        if not found:
            raise CannotTell(
                f"{name} is not set where this runs, so Railway was not asked. Production is as it "
                f"was. Set it, then: pitstop resume"
            )
        return found

    def ask(self, name: str, /, **given: object) -> Any:
        """Return the answer to a query. Raises Objected, Silent or Limited: all of them CannotTell."""
        waited = 0.0
        for left in reversed(range(_TRIES)):
            try:
                return self._operation(name, given)
            except Limited as limited:
                waited += limited.seconds
                if not left or waited > _PATIENCE:
                    raise
                self._tools.clock.pause(limited.seconds)
            except Silent:
                if not left:
                    raise
                self._tools.clock.pause(1.0)
        raise AssertionError("unreachable")

    def act(self, name: str, /, **given: object) -> Any:
        """Send a mutation once, the fence asked right before. Raises as ``ask`` does."""
        self._tools.fence.check()
        return self._operation(name, given)

    def upload(self, path: str, archive: Path, **query: str) -> dict[str, Any]:
        """Send an archive once, the fence asked right before; return Railway's answer.

        Raises Objected (it said no), Limited, or Silent (it may have taken it).
        """
        self._tools.fence.check()
        size = archive.stat().st_size

        def send() -> httpx.Response:
            with archive.open("rb") as body:
                headers = {"Content-Type": "application/gzip", "Content-Length": str(size)}
                return self._open().post(
                    path,
                    params=query,
                    content=body,
                    headers=headers | self.headers,
                    timeout=_UPLOAD,
                )

        answer = self._sent(send)
        if answer.status_code == 413:
            raise Objected("413", f"The upload of {size / 1e6:.1f} MB is too large for Railway.")
        if answer.status_code in (400, 401, 403, 404):
            raise Objected(_word(answer), f"Railway refused the upload: {_word(answer)}.")
        held = self._json(answer)
        if answer.status_code != 200 or not isinstance(held.get("deploymentId"), str):
            raise Silent(f"Railway answered the upload with {answer.status_code} and names no id.")
        return held

    def close(self) -> None:
        """Close the connections."""
        if self._client:
            self._client.close()
            self._client = None

    # How

    def _operation(self, name: str, given: Mapping[str, object]) -> Any:
        body = {"query": document(name), "operationName": name, "variables": dict(given)}

        def send() -> httpx.Response:
            return self._open().post(GRAPHQL, json=body, headers=self.headers, timeout=_QUESTION)

        answer = self._sent(send)
        if answer.status_code in (401, 403):
            raise Denied(_word(answer), self._denied(_word(answer)))
        held = self._json(answer)
        if held.get("errors"):
            raise self._objection(name, held["errors"])
        data = held.get("data")
        if answer.status_code != 200 or not isinstance(data, dict):
            raise Silent(f"Railway answered {name} with {answer.status_code} and without data.")
        return next(iter(data.values()), None)

    def _sent(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            answer = ticking(send, self._tools.clock)
        except httpx.TransportError as error:
            never = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            said = str(error) or type(error).__name__
            raise Silent(f"Railway did not answer ({said}).", sent=not never) from error
        self.budget.heard(answer.headers, self._tools.clock.now().timestamp())
        if answer.status_code == 429:
            raise Limited(_retry_after(answer))
        return answer

    def _open(self) -> httpx.Client:
        if self._client is None:
            headers = {"User-Agent": AGENT}
            self._client = httpx.Client(
                base_url=self._settings.api, headers=headers, verify=_trusted()
            )
        return self._client

    def _json(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            held = answer.json()
        except ValueError:
            held = None
        if not isinstance(held, dict):
            raise Silent(f"Railway answered with {answer.status_code} and no JSON.")
        return held

    def _objection(self, name: str, errors: object) -> Objected:
        first = errors[0] if isinstance(errors, list) and errors else {}
        why = str(first.get("message") if isinstance(first, dict) else first)[:300]
        low = why.lower()
        if "not authorized" in low or "project token not found" in low:
            return Denied(why, self._denied(why))
        return Objected(why, f'Railway answered {name} with an error: "{why}".')

    def _denied(self, why: str) -> str:
        name = self._settings.token.env
        return (
            f'Railway says "{why}": the token in {name} is wrong, expired, or for another project or '
            "environment. Make one in the project's settings, under Tokens, for this environment; "
            f"set {name} to it."
        )


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Return whose certificates are believed; read once, for that takes longer than a question."""
    return httpx.create_ssl_context()


def _word(answer: httpx.Response) -> str:
    """Return what an answer says, in one line of print."""
    try:
        held = answer.json()
        text = str(held.get("message") or held) if isinstance(held, dict) else answer.text
    except ValueError:
        text = answer.text
    plain = "".join(c for c in text if c.isprintable())[:200]
    return f"{answer.status_code} {plain}".strip()


def _retry_after(answer: httpx.Response) -> float:
    """Return the seconds after which Railway may be asked again."""
    try:
        return max(1.0, float(answer.headers.get("retry-after", "")))
    except ValueError:
        return _PATIENCE
