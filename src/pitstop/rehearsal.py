"""The procedure rehearsed: the same engine with its memory in memory, and every port simulated."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pitstop import config
from pitstop.adapters import simulated
from pitstop.domain.incident import Incident
from pitstop.engine.record import RunRecord
from pitstop.engine.recorded import Recorded
from pitstop.journal.store import Journal
from pitstop.procedures.hotfix import hotfix
from pitstop.steps import deploy


def rehearsed(
    world: simulated.World, settings: config.Settings, owner: str, journal: Any
) -> Recorded:
    """Return the same engine with its memory in memory and every port simulated."""
    pit = Recorded(journal, owner, fence=world)
    pit.crew = simulated.crew(world, settings, pit, RunRecord(pit, None))
    return pit


def rehearsed_steps(settings: config.Settings, tables: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of a good day: number, title, phase, and this team's command or value."""
    repro = "true"
    incident = Incident(
        "plan",
        "plan",
        settings.service.name,
        "",
        ("critical-bug",),
        "you <you@example.com>",
        "",
        repro=repro,
    )
    world = simulated.World(requests_per_second=max(20, settings.gate.min_requests))
    shorter = settings.watch.model_copy(update={"duration": timedelta(minutes=1)})
    shortened = settings.model_copy(update={"watch": shorter})  # three days show nothing more
    journal = Journal(":memory:", "plan", create=True)
    journal.append(
        "declared",
        {"incident": vars(incident), "budget_seconds": settings.slo.budget.total_seconds()},
        by=incident.owner,
    )
    journal.append("answered", {"question": "fix", "said": "the fix"}, by=incident.owner)
    journal.append("override", {"gate": "approval", "because": "rehearsal"}, by=incident.owner)
    if settings.checks.manual:
        journal.append("evidence", {"text": "rehearsal", "tree": None}, by=incident.owner)
    pit = rehearsed(world, shortened, incident.owner, journal)
    outcome = hotfix(pit, incident)
    if outcome.status != "fixed":
        raise RuntimeError(f"the rehearsal of a good day ended {outcome.status}: {outcome.reason}")
    details = _details(settings)
    return [
        {
            "step": line["step"],
            "title": line["data"]["title"],
            "phase": line["data"]["phase"],
            "detail": details.get(line["step"], ""),
        }
        for line in journal.lines()
        if line["event"] == "started"
    ]


def _details(settings: config.Settings) -> dict[str, str]:
    """Return what a step does here, in this team's words."""
    checks, gate, service = settings.checks, settings.gate, settings.service
    heard = ", ".join(settings.audiences) or "the terminal only"
    minutes = settings.approval.within
    calendar = settings.calendar
    windows = ", ".join(rule.said for rule in calendar.windows)
    frozen = [*(one.name for one in calendar.freeze), *calendar.ics]
    return {
        "triage.passes_calendar": f"windows: {windows or 'always'} ({calendar.timezone.key}); freezes: "
        f"{', '.join(frozen) or 'none'}; a hotfix passes, on record",
        "guard.known_bad": f"on {service.remote}; released by: pitstop release-known-bad",
        "branch.cut": f"hotfix/... from what runs in production, on {service.remote}",
        "checks.prepare": checks.setup or "nothing is configured",
        "checks.targeted": checks.targeted or "nothing is configured",
        "checks.smoke": checks.smoke or "nothing is configured",
        "checks.by_hand": checks.manual or "nothing is configured",
        "review.request": "another person, "
        + (
            f"within {minutes.total_seconds() / 60:g} min"
            if minutes
            else "within a window by severity"
        )
        if settings.approval.required
        else "no approval is required",
        "snapshot.back_up": settings.backup.use if settings.backup else "no backup is configured",
        "announce.starting": f"told: {heard}",
        "deploy.split": f"{deploy.CANARY} % of the users" if gate.canary else "all users at once",
        "validate.errors": f"judged from {gate.soak.total_seconds():g} s, with {gate.min_requests} "
        f"requests at least, to {gate.deadline.total_seconds():g} s",
        "merge.land": f"to {service.main}, fast-forward or merge, never forced",
        "validate.hold": f"for {settings.watch.duration.total_seconds() / 60:g} min; a regression "
        "returns production",
    }
