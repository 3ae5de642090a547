"""The team's repository and its remote, and what stands there for all clones."""

from __future__ import annotations

import hashlib
import socket

from pitstop import config
from pitstop.adapters._run import Runner
from pitstop.adapters.calendars import TeamCalendar
from pitstop.adapters.forges.approvals import GitAnswers
from pitstop.adapters.forges.claims import GitClaims
from pitstop.adapters.forges.git import GitForge
from pitstop.adapters.forges.known_bad import GitKnownBad
from pitstop.adapters.forges.proposals import Proposals
from pitstop.engine.place import Place


def forge(place: Place, settings: config.Settings, runner: Runner) -> GitForge:
    """Return the repository and its remote."""
    return GitForge(
        place.repository,
        remote=settings.service.remote,
        main=settings.service.main,
        worktrees=place.worktrees,
        runner=runner,
        also=settings.merge.also,
        keep=settings.merge.keep,
    )


def claims(place: Place, settings: config.Settings, runner: Runner) -> GitClaims:
    """Return the claims on the remote."""
    return GitClaims(place.repository, remote=settings.service.remote, runner=runner)


def answers(place: Place, settings: config.Settings, runner: Runner) -> GitAnswers:
    """Return what colleagues say through the remote."""
    return GitAnswers(place.repository, remote=settings.service.remote, runner=runner)


def proposals(place: Place, settings: config.Settings, runner: Runner) -> Proposals:
    """Return the hotfixes that other clones have published."""
    service = settings.service
    return Proposals(place.repository, remote=service.remote, main=service.main, runner=runner)


def calendar(place: Place, settings: config.Settings) -> TeamCalendar:
    """Return the team's windows and freezes."""
    return TeamCalendar(settings.calendar, place.repository)


def known_bad(place: Place, settings: config.Settings, runner: Runner) -> GitKnownBad:
    """Return the commits that production was returned from."""
    service = settings.service
    return GitKnownBad(place.repository, service.name, remote=service.remote, runner=runner)


def machine(place: Place) -> str:
    """Return a name for this clone on this machine: its claims pass between its own runs."""
    digest = hashlib.sha256(str(place.state).encode()).hexdigest()[:8]
    return f"{socket.gethostname()}/{digest}"
