"""The machine: room, a state folder that can be written, a clock that goes on, secrets that are set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from pitstop.adapters._run import Runner
from pitstop.config import Secret, Settings
from pitstop.domain.change import Finding
from pitstop.engine.place import Place

_ROOM = 200_000_000  # bytes that a release, its journal and its logs may need
_ASTRAY = timedelta(minutes=5)  # a clock may differ that much from a colleague's


def room(here: Place) -> Finding:
    """Say whether the disk has room."""
    free = shutil.disk_usage(here.repository).free
    said = f"{free / 1e6:.0f} MB free"
    if free < _ROOM:
        return Finding("disk", "failed", said, f"free {_ROOM / 1e6:.0f} MB where the repository is")
    return Finding("disk", "ok", said)


def writable(here: Place) -> Finding:
    """Say whether runs can be written down."""
    folder = here.state
    while not folder.exists():
        folder = folder.parent
    if os.access(folder, os.W_OK):
        return Finding("state", "ok", f"{here.state} can be written")
    return Finding(
        "state", "failed", f"{here.state} cannot be written", "or set PITSTOP_STATE=FOLDER"
    )


def clock(here: Place, settings: Settings) -> Iterator[Finding]:
    """Yield whether the clock is behind what was committed already: deadlines would be wrong."""
    now = datetime.now(UTC)
    service = settings.service
    ref = f"refs/remotes/{service.remote}/{service.main}"
    asked = ["git", "-C", str(here.repository), "log", "-1", "--format=%ct", ref, "--"]
    said = Runner().run(asked, within=10).text.strip()
    if not said.isdecimal():
        return
    committed = datetime.fromtimestamp(int(said), UTC)
    if committed > now + _ASTRAY:
        said = f"it is {_short(now)} here, and {service.main} was last committed to at {_short(committed)}"
        yield Finding("clock", "warning", said, "set the clock: timedatectl set-ntp true")
    else:
        yield Finding("clock", "ok", f"it is {_short(now)}")


def _short(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def secrets(settings: Settings) -> Iterator[Finding]:
    """Yield the named secrets that are not set here."""
    for name, env in sorted(_named(settings)):
        if os.environ.get(env):
            continue
        said = f"{env} is not set here"
        if name.startswith("audiences."):
            name = name.removesuffix(".webhook")
            said = f"{env} is not set, so {name.partition('.')[2]} would not hear"
        yield Finding(name, "warning", said, f"export {env}=...")


def _named(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every place in the settings that names a secret, and the variable's name."""
    if isinstance(value, Secret):
        yield path, value.env
    elif isinstance(value, BaseModel):
        yield from _named(dict(value), path)
    elif isinstance(value, dict):
        if set(value) == {"env"} and isinstance(value["env"], str):  # a provider's own table
            yield path, value["env"]
            return
        for key, one in value.items():
            yield from _named(one, f"{path}.{key}".strip("."))
