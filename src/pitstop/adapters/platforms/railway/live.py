"""Subscriptions: one socket after ``graphql-transport-ws``, with several of them on it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from pitstop.adapters.platforms.railway.api import AGENT, Api
from pitstop.adapters.platforms.railway.documents import document
from pitstop.adapters.platforms.railway.waiting import TICK, ticking
from pitstop.ports import CannotTell, Clock

PROTOCOL: Any = "graphql-transport-ws"
_OPENED_WITHIN = 10.0
GREETED_WITHIN = 10.0


class Dropped(CannotTell):
    """The socket is gone, or was never there. Nothing is known from it any more."""


class Socket:
    """An open socket. Each subscription has a name of ours."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Open it and be greeted. Raises Dropped."""
        self._stack = contextlib.ExitStack()
        try:
            self._connection = ticking(lambda: self._stack.enter_context(_opened(api)), clock)
            self._send({"type": "connection_init"})
            self._greeted(clock)
        except (OSError, WebSocketException) as error:
            self.close()
            raise Dropped(f"Railway's socket was not opened: {error}.") from error
        except BaseException:
            self.close()
            raise

    def follow(self, name: str, operation: str, variables: Mapping[str, object]) -> None:
        """Ask for a subscription. Raises Dropped."""
        payload = {
            "query": document(operation),
            "operationName": operation,
            "variables": dict(variables),
        }
        self._send({"id": name, "type": "subscribe", "payload": payload})

    def receive(self, within: float = TICK) -> tuple[str, dict[str, Any] | None] | None:
        """Return the name of a subscription and what it says; None: nothing came.

        What it says is None where that subscription is over. Raises Dropped.
        """
        try:
            said = json.loads(self._connection.recv(timeout=within))
        except TimeoutError:
            return None
        except (OSError, WebSocketException, ValueError) as error:
            raise Dropped(f"Railway's socket was cut: {error}.") from error
        kind, name = said.get("type"), str(said.get("id", ""))
        if kind == "ping":
            self._send({"type": "pong"})
        if kind in ("error", "complete"):
            return name, None
        data = (said.get("payload") or {}).get("data") if kind == "next" else None
        return (name, data) if isinstance(data, dict) else None

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(OSError, WebSocketException):
            self._stack.close()

    def _greeted(self, clock: Clock) -> None:
        for _ in range(round(GREETED_WITHIN / TICK)):
            try:
                said = json.loads(self._connection.recv(timeout=TICK))
            except TimeoutError:
                clock.pause(0.001)  # the wait is above; this only hears
                continue
            except ValueError:
                said = {}
            if said.get("type") == "connection_ack":
                return
        raise Dropped("Railway's socket was opened and never greeted.")

    def _send(self, said: dict[str, Any]) -> None:
        try:
            self._connection.send(json.dumps(said))
        except (OSError, WebSocketException) as error:
            raise Dropped(f"Railway's socket was cut: {error}.") from error


def _opened(api: Api) -> Any:
    """Return what is entered to open a connection."""
    return connect(
        api.socket_url,
        subprotocols=[PROTOCOL],
        additional_headers={**api.headers},
        user_agent_header=AGENT,
        open_timeout=_OPENED_WITHIN,
        close_timeout=1,
        max_size=16_000_000,
    )
