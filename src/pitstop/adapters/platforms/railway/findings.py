"""What is ready at Railway and what is not, each with its remedy; nothing is changed."""

from __future__ import annotations

from pitstop.adapters.platforms.railway.api import Api
from pitstop.adapters.platforms.railway.scope import ACCOUNT, Scope
from pitstop.adapters.platforms.railway.service import Service, State
from pitstop.adapters.platforms.railway.settings import RailwaySettings
from pitstop.domain.change import Finding
from pitstop.ports import CannotTell

KEPT = (
    "Railway keeps the image of a replaced deployment for 24 h (Free), 72 h (Hobby), 120 h (Pro) or "
    "360 h (Enterprise); after that a rollback is a build."
)
TAKEN_BACK = "A rollback also returns the service's variables to what they were then."


class Findings:
    """Looks at the token, the service and its settings."""

    def __init__(self, settings: RailwaySettings, api: Api, service: Service) -> None:
        self._settings, self._api, self._service = settings, api, service

    def all(self) -> list[Finding]:
        """Return every finding; after the first that failed there is nothing more to ask."""
        try:
            here = self._service.scope()
            state = self._service.state()
        except CannotTell as unknown:
            return [Finding("railway", "failed", str(unknown), "mend it, then: pitstop doctor")]
        return [
            self._token(here),
            self._in_service(state),
            self._health(state),
            *self._change_over(here, state),
            *self._deploys_itself(state),
            Finding("railway.rollback", "ok", f"{KEPT} {TAKEN_BACK}"),
        ]

    def _token(self, here: Scope) -> Finding:
        where = f"{here.project_name}, {here.environment_name}, {here.service_name}"
        if here.token == ACCOUNT:
            said = f"{where}; the token is an account's and may touch every project"
            return Finding("railway.token", "warning", said, "use a project token")
        return Finding("railway.token", "ok", where)

    def _in_service(self, state: State) -> Finding:
        if state.serving is None:
            said = "nothing is in service yet"
            return Finding("railway.service", "warning", said, "deploy it once: railway up")
        try:
            running = self._service.deployment(state.serving)
        except CannotTell as unknown:
            return Finding("railway.service", "failed", str(unknown), "see above")
        said = f"{running.commit[:12]} ({running.id}) serves users"
        return Finding("railway.service", "ok", said)

    def _health(self, state: State) -> Finding:
        path = state.facts.get("healthcheckPath")
        if path:
            return Finding("railway.health", "ok", f"Railway moves users when {path} answers 200")
        said = "no health check path is set: Railway moves users as soon as the process has started"
        remedy = "set the health check path in the service's settings at Railway"
        return Finding("railway.health", "warning", said, remedy)

    def _change_over(self, here: Scope, state: State) -> list[Finding]:
        try:
            sentences = self._service.change_over(state)
        except CannotTell as unknown:
            return [Finding("railway.overlap", "warning", str(unknown))]
        if not sentences:
            said = "the old deployment goes on while the new one takes over"
            return [Finding("railway.overlap", "ok", said)]
        remedy = "set overlap and draining in the service's settings at Railway"
        return [Finding("railway.overlap", "warning", said, remedy) for said in sentences]

    def _deploys_itself(self, state: State) -> list[Finding]:
        source = state.facts.get("source") or {}
        if not source.get("repo"):
            return []
        said = (
            f"{source['repo']} is connected: Railway also deploys what is pushed there, and after a "
            "rollback the next push ships the bad commit again"
        )
        remedy = "set service.main_deploys_itself = true"
        return [Finding("railway.source", "warning", said, remedy)]
