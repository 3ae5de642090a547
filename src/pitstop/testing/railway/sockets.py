"""Subscriptions over ``graphql-transport-ws``: one thread for each socket, after websockets' protocol."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from graphql import DocumentNode, execute_sync
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from pitstop.testing.railway.graph import Graph
from pitstop.testing.railway.world import Deployment, moment

if TYPE_CHECKING:
    from pitstop.testing.railway.server import Server

PROTOCOL: Any = "graphql-transport-ws"
TICK = 0.02  # seconds between two looks for news


@dataclass
class Followed:
    """One subscription of a socket."""

    document: DocumentNode
    variables: dict[str, Any]
    news: Callable[[], list[dict[str, Any]]]


@dataclass
class Conversation:
    """What one socket has said and asked for."""

    greeted: bool = False
    followed: dict[str, Followed] = field(default_factory=dict)


def serve(handler: BaseHTTPRequestHandler, server: Server) -> None:
    """Shake hands, then answer until one side has enough."""
    protocol = ServerProtocol(subprotocols=[PROTOCOL])
    protocol.receive_data(_head(handler))
    for request in protocol.events_received():
        if isinstance(request, Request):
            protocol.send_response(protocol.accept(request))
    connection = handler.connection
    server.sockets.add(connection)
    try:
        _send(connection, protocol)
        if protocol.state is OPEN:
            _talk(connection, protocol, server, server.scope(handler.headers))
    except OSError:
        pass  # dropped, from here or from there
    finally:
        server.sockets.discard(connection)
        with contextlib.suppress(OSError):
            connection.close()


def _head(handler: BaseHTTPRequestHandler) -> bytes:
    """Return the request as it came."""
    rows = [f"GET {handler.path} HTTP/1.1", *(f"{k}: {v}" for k, v in handler.headers.items())]
    return "\r\n".join([*rows, "", ""]).encode()


def _talk(connection: socket.socket, protocol: ServerProtocol, server: Server, scope: str) -> None:
    conversation = Conversation()
    while not server.over.is_set() and protocol.state is OPEN:
        if select.select([connection], [], [], TICK)[0]:
            data = connection.recv(65536)
            if not data:
                return
            protocol.receive_data(data)
        replies: list[dict[str, Any]] = []
        if not server.faults.deaf_sockets:
            for event in protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    said = json.loads(bytes(event.data))
                    replies += _replies(said, conversation, server, scope)
            replies += [] if server.faults.no_news else _news(conversation, server)
        for reply in replies if protocol.state is OPEN else []:
            protocol.send_text(json.dumps(reply).encode())
        _send(connection, protocol)


def _send(connection: socket.socket, protocol: ServerProtocol) -> None:
    for data in protocol.data_to_send():
        if data:
            connection.sendall(data)


def _replies(
    said: dict[str, Any], conversation: Conversation, server: Server, scope: str
) -> Iterator[dict[str, Any]]:
    from pitstop.testing.railway.server import is_subscription, prepared

    kind, name = said.get("type"), said.get("id", "")
    if kind == "connection_init":
        conversation.greeted = True
        yield {"type": "connection_ack"}
    elif kind == "ping":
        yield {"type": "pong"}
    elif kind == "complete":
        conversation.followed.pop(name, None)
    elif kind == "subscribe" and conversation.greeted:
        document, field_name, errors = prepared(said["payload"])
        if not scope:
            errors = [{"message": "Not Authorized"}]
        if errors or document is None or not is_subscription(document):
            yield {"id": name, "type": "error", "payload": errors}
            return
        variables = said["payload"].get("variables") or {}
        server.seen.append(f"follow {field_name}")
        news = _source(field_name, variables, server)
        conversation.followed[name] = Followed(document, variables, news)


def _news(conversation: Conversation, server: Server) -> Iterator[dict[str, Any]]:
    from pitstop.testing.railway.server import distorted

    for name, one in list(conversation.followed.items()):
        with server.world.lock:
            server.world.settle()
            roots = one.news()
        for root in roots:
            done = execute_sync(server.schema, one.document, root, variable_values=one.variables)
            answer = distorted(dict(done.formatted), server.faults)
            yield {"id": name, "type": "next", "payload": answer}


def _source(
    name: str, variables: dict[str, Any], server: Server
) -> Callable[[], list[dict[str, Any]]]:
    """Return what gives the root values that are new since it was asked last."""
    graph = Graph(server.world, "project")
    found = server.world.find(variables.get("deploymentId") or variables.get("id") or "")
    if found is None:
        return list
    one = found
    if name == "deployment":
        return _each_status(one, graph)
    if name == "deploymentEvents":
        return _appended(lambda: one.phases, lambda held: [{name: each} for each in held])
    if name == "httpLogs":
        since = variables.get("anchorDate")
        start = moment(since) if since else server.world.now() - timedelta(days=365)

        def requests() -> list[dict[str, Any]]:
            return [each for each in one.requests if moment(each["timestamp"]) > start]

        return _appended(requests, _as_list(name))
    logs = {"buildLogs": one.build_log, "deploymentLogs": one.log}
    return _appended(lambda: logs[name], _as_list(name))


def _each_status(one: Deployment, graph: Graph) -> Callable[[], list[dict[str, Any]]]:
    """Return what gives the present status first, and then each that comes, in order."""
    seen = len(one.history) - 1

    def news() -> list[dict[str, Any]]:
        nonlocal seen
        fresh = one.history[max(seen, 0) :] if seen >= 0 else [one.status]
        seen = len(one.history)
        return [{"deployment": graph.told(one) | {"status": status}} for status in fresh]

    return news


def _as_list(name: str) -> Callable[[list[Any]], list[dict[str, Any]]]:
    """Return what makes one event of many lines."""
    return lambda held: [{name: held}] if held else []


def _appended(
    held: Callable[[], list[Any]], wrapped: Callable[[list[Any]], list[dict[str, Any]]]
) -> Callable[[], list[dict[str, Any]]]:
    """Return what gives that part of a list which came to it since."""
    seen = 0

    def news() -> list[dict[str, Any]]:
        nonlocal seen
        fresh = held()[seen:]
        seen += len(fresh)
        return wrapped(fresh)

    return news
