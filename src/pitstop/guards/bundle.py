"""One fix at a time: what belongs to something else waits for the next normal deployment."""

import re
from collections.abc import Iterator

from pitstop.config import Guards
from pitstop.domain.change import Patch
from pitstop.guards.objection import Objection

_ISSUE = re.compile(r"(?<![\w/])(?:#\d+|[A-Z][A-Z0-9]+-\d+)\b")
_NO_ISSUE = re.compile(r"^(?:UTF|ISO|SHA|RFC|CVE|HTTP|TLS|AES|MD|ES|GPT)-")
_KIND = re.compile(r"^(feat|feature|refactor|refactoring)(?:\([^)]*\))?!?:", re.IGNORECASE)


def bundle(patch: Patch, guards: Guards) -> Iterator[Objection]:
    """Object to several fixes in one, and to what calls itself something else than a fix."""
    if len(patch.commits) > guards.max_commits:
        yield Objection(
            "bundle",
            f"{len(patch.commits)} commits, and a hotfix has {guards.max_commits} at most",
        )
    issues = sorted({issue for one in patch.commits for issue in _issues(one.message)})
    if len(issues) > 1:
        yield Objection("bundle", f"the commits name more than one issue: {', '.join(issues[:5])}")
    for commit in patch.commits:
        if kind := _KIND.match(commit.message):
            subject = commit.message.partition("\n")[0][:60]
            yield Objection(
                "bundle", f"{commit.id[:12]} calls itself {kind[1].lower()}: {subject!r}"
            )


def _issues(message: str) -> list[str]:
    return [found for found in _ISSUE.findall(message) if not _NO_ISSUE.match(found)]
