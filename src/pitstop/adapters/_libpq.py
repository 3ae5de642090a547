"""A Postgres server, spoken to by its own programs; the address goes by environment, never by argv."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pitstop.adapters._run import Completed, Runner
from pitstop.ports import CannotTell, Refused

_ODD = {
    "dbname": "PGDATABASE",
    "application_name": "PGAPPNAME",
    "client_encoding": "PGCLIENTENCODING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
_SAME = """
host hostaddr port user password passfile options sslmode sslcert sslkey sslrootcert sslcrl
sslsni sslnegotiation sslcertmode requirepeer gssencmode krbsrvname gsslib
channel_binding target_session_attrs ssl_min_protocol_version ssl_max_protocol_version
"""
_NAMES = {name: f"PG{name.upper().replace('_', '')}" for name in _SAME.split()} | _ODD
"""libpq's parameter -> the environment variable that means the same."""
_QUICK = 5.0  # seconds for a question to the server


def environment(url: str) -> dict[str, str]:
    """Return an address as libpq's variables; frameworks' own parameters are left out.

    Raises ValueError.
    """
    found = urlsplit(url)
    if not re.fullmatch(r"postgres(ql)?(\+\w+)?", found.scheme):
        raise ValueError("it is not an address like postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    said = {
        "host": found.hostname or "",
        "port": str(found.port or ""),
        "user": unquote(found.username or ""),
        "password": unquote(found.password or ""),
        "dbname": unquote(found.path.removeprefix("/")),
    }
    said["host"] = unquote(said["host"]) if "%" in said["host"] else said["host"]
    said |= {name: value for name, value in parse_qsl(found.query) if name in _NAMES}
    variables = {_NAMES[name]: value for name, value in said.items() if value}
    return {"PGCONNECT_TIMEOUT": "5", "PGAPPNAME": "pitstop"} | variables


def plain_to_libpq(url: str) -> bool:
    """Return whether libpq reads an address as it stands."""
    found = urlsplit(url)
    return "+" not in found.scheme and all(name in _NAMES for name, _ in parse_qsl(found.query))


class Server:
    """One database on one server, by the name of the variable that holds its address."""

    def __init__(self, variable: str, programs: str | None, runner: Runner) -> None:
        self.variable, self._programs, self._runner = variable, programs, runner

    def by(self, hear: Callable[[Callable[[], None]], Callable[[], None]]) -> Server:
        """Return the same database, spoken to with another tick, made from ours."""
        return Server(self.variable, self._programs, Runner(hear(self._runner.tick)))

    def address(self) -> str:
        """Return the address. Raises Refused."""
        found = os.environ.get(self.variable, "")
        if not found:
            raise Refused(f"{self.variable} is not set here, so the database cannot be reached.")
        return found

    def variables(self, database: str | None = None) -> dict[str, str]:
        """Return what the programs need to know; of another database on the same server if asked."""
        try:
            found = environment(self.address())
        except ValueError as wrong:
            raise Refused(f"{self.variable} cannot be used: {wrong}.") from None
        if self._programs:  # psql calls pg_dump by its name
            found["PATH"] = f"{self._programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return found | ({"PGDATABASE": database} if database else {})

    def program(self, name: str) -> str | Path:
        """Return a program of Postgres."""
        return Path(self._programs) / name if self._programs else name

    def ask(self, script: str, database: str | None = None, within: float = _QUICK) -> list[str]:
        """Run SQL in psql; return its rows. Raises CannotTell with what psql said."""
        done = self.psql(script, self.variables(database), within)
        if done.timed_out:
            raise CannotTell(f"The database did not answer within {within:g} s.")
        if done.exit_code:
            raise CannotTell(f"The database said: {last_line(done)}")
        return done.text.splitlines()

    def psql(self, script: str, variables: Mapping[str, str], within: float) -> Completed:
        """Run SQL in psql, quietly. Raises Refused when there is no psql."""
        argv = [self.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        try:
            return self._runner.run(
                argv, env=variables, without=["PGSERVICE"], give=script.encode(), within=within
            )
        except OSError:
            raise Refused(missing("psql")) from None

    def counts(self, database: str | None, within: float) -> dict[str, int]:
        """Return how many rows each table holds. Raises CannotTell."""
        return read_counts("\n".join(self.ask(COUNT, database, within)))


def missing(program: str) -> str:
    """Say that a program of Postgres is not there."""
    return f"{program} is not installed. Install Postgres' client programs, or set backup.programs."


def last_line(done: Completed) -> str:
    """Return the end of what a program said, in one line."""
    rows = [row.strip() for row in done.said.splitlines() if row.strip()]
    return " ".join(rows[-3:])[-500:] or f"exit code {done.exit_code}"


# Each table that a dump holds the rows of: not the system's, not an extension's own.
COUNT = """\
SET row_security = off;
SELECT format('SELECT json_build_array(%L, count(*)) FROM ONLY %I.%I',
              n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1 \\gexec
"""


def read_counts(said: str) -> dict[str, int]:
    """Read what ``COUNT`` prints, among other things."""
    found = {}
    for row in said.splitlines():
        if row.startswith('["'):
            name, rows = json.loads(row)
            found[name] = rows
    return found
