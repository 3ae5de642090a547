"""The double as tests and drills use it: start it, point pitstop's ``api`` at it, let things go wrong."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from pitstop.testing.railway.apps import Answer, App, in_process
from pitstop.testing.railway.edge import Edge, note
from pitstop.testing.railway.faults import Faults
from pitstop.testing.railway.server import Server
from pitstop.testing.railway.world import Deployment, World


class Railway:
    """A Railway on the loopback, with one project that has one service.

    ``api`` is the address of its API, ``url`` where users reach the service; tokens are
    ``project-token`` and ``account-token``. Without ``app`` a deployment answers with the file
    ``commit`` of its upload. ``now`` is its clock: real time, or whatever a test sets.
    """

    def __init__(self, app: App | None = None, now: Callable[[], datetime] | None = None) -> None:
        self.faults = Faults()
        self.world = World(app or in_process(its_commit), now)
        self._server, self._edge = Server(self.world, self.faults), Edge(self.world, self.faults)
        self.world.domain = self.url.removeprefix("http://")
        self._threads = [
            threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True)
            for one in (self._server, self._edge)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def api(self) -> str:
        """Return where the API is."""
        return self._server.url

    @property
    def url(self) -> str:
        """Return where users reach the service."""
        return f"http://127.0.0.1:{self._edge.server_address[1]}"

    @property
    def seen(self) -> list[str]:
        """Return each request so far: its root field, ``up``, ``socket`` or ``follow FIELD``."""
        return self._server.seen

    @property
    def headers(self) -> list[dict[str, str]]:
        """Return the headers of each request so far."""
        return self._server.headers

    def asked(self) -> int:
        """Return how many requests count against the rate limit so far."""
        return len([one for one in self.seen if not one.startswith("follow ")])

    def hear(self, listener: Callable[[str, str], None]) -> None:
        """Let somebody hear of each request: ``before`` or ``after`` it is done, and its root field.

        It has no answer yet; who raises ConnectionError in *before* keeps it from being done.
        """
        self._server.heard = listener

    # What others do

    def someone_deploys(self, files: Mapping[str, bytes], **meta: object) -> Deployment:
        """Let somebody deploy without pitstop; ``meta`` as Railway keeps it, ``commitHash`` say."""
        return self.world.deploy(dict(files), {"reason": "deploy", **meta})

    def user(self, deployment_id: str, status: int, ms: int = 10, agent: str = "Mozilla") -> None:
        """Write down a user's request that nobody made."""
        note(self.world, deployment_id, status, ms, agent=agent)

    def say(self, deployment_id: str, *texts: str) -> None:
        """Let a deployment write lines, all at one moment."""
        one = self.world.find(deployment_id)
        if one:
            self.world.say(one.log, self.world.now(), *texts)

    def hurry(self) -> None:
        """Let everything that is still ahead happen now, and from now on at once."""
        with self.world.lock:
            self.world.pace = 0.0
            for one in self.world.deployments:
                for step in one.ahead:
                    step.at = min(step.at, self.world.now())
            self.world.tell()

    # What goes wrong

    def expire(self, deployment_id: str, *, source: bool = False) -> None:
        """Let a deployment's image be gone; and its source, too, if asked."""
        one = self.world.find(deployment_id)
        if one:
            one.has_image, one.has_source = False, one.has_source and not source

    def crash(self, deployment_id: str) -> None:
        """Let a deployment crash for good."""
        one = self.world.find(deployment_id)
        if one:
            self.world.become(one, "CRASHED")

    def drop_sockets(self) -> int:
        """Cut every open socket; return how many there were."""
        open_now = list(self._server.sockets)
        for each in open_now:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        return len(open_now)

    def end(self) -> None:
        """Stop everything. Raises AssertionError where the double itself broke meanwhile."""
        self._server.over.set()
        for one in (self._server, self._edge):
            one.shutdown()
            one.server_close()
        self.drop_sockets()
        for thread in self._threads:
            thread.join(10)
        self.world.end()
        if self._server.broken:
            raise AssertionError(self._server.broken[0])

    def __enter__(self) -> Railway:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def its_commit(files: Mapping[str, bytes], method: str, path: str) -> Answer:
    """Answer with the file ``commit`` of the upload; one that begins with ``sick`` is not well."""
    commit = files.get("commit", b"").strip()
    return (503 if commit.startswith((b"sick", b"exits")) else 200), commit
