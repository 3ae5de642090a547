"""Commits on their way to production, and what is there already."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Branch:
    """The hotfix branch and the folder where the fix is made."""

    name: str
    worktree: str
    base_commit: str
    not_deployed: int = 0  # commits on main that production does not have


@dataclass(frozen=True)
class Change:
    """One commit that is to go live. ``tree`` is what everything is bound to."""

    branch: Branch
    commit: str
    tree: str
    files: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()  # e-mail addresses, lower case


@dataclass(frozen=True)
class FileChange:
    """What a change does to one file. ``was`` is its name before, where it was renamed."""

    path: str
    was: str | None = None
    added: int = 0  # lines; 0 in a binary file
    deleted: int = 0
    gone: bool = False
    binary: bool = False
    submodule: bool = False
    generated: bool = False  # by a program, as .gitattributes or its name says


@dataclass(frozen=True)
class Commit:
    """One commit of a change, oldest first; ``parents`` is how many it has."""

    id: str
    message: str
    parents: int = 1


@dataclass(frozen=True)
class Patch:
    """A change as a reviewer sees it. ``text`` has no context lines; None where it is too large.

    ``history`` is the same of each commit, where there are several: a push takes all of them along.
    """

    files: tuple[FileChange, ...]
    commits: tuple[Commit, ...]
    text: str | None
    history: str | None = ""


@dataclass(frozen=True)
class Release:
    """What a platform is asked to put into service, once per ``key``."""

    key: str  # the run and its attempt: asked twice, a platform answers with the same deployment
    commit: str
    tree: str


@dataclass(frozen=True)
class Deployment:
    """One release in one environment, as the platform knows it."""

    id: str
    commit: str
    tree: str
    url: str
    at: str | None = None  # when users were first served by it
    # seconds that it took, or would take, to bring it into service; a measurement, no identity
    took: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Returned(Deployment):
    """A deployment that serves users again. ``moved_on`` says if the database is not as it was then.

    ``also`` says what the platform has returned beside the release.
    """

    moved_on: str = ""
    also: str = ""


@dataclass(frozen=True)
class Candidate:
    """A release that runs and is healthy, and that no user is served by."""

    deployment_id: str
    url: str


@dataclass(frozen=True)
class RollbackPoint:
    """Where production can return to; recorded before the deploy."""

    deployment_id: str
    commit: str
    tree: str
    restore_command: str
    recorded_at: str
    backup_id: str | None = None
    migration_head: str | None = None  # of the database, as far as it was known
    config_fingerprint: str | None = None  # SHA-256 of how the platform was told to run the service
    warnings: tuple[str, ...] = ()  # what a deploy, or the way back, does beside moving users


@dataclass(frozen=True)
class Landed:
    """What became of the fix in git. ``owed`` says in words what is still to be done."""

    main: str | None = None
    pull_request: str | None = None
    owed: tuple[str, ...] = ()
    followed: tuple[str, ...] = ()  # the branches beside main that have it, too


@dataclass(frozen=True)
class Shipped:
    """A fix that serves users, with all that was recorded on its way."""

    change: Change
    point: RollbackPoint
    deployment: Deployment
    landed: Landed
    tag: str

    @property
    def summary(self) -> str:
        """Return one sentence for the outcome."""
        where = f"commit {self.change.commit[:12]} serves users as {self.deployment.id}"
        return f"{where}; {'; '.join(self.landed.owed)}" if self.landed.owed else where


@dataclass(frozen=True)
class Finding:
    """One line of a preflight: ``ok``, ``warning`` or ``failed``, with its remedy."""

    name: str
    status: str
    said: str
    remedy: str = ""
