"""The trouble that users feel, and what triage makes of it."""

from dataclasses import dataclass

from pitstop.domain.change import Deployment

SYMPTOMS = ("critical-bug", "security", "data-corruption", "broken-functionality")
SCENARIOS = ("api-errors", "database-deadlock", "memory-leak", "security")
SEVERITIES = ("P1", "P2", "P3", "P4")


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
class Case:
    """An incident after triage: does it qualify, and what is in production now."""

    incident: Incident
    qualifies: bool
    reason: str
    deployed: Deployment
