"""Who could say yes: without a second person in sight an approval may never come."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pitstop.adapters._run import Runner
from pitstop.config import Settings
from pitstop.domain.change import Finding
from pitstop.engine.place import Place

_DAYS = 90
_MOST = 5_000  # commits that are looked at
_NOBODY = re.compile(
    r"\[bot\]|^(?:no-?reply@|bot@|dependabot|renovate|github-actions)", re.IGNORECASE
)


def findings(here: Place, settings: Settings) -> Iterator[Finding]:
    """Yield whether somebody else than oneself was at work lately."""
    if not settings.approval.required:
        return
    people = _people(here, settings)
    if people is None:
        return
    if len(people) > 1:
        said = f"{len(people)} people committed in the last {_DAYS} days: another one can approve"
        yield Finding("approval", "ok", said)
        return
    who = f"only {people.pop()}" if people else "nobody"
    said = (
        f"{who} committed in the last {_DAYS} days, and approval.required asks for another person: "
        "it may be impossible to get"
    )
    remedy = "agree on who approves (pitstop approve --as NAME), or set approval.required = false"
    yield Finding("approval", "warning", said, remedy)


def _people(here: Place, settings: Settings) -> set[str] | None:
    service, top = settings.service, str(here.repository)
    lately = (f"--since={_DAYS}.days", f"--max-count={_MOST}", "--format=%aE")
    for ref in (f"refs/remotes/{service.remote}/{service.main}", "HEAD"):
        done = Runner().run(["git", "-C", top, "log", *lately, ref, "--"], within=20)
        if done.exit_code == 0:
            mails = {mail.strip().lower() for mail in done.text.splitlines()}
            return {mail for mail in mails if mail and not _NOBODY.search(mail)}
    return None
