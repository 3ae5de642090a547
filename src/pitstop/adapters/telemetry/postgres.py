"""What a Postgres says of itself: how long statements take, who waits for whom, what fails."""

from __future__ import annotations

from collections.abc import Mapping

from pitstop.adapters._libpq import Server
from pitstop.adapters._run import Runner
from pitstop.config import Part, Secret
from pitstop.ports import CannotTell, Refused

_WITHIN = 5.0
# Questions only, and none that would wait: 2 s, then the server gives up itself.
_ASK = """\
SET statement_timeout = '2s'; SET default_transaction_read_only = on;
SELECT 'db.lock_waits', count(*) FROM pg_stat_activity /* pitstop */
 WHERE wait_event_type = 'Lock' AND datname = current_database();
SELECT 'db.longest_ms', coalesce(round(extract(epoch FROM max(clock_timestamp() - query_start)) * 1000), 0)
 FROM pg_stat_activity /* pitstop */ WHERE state = 'active' AND backend_type = 'client backend'
 AND datname = current_database() AND pid <> pg_backend_pid();
SELECT 'rollbacks', xact_rollback + deadlocks FROM pg_stat_database /* pitstop */
 WHERE datname = current_database();
\\set ON_ERROR_STOP 0
SELECT 'calls', coalesce(sum(calls), 0), 'spent', coalesce(sum(total_exec_time), 0)
 FROM pg_stat_statements /* pitstop */
 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
 AND query NOT LIKE '%/* pitstop */%';
"""


class DatabaseSettings(Part):
    """``[telemetry.database]``: a Postgres that is looked at."""

    url: Secret
    """the address, by the name of its variable; a user with pg_read_all_stats will do"""
    programs: str | None = None
    """where psql is (default: PATH)"""


class PostgresMeter:
    """Readings since the one before; ``db.mean_ms`` needs pg_stat_statements."""

    name = "database"

    def __init__(self, settings: DatabaseSettings, runner: Runner) -> None:
        self._server = Server(settings.url.env, settings.programs, runner)
        self._before: dict[str, float] = {}

    def read(self) -> Mapping[str, float]:
        """Return lock waits, the longest statement (ms), mean ms a call, and what failed since.

        The first reading has nothing to compare with. Counters that were reset are left out once.
        """
        try:
            rows = self._server.ask(_ASK, within=_WITHIN)
        except Refused as no:
            raise CannotTell(str(no)) from None
        said = _read(rows)
        found = {name: value for name, value in said.items() if name.startswith("db.")}
        before, self._before = self._before, said
        failed = _grown(before, said, "rollbacks")
        calls, spent = _grown(before, said, "calls"), _grown(before, said, "spent")
        if failed is not None:
            found["db.failing"] = failed
        if calls and spent is not None:
            found["db.mean_ms"] = spent / calls
        return found


def _read(rows: list[str]) -> dict[str, float]:
    found = {}
    for row in rows:
        words = row.split("|")
        for name, value in zip(words[::2], words[1::2], strict=False):
            found[name] = float(value)
    return found


def _grown(before: Mapping[str, float], now: Mapping[str, float], name: str) -> float | None:
    """Return by how much a counter has grown; None where that is not known."""
    if name not in before or name not in now or now[name] < before[name]:
        return None
    return now[name] - before[name]
