"""The trouble that users feel, and what triage makes of it."""

from dataclasses import dataclass

from pitstop.domain.change import Deployment

SYMPTOMS = ("critical-bug", "security", "data-corruption", "broken-functionality")
SCENARIOS = ("api-errors", "database-deadlock", "memory-leak", "security")
SEVERITIES = ("P1", "P2", "P3", "P4")
CRITERIA = {
    "customer-impact": "users are hurt",
    "isolated": "the fix is small and isolated",
    "lower-risk": "shipping it is a lower risk than leaving the trouble",
    "quick-to-validate": "whether it helps can be seen quickly",
}
"""The runbook's criteria: a *no* to one of them makes it a normal change."""


@dataclass(frozen=True)
class Incident:
    """One declared trouble; ``id`` is also the slug of its branch and worktree."""

    id: str
    title: str
    service: str
    impact: str
    symptoms: tuple[str, ...]
    owner: str  # "Ada <ada@example.com>"
    declared_at: str
    severity: str = "P2"
    scenario: str | None = None
    cause: str | None = None
    repro: str | None = None
    start_from: str | None = None  # a commit that holds an existing fix
    answers: tuple[str, ...] = ()  # "isolated=no": what people said to the criteria


@dataclass(frozen=True)
class Return:
    """A rollback that a person asked for; ``hotfix`` is the run it ends, if it ends one."""

    id: str
    service: str
    deployment_id: str
    reason: str
    owner: str
    hotfix: str | None = None
    hotfix_is_over: bool = False  # then its own run says nothing any more
    left: tuple[str, str] | None = None  # commit and tree of the later deployment that is left
    backup_id: str | None = None  # what was recorded before the deploy that is returned from
    migration_head: str | None = None


@dataclass(frozen=True)
class Earlier:
    """The deployment before the one in service, and what returning to it would mean."""

    deployment_id: str
    commit: str
    since: str  # when the one in service came
    seconds: float | None = None  # how long the return would take, if that is known
    loses: tuple[str, ...] | None = None  # the subjects of the commits; None if not known
    migrations: tuple[str, ...] = ()  # of the database, which would stay as it is

    @property
    def advised(self) -> bool:
        """Return whether returning first is the better start: nothing stands against it."""
        return self.loses is not None and not self.migrations


@dataclass(frozen=True)
class Case:
    """An incident after triage: does it qualify, and what is in production now."""

    incident: Incident
    qualifies: bool
    reason: str
    deployed: Deployment
    earlier: Earlier | None = None  # where the one in service is recent
    advice: str = "hotfix"  # or "roll back first"; a normal change never becomes a case
