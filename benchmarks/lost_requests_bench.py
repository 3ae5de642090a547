"""Deploy and roll back again and again under load, and count every request that was lost.

usage: python benchmarks/lost_requests_bench.py [--rounds 60] [--connections 4]

Each round deploys a new release, returns to the one before, and retires what is not live any more.
Three loads run all the time, without retries: ``get`` and ``post`` keep their connections, ``close``
opens one for each request. A request is lost when its connection ends before the answer, or when
the answer is 5xx. Loopback only; everything that was started is ended. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from contracts.platforms import LocalWorld

KINDS = ("get", "post", "close")


@dataclass
class Heard:
    """What one kind of load saw."""

    answered: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    versions: set[str] = field(default_factory=set)
    took: list[float] = field(default_factory=list)

    def report(self) -> dict[str, object]:
        """Return it as plain data."""
        ordered = sorted(self.took) or [0.0]
        return {
            "answered": self.answered,
            "lost": sum(self.lost.values()),
            "how": dict(self.lost),
            "releases_seen": len(self.versions),
            "p50_ms": round(ordered[len(ordered) // 2], 2),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2),
            "max_ms": round(ordered[-1], 2),
        }


class Load:
    """Clients that ask without pause until they are told to stop."""

    def __init__(self, port: int, connections: int) -> None:
        self.port, self.connections = port, connections
        self.heard = {kind: Heard() for kind in KINDS}
        self.over = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(k) for k in KINDS for _ in range(self.connections)))

    async def _client(self, kind: str) -> None:
        heard, streams = self.heard[kind], None
        while not self.over.is_set():
            began = time.perf_counter()
            try:
                streams = streams or await asyncio.open_connection("127.0.0.1", self.port)
                status, version, last = await asyncio.wait_for(_request(kind, *streams), 20)
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                heard.lost[type(error).__name__] += 1
                last = True
            else:
                heard.answered += 1
                heard.took.append((time.perf_counter() - began) * 1000)
                heard.versions.add(version)
                if status >= 500:
                    heard.lost[f"answer {status}"] += 1
            if last and streams:
                streams[1].close()
                streams = None
            await asyncio.sleep(0.002)  # leaves the machine to the programs that are measured
        if streams:
            streams[1].close()


async def _request(
    kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[int, str, bool]:
    """Send one request; return the status, the release, and whether the connection is over."""
    method, body = ("POST", b"p" * 100) if kind == "post" else ("GET", b"")
    fields = [f"{method} /work HTTP/1.1", "Host: shop", f"Content-Length: {len(body)}"]
    if kind == "close":
        fields.append("Connection: close")
    writer.write("\r\n".join([*fields, "", ""]).encode() + body)
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    names = dict(line.split(": ", 1) for line in rest if ": " in line)
    await reader.readexactly(int(names.get("content-length", 0)))
    last = kind == "close" or names.get("connection") == "close"
    return int(first.split()[1]), names.get("x-version", "none"), last


def main(rounds: int = 60, connections: int = 4) -> int:
    """Run the rounds and print what was measured; return 1 if a request was lost."""
    found = measured(rounds, connections)
    print(json.dumps(found, indent=1))
    return int(any(found[kind]["lost"] for kind in KINDS))  # type: ignore[index]


def measured(rounds: int, connections: int) -> dict[str, object]:
    """Run the rounds; return what was measured."""
    world = LocalWorld()
    load = Load(world.port, connections)
    took: dict[str, list[float]] = {"deploy": [], "rollback": []}
    try:
        load.thread.start()
        for number in range(rounds):
            before = world.platform.running()
            assert before is not None
            began = time.perf_counter()
            after = world.platform.deploy(world.release(f"release{number}"))
            deployed = time.perf_counter()
            world.platform.return_to(before.id)
            took["deploy"].append(deployed - began)
            took["rollback"].append(time.perf_counter() - deployed)
            if number % 2:  # every other time the new release is what stays
                world.platform.return_to(after.id)
            world.platform.retire(before.id if number % 2 else after.id)
    finally:
        load.over.set()
        load.thread.join()
        world.end()
    return (
        {"rounds": rounds}
        | {k: _times(v) for k, v in took.items()}
        | {kind: heard.report() for kind, heard in load.heard.items()}
    )


def _times(seconds: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(statistics.median(seconds) * 1000, 1),
        "max_ms": round(max(seconds) * 1000, 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=4)
    given = parser.parse_args()
    sys.exit(main(given.rounds, given.connections))
