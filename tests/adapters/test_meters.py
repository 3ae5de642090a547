"""What is read beside users' requests: Prometheus, memory, a Postgres, probes; and its recording."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from contracts.platforms import until
from pitstop.adapters._run import Runner
from pitstop.adapters.telemetry.access_log import AccessLog
from pitstop.adapters.telemetry.memory import CgroupMemory, ProcessMemory
from pitstop.adapters.telemetry.postgres import DatabaseSettings, PostgresMeter
from pitstop.adapters.telemetry.probe import Prober, ProbeSettings
from pitstop.adapters.telemetry.prometheus import Prometheus, PrometheusSettings
from pitstop.adapters.telemetry.readings import Combined, Recorder
from pitstop.config import Secret
from pitstop.ports import CannotTell

AT = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
ZERO = AT.timestamp()


class Answers:
    """A server on loopback that answers as it is told, and remembers what it was asked."""

    def __init__(self, answer: Callable[[str, dict[str, Any]], tuple[int, str]]) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = urlsplit(self.path)
                words = {name: one[0] for name, one in parse_qs(found.query).items()}
                outer.asked.append((found.path, words | {"agent": self.headers["User-Agent"]}))
                status, body = answer(found.path, words)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def serving() -> Iterator[Callable[..., Answers]]:
    """Start servers, and close them."""
    started: list[Answers] = []

    def serve(answer: Callable[[str, dict[str, Any]], tuple[int, str]]) -> Answers:
        started.append(Answers(answer))
        return started[-1]

    yield serve
    for one in started:
        one.close()


# Prometheus


def scraped(series: dict[str, list[tuple[dict[str, str], list[tuple[float, float]]]]]):
    """Answer a range of raw samples as the server does."""

    def answer(path: str, words: dict[str, Any]) -> tuple[int, str]:
        selector, seconds = words["query"].rsplit("[", 1)
        end = float(words["time"])
        begin = end - float(seconds.removesuffix("s]"))
        result = [
            {
                "metric": labels,
                "values": [[ZERO + at, f"{v}"] for at, v in samples if begin < ZERO + at <= end],
            }
            for labels, samples in series.get(selector, [])
        ]
        result = [one for one in result if one["values"]]
        data = {"resultType": "matrix", "result": result}
        return 200, json.dumps({"status": "success", "data": data})

    return answer


def prometheus(url: str, **more: Any) -> Prometheus:
    return Prometheus(PrometheusSettings(url=url, requests="all", errors="failed", **more))


def test_counters_are_read_by_their_increments_and_a_restart_counts_from_zero(serving):
    """A counter that fell has begun anew; a process that is new was not there before."""
    server = serving(
        scraped(
            {
                "all": [
                    ({"i": "a"}, [(-5, 100), (5, 150), (10, 10), (15, 30)]),
                    ({"i": "new"}, [(10, 7), (15, 9)]),
                ],
                "failed": [({"i": "a"}, [(-5, 1), (5, 3), (10, 0), (15, 4)])],
            }
        )
    )
    heard = prometheus(server.url).intervals(AT, AT + timedelta(seconds=60))
    assert [(one.at, one.requests, one.errors) for one in heard] == [
        (5.0, 50, 2),
        (10.0, 17, 0),
        (15.0, 22, 4),
    ]


def test_a_stream_counts_each_scrape_once_also_a_late_one(serving):
    """The next read goes on from the last sample of each series."""
    samples = [(-5.0, 0.0), (5.0, 10.0)]
    server = serving(scraped({"all": [({}, samples)], "failed": [({}, [(-5, 0)])]}))
    stream = prometheus(server.url).follow(AT)
    assert [one.requests for one in stream.read(AT + timedelta(seconds=6))] == [10]
    assert stream.read(AT + timedelta(seconds=7)) == []
    samples += [(6.5, 12.0), (15.0, 20.0)]
    assert [one.requests for one in stream.read(AT + timedelta(seconds=16))] == [2, 8]
    assert stream.fresh() == AT + timedelta(seconds=15)


def test_buckets_are_taken_apart_and_le_becomes_milliseconds(serving):
    """What is below an edge is not above the one before."""
    rows = [
        ({"le": "0.1"}, [(-5, 0), (5, 6)]),
        ({"le": "0.5"}, [(-5, 0), (5, 9)]),
        ({"le": "+Inf"}, [(-5, 0), (5, 10)]),
    ]
    server = serving(scraped({"all": [({}, [(-5, 0), (5, 10)])], "failed": [], "took": rows}))
    heard = prometheus(server.url, latency="took").intervals(AT, AT + timedelta(seconds=9))
    assert heard[0].buckets == [(100.0, 6), (500.0, 3), (float("inf"), 1)]


def test_of_one_deployment_only_its_label_is_asked_for(serving):
    """Braces or none."""
    server = serving(scraped({}))
    source = prometheus(server.url, deployment="version")
    assert source.selectors("d2")["requests"] == 'all{version="d2"}'
    more = PrometheusSettings(
        url=server.url, requests='all{app="shop"}', errors="failed", deployment="version"
    )
    assert Prometheus(more).selectors("d2")["requests"] == 'all{app="shop",version="d2"}'
    assert Prometheus(more).selectors(None)["requests"] == 'all{app="shop"}'


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, json.dumps({"status": "success", "data": {"result": []}}), "knows no series all"),
        (400, json.dumps({"status": "error", "error": "parse error"}), "refuses all: parse error"),
        (502, "<html>", "502 with something that is no JSON"),
        (200, "[]", "a shape that is not its own"),
    ],
)
def test_a_server_that_does_not_tell_is_the_sources_failure(serving, status, body, said):
    """Never silence."""
    server = serving(lambda path, words: (status, body))
    with pytest.raises(CannotTell, match=said):
        prometheus(server.url).intervals(AT, AT + timedelta(seconds=9))


def test_a_server_that_is_gone_is_said(serving):
    """With what the network said."""
    server = serving(scraped({}))
    server.close()
    server.close = lambda: None
    with pytest.raises(CannotTell, match="Prometheus does not answer"):
        prometheus(server.url).intervals(AT, AT + timedelta(seconds=9))


# Memory


def test_memory_is_that_of_the_process_and_its_children(tmp_path: Path):
    """By a file with its id; one that is gone is said to be gone."""
    grow = "b = bytearray(40_000_000)\nprint('up', flush=True)\ninput()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grow!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == b"up\n"
        (tmp_path / "pid").write_text(f"{process.pid}\n")
        held = ProcessMemory(tmp_path / "pid").read()["memory"]
        process.stdin.close()
        process.wait()
    assert held > 40_000_000
    with pytest.raises(CannotTell, match="is gone"):
        ProcessMemory(tmp_path / "pid").read()


def test_a_container_holds_what_it_does_not_only_cache(tmp_path: Path):
    """As its cgroup tells it."""
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 300\n")
    assert CgroupMemory(tmp_path).read() == {"memory": 700.0}
    (tmp_path / "memory.current").unlink()
    with pytest.raises(CannotTell, match="tells no memory"):
        CgroupMemory(tmp_path).read()


# A database


def test_a_database_says_who_waits_and_what_fails(a_postgres, monkeypatch: pytest.MonkeyPatch):
    """Of a real server: a lock that is held, and a transaction that was rolled back."""
    monkeypatch.setenv("METER_DATABASE", a_postgres.new())
    settings = DatabaseSettings(url=Secret(env="METER_DATABASE"), programs=str(a_postgres.programs))
    meter = PostgresMeter(settings, Runner())
    assert meter.read()["db.lock_waits"] == 0.0
    psql = [a_postgres.programs / "psql", "-XAtq", os.environ["METER_DATABASE"]]
    subprocess.run([*psql, "-c", "CREATE TABLE t ()"], check=True)
    with subprocess.Popen(psql, stdin=subprocess.PIPE) as holder:
        assert holder.stdin
        holder.stdin.write(b"BEGIN; LOCK TABLE t;\n")
        holder.stdin.flush()
        with subprocess.Popen(psql, stdin=subprocess.PIPE) as waiter:
            assert waiter.stdin
            waiter.stdin.write(b"LOCK TABLE t;\n")
            waiter.stdin.write(b"BEGIN; LOCK TABLE t; ROLLBACK;\n")
            waiter.stdin.flush()
            found: dict[str, float] = {}

            def waits() -> bool:
                found.update(meter.read())
                return found["db.lock_waits"] == 1.0 or found.get("db.failing", 0) > 0

            until(waits)
            holder.stdin.close()
            holder.wait()
            waiter.stdin.close()
            waiter.wait()
    assert set(found) >= {"db.lock_waits", "db.longest_ms", "db.failing"}


def test_a_database_that_is_not_there_is_said(a_postgres, monkeypatch: pytest.MonkeyPatch):
    """And one whose address is not set."""
    gone = DatabaseSettings(url=Secret(env="METER_GONE"), programs=str(a_postgres.programs))
    with pytest.raises(CannotTell, match="METER_GONE is not set"):
        PostgresMeter(gone, Runner()).read()
    monkeypatch.setenv("METER_GONE", "postgres://127.0.0.1:1/x")
    with pytest.raises(CannotTell, match="The database said"):
        PostgresMeter(gone, Runner()).read()


# Probes, and the recording


def test_probes_ask_in_turn_say_who_they_are_and_stop(serving, tmp_path: Path):
    """A failing answer is an error; they are no users."""
    server = serving(lambda path, words: (500 if path == "/bad" else 200, "x"))
    file = tmp_path / "readings.jsonl"
    recorder = Recorder([], file)
    settings = ProbeSettings(paths=["/", "/bad"], per_second=50.0)
    prober = Prober(settings, lambda: server.url, recorder.probed)
    began = datetime.now(UTC)
    prober.start()
    until(lambda: len(server.asked) >= 10)
    prober.stop()
    count = len(server.asked)
    heard = Combined(AccessLog(lambda: [_empty(tmp_path)]), recorder, file, str).intervals(
        began - timedelta(seconds=1), datetime.now(UTC)
    )
    assert {one.users for one in heard} == {False}
    assert sum(one.requests for one in heard) == count == len(server.asked)
    assert sum(one.errors for one in heard) == count // 2
    assert all(words["agent"].startswith("pitstop/") for _, words in server.asked)


def _empty(folder: Path) -> Path:
    (folder / "access.log").touch()
    return folder / "access.log"


class Meter:
    """A meter that says one value, or fails."""

    name = "memory"

    def __init__(self) -> None:
        self.value: float | None = 5.0

    def read(self) -> dict[str, float]:
        if self.value is None:
            raise CannotTell("the process is gone.")
        return {"memory": self.value}


def test_what_meters_say_survives_a_crash_and_a_torn_line(tmp_path: Path):
    """A stream goes on where it was; requests are heard whatever the meters do."""
    file, meter = tmp_path / "readings.jsonl", Meter()
    recorder = Recorder([meter], file)
    began = datetime.now(UTC) - timedelta(seconds=1)
    both = Combined(AccessLog(lambda: [_empty(tmp_path)]), recorder, file, str)
    stream = both.follow(began)
    recorder.read_once()
    with file.open("a") as torn:
        torn.write('{"at": 17954')
    with file.open("a") as torn:
        torn.write("\n")
    meter.value = None
    recorder.read_once()
    assert (
        recorder.troubles() == both.troubles() == ["The meter memory failed: the process is gone."]
    )
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert [one.readings for one in stream.read(later)] == [{"memory": 5.0}]
    assert stream.read(later) == []
    assert [one.readings for one in both.intervals(began, later)] == [{"memory": 5.0}]
