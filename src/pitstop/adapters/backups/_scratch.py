"""A database that exists only to see whether a backup can be restored."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pitstop.adapters._libpq import Server, last_line, missing
from pitstop.adapters._run import Completed, Runner
from pitstop.ports import CannotTell, Refused

_CREATE = """\
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L',
              '{name}', pg_encoding_to_char(encoding), datcollate, datctype)
FROM pg_catalog.pg_database WHERE datname = current_database() \\gexec
"""
_DROP = 'DROP DATABASE IF EXISTS "{name}" WITH (FORCE);'
_SOON = 60.0  # seconds to make or drop an empty database
_RESTORE = (
    "--exit-on-error",
    "--no-owner",
    "--no-privileges",
    "--no-comments",
    "--no-publications",
    "--no-subscriptions",  # a second subscriber would take what the first one is sent
)


class Scratch:
    """One scratch database on a server."""

    def __init__(self, server: Server, name: str, within: float) -> None:
        self._server, self._name, self._within = server, name, within

    def restore(self, source: int, runner: Runner) -> None:
        """Restore all that comes from a descriptor. Raises Refused, CannotTell."""
        argv = [self._server.program("pg_restore"), *_RESTORE, "--dbname", self._name]
        done = restored(runner, argv, source, self._server.variables(), self._within)
        if done.timed_out:
            raise CannotTell(f"Restoring it took longer than {self._within:g} s.")
        if done.exit_code:
            raise Refused(f"It cannot be restored: pg_restore said: {last_line(done)}")

    def counts(self) -> dict[str, int]:
        """Return how many rows each table holds."""
        return self._server.counts(self._name, self._within)


def restored(
    runner: Runner,
    argv: Sequence[str | Path],
    source: int,
    variables: Mapping[str, str],
    within: float,
) -> Completed:
    """Run pg_restore on what comes from a descriptor."""
    try:
        return runner.run(argv, env=variables, without=["PGSERVICE"], source=source, within=within)
    except OSError:
        raise Refused(missing("pg_restore")) from None


class _Later:
    """Hears what people want, and lets it wait: the server goes on with what was asked of it."""

    def __init__(self) -> None:
        self._heard: list[BaseException] = []

    def hears(self, tick: Callable[[], None]) -> Callable[[], None]:
        """Return a tick that raises nothing."""

        def patient() -> None:
            try:
                tick()
            except BaseException as word:  # noqa: BLE001 - raised by ``obey``
                self._heard.append(word)

        return patient

    def obey(self) -> None:
        """Raise what was heard first."""
        if self._heard:
            raise self._heard[0]


@contextlib.contextmanager
def scratch(server: Server, backup_id: str, within: float) -> Iterator[Scratch]:
    """Give a scratch database, and drop it afterwards. Raises CannotTell when there can be none."""
    name = f"pitstop_scratch_{hashlib.sha256(backup_id.encode()).hexdigest()[:12]}"
    drop, later = _DROP.format(name=name), _Later()
    patiently = server.by(later.hears)
    try:
        _created(patiently, f"{drop}\n{_CREATE.format(name=name)}")
        later.obey()
        yield Scratch(server, name, within)
    finally:
        with contextlib.suppress(CannotTell, Refused):  # dropped before the next one is made
            patiently.ask(drop, within=_SOON)
    later.obey()


def _created(server: Server, script: str) -> None:
    try:
        server.ask(script, within=_SOON)
    except CannotTell as why:
        raise CannotTell(
            f"No scratch database could be made to restore into: {why} Grant CREATEDB, name another "
            'server (backup.scratch), or set backup.verify = "list".'
        ) from None
