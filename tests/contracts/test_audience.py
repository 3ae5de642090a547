"""What every audience promises: told once, and honest about what it does not know."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pitstop.adapters.notifiers.file import FileAudience
from pitstop.adapters.notifiers.webhook import WebhookAudience
from pitstop.adapters.simulated import SimulatedAudience, World
from pitstop.ports import CannotTell, Refused


@pytest.fixture
def hook():
    """A webhook that answers with its ``status``, or hangs up."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.server.heard.append(self.headers["Idempotency-Key"])
            if self.server.status is None:
                self.connection.close()
                return
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.heard, server.status = [], 204
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["file", "webhook", "simulated"])
def audience(request, tmp_path):
    """Each kind of audience, as often as a new process would make it."""
    if request.param == "file":
        return lambda: FileAudience("team", tmp_path / "said.log")
    if request.param == "webhook":
        server = request.getfixturevalue("hook")
        url = f"http://127.0.0.1:{server.server_port}/"
        return lambda: WebhookAudience("team", url, tmp_path / "marks")
    world = World()
    return lambda: SimulatedAudience(world)


def test_what_was_said_is_known_to_the_next_process(audience):
    """The memory is not in the process."""
    assert audience().said("run/starting") is False
    audience().say("run/starting", "subject", "text\nof two lines")
    assert audience().said("run/starting") is True
    assert audience().said("run/ended") is False


def test_a_webhook_that_hangs_up_cannot_be_told_again(hook, tmp_path):
    """It may have heard: unknown is neither yes nor no."""
    audience = WebhookAudience("team", f"http://127.0.0.1:{hook.server_port}/", tmp_path)
    hook.status = None
    with pytest.raises(CannotTell):
        audience.say("run/starting", "subject", "text")
    assert audience.said("run/starting") is None
    assert hook.heard == ["run/starting"]


def test_a_webhook_that_says_no_is_reported(hook, tmp_path):
    """The status stands in the sentence."""
    audience = WebhookAudience("team", f"http://127.0.0.1:{hook.server_port}/", tmp_path)
    hook.status = 410
    with pytest.raises(Refused, match="410"):
        audience.say("run/starting", "subject", "text")


def test_nobody_listening_is_cannot_tell(tmp_path):
    """A lost announcement never stops a hotfix; the step goes on without."""
    audience = WebhookAudience("team", "http://127.0.0.1:9/", tmp_path)
    with pytest.raises(CannotTell):
        audience.say("run/starting", "subject", "text")


def test_a_file_that_cannot_be_written_is_cannot_tell(tmp_path):
    """A folder in its place."""
    (tmp_path / "said.log").mkdir()
    audience = FileAudience("team", tmp_path / "said.log")
    assert audience.said("key") is None
    with pytest.raises(CannotTell):
        audience.say("key", "subject", "text")
