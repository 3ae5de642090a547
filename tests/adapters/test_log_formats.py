"""Lines as servers write them, and logs as they grow, are rotated, cut off and garbled."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitstop.adapters._run import Runner
from pitstop.adapters.telemetry import formats
from pitstop.adapters.telemetry.access_log import AccessLog, AccessLogSettings, access_log
from pitstop.adapters.telemetry.command import CommandSettings, CommandTelemetry
from pitstop.adapters.telemetry.log_lines import LogLinesSettings, log_lines
from pitstop.adapters.telemetry.tail import Tail
from pitstop.ports import CannotTell

AT = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
NGINX = (
    b'203.0.113.9 - bob [27/Nov/2026:03:00:05 +0000] "GET /pay?card=1 HTTP/1.1" 502 154 '
    b'"https://shop.example/" "Mozilla/5.0 (X11; \\"odd\\")" 0.128'
)
APACHE = (
    b'203.0.113.9 - - [27/Nov/2026:04:00:05 +0100] "GET /pay HTTP/1.1" 200 - "-" "curl/8" 250000'
)
ENVOY = (
    b'[2026-11-27T03:00:05.310Z] "POST /api/v1/locations HTTP/2" 503 UF 154 0 226 100 '
    b'"10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"'
)
CADDY = (
    b'{"level":"info","ts":1795748405.5,"logger":"http.log.access","msg":"handled request",'
    b'"request":{"remote_ip":"203.0.113.9","client_ip":"203.0.113.9","method":"GET","uri":"/",'
    b'"headers":{"User-Agent":["curl/8"]}},"duration":0.25,"size":2,"status":200}'
)
SECOND = AT.timestamp() + 5


@pytest.mark.parametrize(
    ("read", "line", "ended", "status", "ms", "client"),
    [
        (formats.nginx, NGINX, SECOND, 502, 128.0, "203.0.113.9"),
        (formats.apache, APACHE, SECOND + 0.25, 200, 250.0, "203.0.113.9"),
        (formats.envoy, ENVOY, SECOND + 0.536, 503, 226.0, "10.0.35.28"),
        (formats.caddy, CADDY, SECOND + 0.5, 200, 250.0, "203.0.113.9"),
    ],
)
def test_a_line_of_each_server_is_one_request(read, line, ended, status, ms, client):
    """When it was answered, how, how long it took, and who asked."""
    found = read(line)
    assert (found.status, found.ms, found.client) == (status, pytest.approx(ms), client)
    assert found.ended == pytest.approx(ended, abs=1e-3)


@pytest.mark.parametrize("read", [formats.nginx, formats.apache, formats.envoy, formats.caddy])
def test_requests_of_our_own_are_not_users(read):
    """They say so in their agent."""
    for line in (NGINX, APACHE, ENVOY, CADDY):
        ours = line.replace(b"curl/8", b"pitstop/1").replace(b"Mozilla/5.0", b"pitstop/1")
        assert read(ours.replace(b"nsq2http", b"pitstop/1")) is None


MAPPING = {"at": "time", "status": "http.status", "seconds": "took", "client": "ip", "id": "rid"}


def test_json_of_any_shape_is_read_by_its_mapping():
    """Dotted keys; a start is not an end; times are numbers or text."""
    line = {"time": "2026-11-27T03:00:05Z", "http": {"status": "500"}, "took": 0.5, "ip": "c"}
    found = formats.mapped(MAPPING)(json.dumps(line).encode())
    assert found[:5] == (SECOND, 500, 500.0, "", "c")
    started = formats.mapped(MAPPING, at_is_start=True)(json.dumps(line).encode())
    assert started.ended == SECOND + 0.5


@pytest.mark.parametrize("value", [SECOND, SECOND * 1e3, SECOND * 1e6, SECOND * 1e9, str(SECOND)])
def test_a_time_is_known_by_its_size(value):
    """Seconds, milliseconds, microseconds, nanoseconds."""
    assert formats.moment(value) == pytest.approx(SECOND)


@given(st.binary(max_size=200))
def test_whatever_stands_in_a_line_no_reader_breaks(line):
    """It is a request, or it is none."""
    readers = (formats.pitstop, formats.caddy, formats.envoy, formats.nginx, formats.apache)
    for read in (*readers, formats.mapped(MAPPING)):
        assert read(line) is None


def test_a_wrong_mapping_is_said_with_an_example_and_is_never_silence(tmp_path):
    """What cannot be read is not a service without users."""
    rows = [json.dumps({"when": n, "code": 200, "url": "/a?token=geheim"}) for n in range(40)]
    (tmp_path / "a.log").write_text("\n".join(rows) + "\n")
    given = AccessLogSettings(paths=["a.log"], mapping={"at": "time", "status": "status"})
    log = access_log(given, tmp_path)
    for ask in (
        lambda: log.intervals(AT, AT + timedelta(minutes=1)),
        lambda: log.follow(AT).read(AT + timedelta(minutes=1)),
    ):
        with pytest.raises(CannotTell) as said:
            ask()
        assert "40 of 40 lines" in str(said.value)
        assert "It has no time, status" in str(said.value)
        assert "geheim" not in str(said.value)


def line(second: float, number: int = 0) -> bytes:
    held = {"at": AT.timestamp() + second, "status": 200, "ms": 0, "deployment": "d1", "n": number}
    return json.dumps(held).encode() + b"\n"


def test_what_arrives_late_keeps_its_own_second_and_comes_once(tmp_path):
    """A stream is read again and again; nothing is lost at its edges."""
    file = tmp_path / "access.log"
    file.write_bytes(line(0.5) + line(1.5))
    stream = AccessLog(lambda: [file]).follow(AT)
    assert [(one.at, one.requests) for one in stream.read(AT + timedelta(seconds=1))] == [(0.0, 1)]
    with file.open("ab") as log:
        log.write(line(0.7) + line(1.6)[:-9])
    heard = stream.read(AT + timedelta(seconds=5))
    assert [(one.at, one.requests) for one in heard] == [(0.0, 1), (1.0, 1)]
    with file.open("ab") as log:
        log.write(line(1.6)[-9:])
    assert [one.at for one in stream.read(AT + timedelta(seconds=5))] == [1.0]
    assert stream.read(AT + timedelta(seconds=5)) == []
    assert stream.fresh() == AT + timedelta(seconds=1.6)


def test_a_log_that_was_shipped_twice_counts_once_where_requests_have_numbers(tmp_path):
    """The same number is the same request."""
    file = tmp_path / "envoy.log"
    file.write_bytes((ENVOY + b"\n") * 2)
    log = access_log(AccessLogSettings(paths=["envoy.log"], format="envoy"), tmp_path)
    assert sum(one.requests for one in log.intervals(AT, AT + timedelta(minutes=1))) == 1
    stream = log.follow(AT)
    assert sum(one.requests for one in stream.read(AT + timedelta(minutes=1))) == 1


def test_a_log_that_is_gone_is_no_silence(tmp_path):
    """The source has failed; that is said."""
    log = AccessLog(list)
    with pytest.raises(CannotTell, match="no access log"):
        log.follow(AT).read(AT)


acts = st.lists(
    st.sampled_from(["write", "write", "half", "rotate", "truncate", "copy", "read"]), max_size=40
)


@settings(max_examples=60)
@given(acts)
def test_every_line_is_read_once_however_the_log_is_turned_over(tmp_path_factory, doing):
    """Renamed away, cut off after a copy was made, written in halves: each line once, in order."""
    folder = tmp_path_factory.mktemp("logs")
    log, number, half, turned = folder / "a.log", 0, b"", 0
    log.touch()

    def files() -> list[Path]:
        old = sorted(folder.glob("a.log.*"), key=lambda path: int(path.suffix[1:]))
        return [*old, log]

    tail, heard = Tail(files, lambda file: 0), []
    for act in [*doing, "read"]:
        if act in ("write", "half"):
            number += 1
            whole = f"{number}\n".encode() if not half else b""
            data = half + whole
            half = b""
            if act == "half":
                half, data = data[-1:], data[:-1]
            with log.open("ab") as file:
                file.write(data)
        elif act == "rotate" and not half:
            turned += 1
            os.rename(log, folder / f"a.log.{turned}")
            log.touch()
        elif act in ("truncate", "copy") and not half:
            heard += tail.lines()  # what is not read by then is lost with the file
            if act == "copy":
                turned += 1
                (folder / f"a.log.{turned}").write_bytes(log.read_bytes())
            os.truncate(log, 0)
            heard += tail.lines()
        elif act == "read":
            heard += tail.lines()
    tail.close()
    numbers = [int(one) for one in heard]
    assert numbers == sorted(set(numbers))
    assert not half or numbers[-1:] != [number]


def test_lines_of_a_service_say_error_or_success(tmp_path):
    """By patterns; what has no time with its zone is not counted."""
    (tmp_path / "app.log").write_text(
        "2026-11-27 03:00:01,250+00:00 ERROR payment failed\n"
        "2026-11-27T03:00:02Z INFO SUCCESS order 7\n"
        "2026-11-27T03:00:02Z INFO cache warm\n"
        "ERROR without a time\n"
    )
    log = log_lines(LogLinesSettings(paths=["app.log"]), tmp_path)
    heard = log.intervals(AT, AT + timedelta(minutes=1))
    assert [(one.at, one.requests, one.errors) for one in heard] == [(1.0, 1, 1), (2.0, 1, 0)]


def told(command: str, tmp_path: Path):
    asked = CommandSettings(command=command, answer_within=timedelta(seconds=5))
    return CommandTelemetry(asked, tmp_path, Runner()).intervals(AT, AT + timedelta(minutes=1))


def test_a_command_counts_in_json(tmp_path):
    """With the times that it was asked for."""
    answer = '{"from": "2026-11-27T03:00:00Z", "until": "%s", "requests": 9, "errors": 2}'
    heard = told(f"printf '{answer}' {{until}}", tmp_path)
    assert [(one.at, one.requests, one.errors) for one in heard] == [(0.0, 9, 2)]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo hello", "printed no JSON: 'hello'"),
        ("echo '{}'", "of another shape: from: Field required"),
        ("echo no such database >&2; exit 3", "exit code 3: no such database"),
    ],
)
def test_a_command_that_does_not_count_is_the_sources_failure(tmp_path, command, said):
    """In its own words."""
    with pytest.raises(CannotTell, match=said):
        told(command, tmp_path)
