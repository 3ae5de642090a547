"""Users' way in: each request goes to what serves now, and is written down."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pitstop.testing.railway.faults import Faults
from pitstop.testing.railway.world import World, stamp


class Edge(ThreadingHTTPServer):
    """The service's domain."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, world: World, faults: Faults) -> None:
        super().__init__(("127.0.0.1", 0), Entry)
        self.world, self.faults = world, faults

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients come and go."""


class Entry(BaseHTTPRequestHandler):
    """One user's connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Edge

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.faults.silent:
            self.close_connection = True
            self.connection.close()
            return
        began = time.monotonic()
        world = self.server.world
        with world.lock:
            one = world.serving()
            app = one.app if one else None
        status, said = 404, b"Application not found"
        if app:
            try:
                status, said = app.answer(self.command, self.path, body)
            except OSError:
                status, said = 502, b"Application failed to respond"
        if one:
            took = round((time.monotonic() - began) * 1000)
            self._note(one.id, status, took)
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names are http.server's

    def _note(self, deployment_id: str, status: int, took: int) -> None:
        world = self.server.world
        agent = self.headers.get("User-Agent", "")
        with world.lock:
            note(world, deployment_id, status, took, self.command, self.path, agent)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def note(
    world: World,
    deployment_id: str,
    status: int,
    ms: int,
    method: str = "GET",
    path: str = "/",
    agent: str = "",
) -> None:
    """Write a request down, as of now."""
    one = world.find(deployment_id)
    if one is None:
        return
    with world.lock:
        one.requests.append(
            {
                "timestamp": stamp(world.now()),
                "requestId": f"{deployment_id}/{len(one.requests)}",
                "method": method,
                "path": path,
                "httpStatus": status,
                "totalDuration": ms,
                "clientUa": agent,
                "deploymentId": deployment_id,
            }
        )
        world.tell()
