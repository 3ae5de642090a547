"""The loopback server of the double: GraphQL over HTTP, the upload endpoint, and sockets."""

from __future__ import annotations

import functools
import gzip
import io
import json
import socket
import sys
import tarfile
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    parse,
    validate,
)

from pitstop.testing.railway.faults import Faults
from pitstop.testing.railway.graph import Graph, schema
from pitstop.testing.railway.world import World

GRAPHQL = "/graphql/v2"


def _nobody(when: str, what: str) -> None:
    """Hear nothing."""


class Cut(Exception):
    """The connection ends here, without an answer."""


class Server(ThreadingHTTPServer):
    """Answers as Railway's API does. ``seen`` notes each request: a root field, ``up`` or ``socket``."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, world: World, faults: Faults) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.world, self.faults = world, faults
        self.schema = schema()
        self.tokens = {"project-token": "project", "account-token": "account"}
        self.seen: list[str] = []
        self.broken: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.heard: Callable[[str, str], None] = _nobody
        self.over = threading.Event()
        self.sockets: set[socket.socket] = set()

    @property
    def url(self) -> str:
        """Return where the API is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Remember what broke here; that clients come and go is no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            self.broken.append(traceback.format_exc())

    def scope(self, headers: Any) -> str:
        """Return what a request's token is for; nothing where it is none, or sent the wrong way."""
        project = headers.get("Project-Access-Token")
        kind = self.tokens.get(project or "")
        if project:
            return "project" if kind == "project" else ""
        bearer = (headers.get("Authorization") or "").removeprefix("Bearer ")
        return "account" if self.tokens.get(bearer) == "account" else ""


class Handler(BaseHTTPRequestHandler):
    """One connection to the API."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        """Answer a GraphQL request or an upload."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        try:
            self._first_of_all(path)
            if path == GRAPHQL:
                self._graphql(json.loads(body))
            elif path.startswith("/project/") and path.endswith("/up"):
                self._upload(path, body)
            else:
                self._json(404, {"message": "Not Found"})
        except Answered:
            pass
        except Cut:
            self.close_connection = True
            self.connection.close()

    def do_GET(self) -> None:
        """Open a socket."""
        if self.headers.get("Upgrade", "").lower() != "websocket":
            return self._json(404, {"message": "Not Found"})
        from pitstop.testing.railway.sockets import serve

        self.server.seen.append("socket")
        self.close_connection = True
        if self.server.faults.silent or self.server.faults.no_sockets:
            self.connection.close()
            return None
        return serve(self, self.server)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    # How

    def _first_of_all(self, path: str) -> None:
        """Cut, limit or garble, before anything is looked at."""
        faults = self.server.faults
        if faults.silent:
            raise Cut
        if faults.limited:
            after = faults.limited.pop(0)
            self.server.seen.append("limited")
            self._json(429, {"message": "Too many requests"}, {"Retry-After": f"{after:g}"})
            raise Answered
        if faults.statuses:
            self.server.seen.append("garbled")
            self._send(faults.statuses.pop(0), b"<html>something went wrong</html>", "text/html")
            raise Answered
        if faults.budget is not None:
            if faults.budget <= 0:
                self.server.seen.append("limited")
                self._json(429, {"message": "Too many requests"}, {"Retry-After": "1800"})
                raise Answered
            faults.budget -= 1

    def _graphql(self, asked: dict[str, Any]) -> None:
        self.server.headers.append(dict(self.headers))
        document, name, errors = prepared(asked)
        if errors or document is None:
            return self._json(400, {"errors": errors})
        self.server.seen.append(name)
        scope = self.server.scope(self.headers)
        if not scope:
            denied = "Project Token not found" if name == "projectToken" else "Not Authorized"
            return self._json(200, {"errors": [{"message": denied}], "data": None})
        return self._json(200, self._executed(document, name, scope, asked))

    def _executed(
        self, document: DocumentNode, name: str, scope: str, asked: dict[str, Any]
    ) -> dict[str, Any]:
        faults, world = self.server.faults, self.server.world
        if faults.happens(faults.lost, name):
            raise Cut
        if faults.errors.get(name):
            message = faults.errors[name].pop(0)
            return {"errors": [{"message": message, "path": [name]}], "data": None}
        root: dict[str, Any] = Graph(world, scope).root
        if faults.happens(faults.falsehoods, name):
            root[name] = False
        self.server.heard("before", name)
        with world.lock:
            done = execute_sync(
                self.server.schema, document, root, variable_values=asked.get("variables")
            )
        self.server.heard("after", name)
        if faults.happens(faults.unanswered, name):
            raise Cut
        answer: dict[str, Any] = dict(done.formatted)
        return distorted(answer, faults)

    def _upload(self, path: str, body: bytes) -> None:
        self.server.seen.append("up")
        self.server.headers.append(dict(self.headers))
        faults, world = self.server.faults, self.server.world
        asked = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        _, _, project, _, environment, _ = path.split("/")
        known = (world.project["id"], world.environment["id"], world.service["id"])
        if not self.server.scope(self.headers):
            return self._json(401, {"message": "Unauthorized"})
        if (project, environment, asked.get("serviceId")) != known:
            return self._json(404, {"message": "Not Found"})
        if faults.largest_upload is not None and len(body) > faults.largest_upload:
            return self._send(413, b"Payload Too Large", "text/plain")
        if faults.bad_upload:
            return self._json(400, {"message": faults.bad_upload})
        if faults.happens(faults.lost, "up"):
            raise Cut
        try:
            files = unpacked(body)
        except (OSError, tarfile.TarError) as odd:
            return self._json(400, {"message": f"the archive cannot be read: {odd}"})
        meta = {"reason": "deploy", "cliMessage": asked.get("message", "")}
        self.server.heard("before", "up")
        one = world.deploy(files, meta)
        world.acts.append(f"up {one.id}")
        self.server.heard("after", "up")
        if faults.happens(faults.unanswered, "up"):
            raise Cut
        logs = f"https://railway.example/project/{project}/logs"
        domain = world.domain
        told = {"deploymentId": one.id, "url": logs, "logsUrl": logs, "deploymentDomain": domain}
        return self._json(200, told)

    def _json(self, status: int, held: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(held).encode(), "application/json", headers)

    def _send(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        faults = self.server.faults
        left = faults.hourly if faults.budget is None else faults.budget
        reset = int(self.server.world.now().timestamp()) + 3600
        limits = {"Limit": faults.hourly, "Remaining": left, "Reset": reset}
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in limits.items():
            self.send_header(f"X-RateLimit-{name}", str(value))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)


