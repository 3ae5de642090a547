"""Builders for situations: an incident, a world, a rehearsal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pitstop import config
from pitstop.adapters import simulated
from pitstop.adapters.simulated import World
from pitstop.domain.incident import Incident
from pitstop.domain.verdict import Outcome
from pitstop.engine.record import RunRecord
from pitstop.engine.recorded import Recorded
from pitstop.journal.status import status
from pitstop.journal.store import Journal
from pitstop.procedures.hotfix import hotfix

ADA = "Ada <ada@example.com>"
GRACE = "Grace <grace@example.com>"

TABLES: dict[str, Any] = {
    "service": {"name": "shop"},
    "platform": {"use": "simulated"},
    "checks": {"setup": "setup", "targeted": "test", "smoke": "smoke"},
    "gate": {"warmup": "2s", "soak": "3s", "deadline": "30s", "unacceptable_rate": 0.2},
    "watch": {"duration": "60s"},
}


def settings(**tables: Any) -> config.Settings:
    """Return settings; a table given replaces the usual one."""
    return config.Settings.model_validate(TABLES | tables)


def an_incident(**facts: Any) -> Incident:
    """Return an incident that qualifies."""
    usual = Incident(
        "checkout-500s",
        "Checkout answers 500",
        "shop",
        "nobody can pay",
        ("critical-bug",),
        ADA,
        "2026-01-02T03:04:00.000Z",
        repro="curl $PITSTOP_URL/checkout",
    )
    return replace(usual, **facts)


class Rehearsal:
    """A hotfix in a simulated world, with people who answer as told."""

    def __init__(
        self, world: World | None = None, journal: Journal | None = None, **tables: Any
    ) -> None:
        self.world = world or World()
        self.incident = an_incident()
        self.forge: type[simulated.SimulatedForge] = simulated.SimulatedForge
        self.settings = settings(**tables)
        self.journal = journal or Journal(":memory:", self.incident.id, create=True)
        self.says("declared", {"incident": vars(self.incident), "config": {}}, once="declared")

    def says(
        self, event: str, data: dict[str, Any], by: str = ADA, once: str | None = None
    ) -> None:
        """Write what a person says."""
        self.journal.append(event, data, by=by, once=once, at=self.world.now)

    def ships(self, fix: str = "no postcode, no error") -> Rehearsal:
        """Say that the fix is ready."""
        self.says("answered", {"question": "fix", "said": fix}, once="answered:fix")
        return self

    def approves(self, by: str = GRACE, tree: str = f"tree-{simulated.FIX}") -> Rehearsal:
        """Approve the tree."""
        self.says("answered", {"question": "approval", "said": "approve", "about": tree}, by=by)
        return self

    def runs(self, procedure: Any = hotfix) -> Outcome:
        """Run the procedure from the journal, as a fresh process would."""
        pit = Recorded(self.journal, ADA, fence=self.world)
        crew = simulated.crew(self.world, self.settings, pit, RunRecord(pit, None))
        pit.crew = replace(crew, forge=self.forge(self.world, crew.clock))
        outcome: Outcome = procedure(pit, self.incident)
        pit.close()
        return outcome

    @property
    def status(self) -> dict[str, Any]:
        """Return the state that the journal comes to."""
        return status(self.journal.lines())

    def steps(self, event: str = "finished") -> list[str]:
        """Return the names of the steps with this event, in order."""
        return [line["step"] for line in self.journal.lines() if line["event"] == event]
