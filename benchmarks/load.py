"""Users of one address, counted from outside: a process that knows nothing of pitstop.

usage: python benchmarks/load.py PORT CONNECTIONS

Three loads run side by side, without retries: ``get`` and ``post`` keep their connections, ``close``
opens one for each request. A request is lost when its connection ends before the answer, or when the
answer is 5xx. Ends with standard input; prints one JSON object. Loopback only.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

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
    """Clients that ask without pause until standard input ends."""

    def __init__(self, port: int, connections: int) -> None:
        self.port, self.connections = port, connections
        self.heard = {kind: Heard() for kind in KINDS}
        self.over = threading.Event()

    async def run(self) -> None:
        """Ask until it is over."""
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


def main(port: int, connections: int) -> None:
    """Ask until standard input ends; print what was heard."""
    load = Load(port, connections)

    def wait() -> None:
        sys.stdin.read()
        load.over.set()

    threading.Thread(target=wait, daemon=True).start()
    asyncio.run(load.run())
    print(json.dumps({kind: heard.report() for kind, heard in load.heard.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