class Answered(Exception):
    """The request has its answer already."""


def prepared(asked: dict[str, Any]) -> tuple[DocumentNode | None, str, list[dict[str, Any]]]:
    """Return a request's document and its root field, or what is wrong with it."""
    return _prepared(str(asked.get("query") or ""))


@functools.lru_cache(maxsize=200)
def _prepared(query: str) -> tuple[DocumentNode | None, str, list[dict[str, Any]]]:
    try:
        document = parse(query)
    except GraphQLError as odd:
        return None, "", [{"message": odd.message}]
    wrong = validate(schema(), document)
    if wrong:
        return None, "", [{"message": one.message} for one in wrong]
    operation = next(
        one for one in document.definitions if isinstance(one, OperationDefinitionNode)
    )
    field: Any = operation.selection_set.selections[0]
    return document, field.name.value, []


def is_subscription(document: DocumentNode) -> bool:
    """Return whether a document's operation is one."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return operations[0].operation is OperationType.SUBSCRIPTION


def distorted(answer: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """Return an answer as a service tells it that has grown, or that keeps something back."""
    if faults.odd_status or faults.without_digest:
        _walk(answer, faults)
    return answer


def _walk(held: Any, faults: Faults) -> None:
    for each in held.values() if isinstance(held, dict) else held if isinstance(held, list) else ():
        _walk(each, faults)
    if isinstance(held, dict):
        if faults.odd_status and "status" in held and held["status"] not in ("REMOVED", "SUCCESS"):
            held["status"] = faults.odd_status
        if faults.without_digest and isinstance(held.get("meta"), dict):
            held["meta"] = {k: v for k, v in held["meta"].items() if k != "imageDigest"}


def unpacked(body: bytes) -> dict[str, bytes]:
    """Return the files of an uploaded archive, by path. Raises OSError, TarError."""
    files = {}
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(body))) as archive:
        for member in archive:
            if member.isfile():
                held = archive.extractfile(member)
                files[member.name.removeprefix("./")] = held.read() if held else b""
    return files
