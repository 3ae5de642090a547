"""Which project, environment and service: from the token and the settings, held against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pitstop.adapters.platforms.railway.api import Api, Denied
from pitstop.adapters.platforms.railway.settings import RailwaySettings
from pitstop.ports import CannotTell

PROJECT, ACCOUNT = "project token", "account's token"


@dataclass(frozen=True)
class Scope:
    """What everything that is asked and done is about, by id and by name."""

    project: str
    project_name: str
    environment: str
    environment_name: str
    service: str
    service_name: str
    token: str  # PROJECT or ACCOUNT

    @property
    def filter(self) -> dict[str, str]:
        """Return the ids as a list of deployments asks for them."""
        return {
            "projectId": self.project,
            "environmentId": self.environment,
            "serviceId": self.service,
        }

    @property
    def ids(self) -> dict[str, str]:
        """Return the ids as most operations ask for them."""
        return {
            "project": self.project,
            "environment": self.environment,
            "service": self.service,
        }


def find(settings: RailwaySettings, api: Api) -> Scope:
    """Return the scope, and leave the right header with the API. Raises CannotTell."""
    token = api.token()
    kind, project, environment = _of_token(settings, api, token)
    layout = api.ask("ProjectLayout", project=project)
    environments, services = _named(layout, "environments"), _named(layout, "services")
    here = _one("environment", environments, environment or settings.environment, settings)
    wanted = settings.environment
    if wanted and wanted not in (here, environments[here]):
        raise CannotTell(
            f"The token in {settings.token.env} is for the environment {environments[here]}, and "
            f"platform.environment says {wanted}. Nothing was changed. Set one of them right."
        )
    service = _one("service", services, settings.service, settings)
    return Scope(
        project,
        str(layout["name"]),
        here,
        environments[here],
        service,
        services[service],
        kind,
    )


def _of_token(settings: RailwaySettings, api: Api, token: str) -> tuple[str, str, str | None]:
    """Return the token's kind, its project, and its environment if it has one.

    Which kind a token is shows only when it is sent: first as the one that its name suggests.
    """
    as_project, as_account = {"Project-Access-Token": token}, {"Authorization": f"Bearer {token}"}
    tries = [_as_project, _as_account]
    if "API" in settings.token.env or (settings.project and not settings.environment):
        tries.reverse()
    said: Denied | None = None
    for attempt in tries:
        api.headers = as_project if attempt is _as_project else as_account
        try:
            return attempt(settings, api)
        except Denied as denied:
            said = denied
    api.headers = {}
    assert said  # noqa: S101 - both were tried
    raise said


def _as_project(settings: RailwaySettings, api: Api) -> tuple[str, str, str | None]:
    scope = api.ask("TokenScope")
    project = str(scope["projectId"])
    if settings.project not in (None, project):
        raise CannotTell(
            f"The token in {settings.token.env} is for the project {project}, and platform.project "
            f"says {settings.project}. Nothing was changed. Set one of them right."
        )
    return PROJECT, project, str(scope["environmentId"])


def _as_account(settings: RailwaySettings, api: Api) -> tuple[str, str, str | None]:
    api.ask("AccountScope")
    if not settings.project or not settings.environment:
        raise CannotTell(
            f"The token in {settings.token.env} is an account's, and says nothing of where to ship. "
            "Set platform.project (its id) and platform.environment; or, better, use a project "
            "token, which can touch nothing else."
        )
    return ACCOUNT, settings.project, None


def _named(layout: Any, what: str) -> dict[str, str]:
    """Return names by id."""
    nodes = [edge["node"] for edge in layout[what]["edges"]]
    return {str(node["id"]): str(node["name"]) for node in nodes}


def _one(what: str, known: dict[str, str], wanted: str | None, settings: RailwaySettings) -> str:
    """Return the id of the one that is wanted, by id or name."""
    found = [each for each, name in known.items() if wanted in (each, name)]
    if wanted is None and len(known) == 1:
        found = list(known)
    if len(found) == 1:
        return found[0]
    there = ", ".join(sorted(known.values())) or "none"
    said = f"is {wanted!r}, and there is no such one" if wanted else "is not set"
    raise CannotTell(f"platform.{what} {said}. Nothing was changed. The project has: {there}.")
