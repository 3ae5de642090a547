"""The service as Railway tells of it now: what serves, what there was, which commit each of them is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from pitstop.adapters.platforms.railway import seen, statuses
from pitstop.adapters.platforms.railway.api import Api, Objected
from pitstop.adapters.platforms.railway.memory import Memory
from pitstop.adapters.platforms.railway.scope import Scope, find
from pitstop.adapters.platforms.railway.seen import Seen
from pitstop.adapters.platforms.railway.settings import RailwaySettings
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Deployment
from pitstop.ports import CannotTell, Refused

MANY = 50  # deployments of the past that are looked at
FRESH, STALE = 10, 10.0  # so many looks are fresh; asked more often, one every so many seconds is
TOLERATED = 120.0  # seconds that an answer serves whoever asks all the time while Railway is silent


@dataclass(frozen=True)
class State:
    """The service at one moment."""

    serving: Seen | None
    latest: Seen | None
    facts: dict[str, Any]

    @property
    def domain(self) -> str | None:
        """Return the first domain that reaches it: the team's own, or Railway's."""
        domains = self.facts.get("domains") or {}
        both = [*(domains.get("customDomains") or ()), *(domains.get("serviceDomains") or ())]
        return str(both[0]["domain"]) if both else None


class Service:
    """Asks about one service; what is asked again and again is not always asked afresh."""

    def __init__(self, settings: RailwaySettings, tools: Tools, api: Api, memory: Memory) -> None:
        self._settings, self._tools = settings, tools
        self._api, self._memory = api, memory
        self._scope: Scope | None = None
        self._last: tuple[float, State] | None = None
        self._looks, self._looked = float(FRESH), 0.0

    def scope(self) -> Scope:
        """Return which service this is. Raises CannotTell."""
        if self._scope is None:
            self._scope = find(self._settings, self._api)
            self._memory.keep_scope(asdict(self._scope))
        return self._scope

    def scope_known(self) -> Scope:
        """Return which service this is, or was when Railway answered last. Raises CannotTell."""
        try:
            return self.scope()
        except CannotTell:
            held = self._memory.scope()
            if held is None:
                raise
            return Scope(**held)

    def state(self) -> State:
        """Return how the service is, asked now. Raises CannotTell."""
        here = self.scope()
        facts = self._api.ask("ServiceState", environment=here.environment, service=here.service)
        try:
            state = _state(facts)
        except (ValueError, AttributeError, TypeError) as odd:
            raise CannotTell(f"Railway's answer cannot be read: {odd}.") from None
        self._last = (self._tools.clock.now().timestamp(), state)
        return state

    def state_lately(self) -> State:
        """Return how the service is; an answer of the last seconds serves whoever asks all the time.

        A watch looks once a second for half an hour; Railway's hourly limit is made for less.
        """
        now = self._tools.clock.now().timestamp()
        every = max(STALE, self._api.budget.pause(now, 600.0))
        self._looks = min(float(FRESH), self._looks + max(0.0, now - self._looked) / every)
        self._looked = now
        watched = self._looks < FRESH / 2  # somebody asks all the time
        age = now - self._last[0] if self._last else float("inf")
        if self._looks < 1 and self._last and age < every:
            return self._last[1]
        self._looks = max(0.0, self._looks - 1)
        try:
            return self.state()
        except CannotTell:
            if watched and self._last and age < TOLERATED:
                return self._last[1]  # one lost answer is no reason to end a watch
            raise

    def history(self) -> list[Seen]:
        """Return the deployments of this service, newest first. Raises CannotTell."""
        told = self._api.ask("Deployments", filter=self.scope().filter, first=MANY)
        try:
            found = [seen.read(edge["node"]) for edge in told["edges"]]
        except (ValueError, KeyError, TypeError) as odd:
            raise CannotTell(f"Railway's list of deployments cannot be read: {odd}.") from None
        return sorted(found, key=lambda one: one.created, reverse=True)

    def find(self, deployment_id: str) -> Seen:
        """Return one deployment. Raises Refused where there is none, CannotTell."""
        self.scope()
        try:
            return self._read(self._api.ask("DeploymentNow", id=deployment_id))
        except Objected as objected:
            if "not found" not in objected.why.lower():
                raise
            raise Refused(
                f"There is no deployment {deployment_id} of {self._tools.service} at Railway any "
                f"more; {self.users()}"
            ) from None

    def deployment(self, one: Seen, history: list[Seen] | None = None) -> Deployment:
        """Return a deployment with its commit and tree. Raises CannotTell where nobody knows them."""
        known = self._memory.deployment(one.id)
        url = self.url_or_none() or ""
        if known:
            found = replace(known, url=url or known.url, at=known.at or served_since(one))
            return self._memory.remember(found)
        commit, tree = self._commit(one, history)
        return self._memory.remember(Deployment(one.id, commit, tree, url, served_since(one)))

    def url_or_none(self) -> str | None:
        """Return where production answers, as far as that is known without asking."""
        if self._settings.url:
            return self._settings.url
        domain = self._last[1].domain if self._last else None
        return f"https://{domain}" if domain else None

    def health_path(self) -> str | None:
        """Return the path that Railway asks before it moves users. Raises CannotTell."""
        facts = (self._last[1] if self._last else self.state()).facts
        path = facts.get("healthcheckPath")
        return str(path) if path else None

    def change_over(self, state: State) -> list[str]:
        """Return what users notice while one deployment takes over from another. Raises CannotTell."""
        here, facts, said = self.scope(), state.facts, []
        told = self._api.ask("Volumes", environment=here.environment, project=here.project)
        nodes = [edge["node"] for edge in told["volumeInstances"]["edges"]]
        mounted = [str(one["mountPath"]) for one in nodes if one["serviceId"] == here.service]
        if mounted:
            said.append(
                f"A volume is mounted ({', '.join(mounted)}): two deployments never run together, so "
                "every deploy and every rollback is a short gap for users."
            )
        elif not facts.get("overlapSeconds"):
            said.append(
                "No overlap is set: for some seconds of a deploy or a rollback users may get 502."
            )
        if not facts.get("drainingSeconds"):
            said.append(
                "No draining time is set: requests that the old deployment is answering are cut off."
            )
        return said

    def users(self) -> str:
        """Return what users get, in words; also where that cannot be told."""
        try:
            serving = self.state().serving
        except (CannotTell, Refused):
            return "what users get now is not known."
        return self.users_on(serving)

    def users_on(self, serving: Seen | None) -> str:
        """Return that users get a certain deployment, in words."""
        return f"users are on {self.name(serving)}." if serving else "nothing is in service."

    def name(self, one: Seen) -> str:
        """Return a deployment as a sentence names it."""
        known = self._memory.deployment(one.id)
        commit = known.commit if known else one.named_commit
        return f"{commit[:12]} ({one.id})" if commit else one.id

    def _commit(self, one: Seen, history: list[Seen] | None) -> tuple[str, str]:
        """Return commit and tree: by what it names, or by another deployment of the same image."""
        alike = [one, *self._alike(one, history)]
        for each in alike:
            if known := self._memory.deployment(each.id):
                return known.commit, known.tree
            if each.named_commit and (here := self._tools.commit(each.named_commit)):
                return here
        if one.named_commit:
            raise CannotTell(
                f"Railway's deployment {one.id} is of the commit {one.named_commit[:40]}, which is "
                "not in this repository. Get it: git fetch --all"
            )
        raise CannotTell(
            f"Nobody knows which commit Railway's deployment {one.id} is: it was uploaded without "
            "saying so. Deploy what is in service once more with its commit in the message: "
            'railway up --message "$(git rev-parse HEAD)"'
        )

    def _alike(self, one: Seen, history: list[Seen] | None) -> list[Seen]:
        """Return the deployments of the same image."""
        if one.named_commit and self._tools.commit(one.named_commit):
            return []
        found = self.history() if history is None else history
        return [each for each in found if each.id != one.id and each.is_image_of(one)]

    def _read(self, told: Any) -> Seen:
        try:
            return seen.read(told)
        except ValueError as odd:
            raise CannotTell(f"Railway's answer cannot be read: {odd}.") from None


def served_since(one: Seen) -> str | None:
    """Return since when users are served by a deployment, as far as its status tells."""
    return one.since if statuses.kind(one.status) == "good" else None


def _state(facts: Any) -> State:
    active = sorted((seen.read(each) for each in facts["activeDeployments"]), key=_created)
    good = [each for each in active if statuses.kind(each.status) == "good"]
    latest = seen.read(facts["latestDeployment"]) if facts.get("latestDeployment") else None
    if latest and latest.status == "CRASHED" and not active:
        return State(latest, latest, facts)  # it is what users would get, were it well
    return State(next(reversed(good or active), None), latest, facts)


def _created(one: Seen) -> float:
    return one.created.timestamp()
