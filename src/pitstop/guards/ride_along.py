"""What would travel with the fix although nobody means it to."""

from collections.abc import Iterator

from pitstop.domain.change import Patch
from pitstop.guards.kinds import matches
from pitstop.guards.objection import Objection

_JUNK = (
    *("*.orig", "*.rej", "*.swp", "*.swo", "*~", ".DS_Store", "Thumbs.db", "*.log", "nohup.out"),
    *("*.pyc", ".env", ".env.local", "core", "core.[0-9]*", "*.tmp", "*.bak", "*.stackdump"),
    *(".idea/**", "**/__pycache__/**", "**/node_modules/**", ".venv/**", "venv/**", "*.hprof"),
)


def left_over(patch: Patch) -> Iterator[Objection]:
    """Object to files that lie in a worktree by accident."""
    new = [file.path for file in patch.files if not file.gone and matches(file.path, _JUNK)]
    if new:
        more = f" and {len(new) - 1} more" if len(new) > 1 else ""
        yield Objection(
            "ride-along",
            f"{ascii(new[0])[1:-1]}{more}: it seems to lie in the worktree by accident",
        )


def beyond(not_deployed: int, main: str, main_deploys_itself: bool) -> Iterator[Objection]:
    """Object where the merge would put more into production than the fix."""
    if not_deployed and main_deploys_itself:
        what = "a commit that is" if not_deployed == 1 else f"{not_deployed} commits that are"
        yield Objection(
            "ride-along",
            f"{main} deploys itself and holds {what} not in production: the merge would ship them too",
        )
