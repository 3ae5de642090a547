"""What a step may know of its own run's record."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pitstop.engine import ownership
from pitstop.engine.ownership import RunFolder
from pitstop.engine.recorded import Recorded
from pitstop.journal.status import status
from pitstop.journal.store import JournalError

_SHOWN = 4 << 20  # bytes


class RunRecord:
    """The journal of one run, and the way to write into another run's."""

    def __init__(self, pit: Recorded, runs: Path | None, shown: Path | None = None) -> None:
        self._pit, self._runs, self._shown = pit, runs, shown

    def head(self) -> str:
        """Return the hash of the journal's last line."""
        return self._pit.head()

    def status(self) -> Mapping[str, Any]:
        """Return this run's state so far."""
        return status(self._pit.lines(), self._pit.crew.clock.now())

    def answered(self, by: str, data: Mapping[str, object], *, once: str) -> None:
        """Put on record what somebody answered elsewhere; said again, it stands there once."""
        now = self._pit.crew.clock.now()
        self._pit.journal.append("answered", dict(data), by=by, once=once, at=now)

    def promised_tags(self) -> Collection[str]:
        """Return the tags that other runs have named, pushed or not."""
        found: set[str] = set()
        for run in ownership.runs(self._runs) if self._runs else ():
            if run.id != self._pit.journal.run:
                with contextlib.suppress(JournalError):
                    if tag := status(run.lines()).get("tag"):
                        found.add(tag)
        return found

    def show(self, seen: Mapping[str, Any]) -> None:
        """Append what is seen now to the run's folder; a full disk hides it and stops nothing."""
        if self._shown is None:
            return
        with contextlib.suppress(OSError), self._shown.open("a", encoding="utf-8") as file:
            if file.tell() > _SHOWN:
                file.truncate(0)  # of a watch of days, its last hours
            file.write(json.dumps(dict(seen)) + "\n")

    def returned(self, run: str, ok: bool, reason: str, to: str, moved_on: str = "") -> None:
        """Write into another run's journal that production was returned (or could not be)."""
        if self._runs is None:
            return
        journal = RunFolder(self._runs / run).journal()
        by = self._pit.owner
        data = {"run": self._pit.journal.run, "ok": ok, "reason": reason, "to": to}
        data |= {"moved_on": moved_on} if moved_on else {}
        journal.append("returned", data, by=by, once="returned")
        if status(journal.lines())["closed_at"]:
            outcome = "rolled_back" if ok else "stranded"
            said = {"status": outcome, "reason": reason}
            journal.append("outcome", said, by=by, once=f"outcome:{outcome}")
        journal.close()
