"""Railway's answers to GraphQL: what each root field of the schema gives and does."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime
from importlib import resources
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema

from pitstop.testing.railway.world import SERVING, Deployment, World, moment, stamp

LIMIT, MOST = 100, 5000  # lines of a log: without being asked, and at most


@functools.cache
def schema() -> GraphQLSchema:
    """Return the schema that the double executes."""
    text = resources.files("pitstop.testing.railway").joinpath("schema.graphql").read_text("utf-8")
    return build_schema(text)


class Graph:
    """The root of queries and mutations; graphql-core calls its methods by the fields' names."""

    def __init__(self, world: World, scope: str) -> None:
        self._world, self._scope = world, scope
        fields = (
            "projectToken apiToken project environment serviceInstance deployment deployments "
            "deploymentEvents variablesForServiceDeployment buildLogs deploymentLogs httpLogs metrics "
            "deploymentRollback deploymentRedeploy deploymentCancel deploymentStop deploymentRestart"
        )
        self.root = {field: getattr(self, f"_{field}") for field in fields.split()}

    # Who asks, and what there is

    def _projectToken(self, info: Any) -> dict[str, Any]:  # noqa: N802 - the schema's own names, here and below
        if self._scope != "project":
            raise GraphQLError("Project Token not found")
        ids = {
            "projectId": self._world.project["id"],
            "environmentId": self._world.environment["id"],
        }
        return {"id": "t-0001", "name": "pitstop", **ids}

    def _apiToken(self, info: Any) -> dict[str, Any]:  # noqa: N802
        if self._scope != "account":
            raise GraphQLError("Not Authorized")
        return {"workspaces": [{"id": "w-0001", "name": "the shop's"}]}

    def _project(self, info: Any, id: str) -> dict[str, Any]:
        if id != self._world.project["id"]:
            raise GraphQLError("Project not found")
        world = self._world
        return {
            **world.project,
            "environments": _edges([world.environment, {"id": "e-0002", "name": "staging"}]),
            "services": _edges([world.service, {"id": "s-0002", "name": "worker"}]),
        }

    def _environment(self, info: Any, id: str, **_: Any) -> dict[str, Any]:
        self._only_ours(id)
        paths = enumerate(self._world.volumes)
        service = self._world.service["id"]
        held = [{"id": f"v-{n}", "serviceId": service, "mountPath": path} for n, path in paths]
        return {**self._world.environment, "volumeInstances": _edges(held)}

    def _serviceInstance(self, info: Any, **ids: str) -> dict[str, Any]:  # noqa: N802
        self._only_ours(ids["environmentId"])
        if ids["serviceId"] != self._world.service["id"]:
            raise GraphQLError("ServiceInstance not found")
        return self.service_instance()

    def service_instance(self) -> dict[str, Any]:
        """Return the service as it stands now."""
        world = self._world
        world.settle()
        active = [one for one in world.deployments if one.status in SERVING]
        latest = world.deployments[-1:]
        host = [{"id": "h-0001", "domain": world.domain}] if world.domain else []
        return {
            "id": "i-0001",
            "serviceId": world.service["id"],
            "serviceName": world.service["name"],
            "environmentId": world.environment["id"],
            **world.settings,
            "domains": {"customDomains": [], "serviceDomains": host},
            "latestDeployment": self.told(latest[0]) if latest else None,
            "activeDeployments": [self.told(one) for one in active],
        }

    def told(self, one: Deployment) -> dict[str, Any]:
        """Return a deployment as the API tells it."""
        world = self._world
        return {
            "id": one.id,
            "status": one.status,
            "createdAt": stamp(one.created),
            "updatedAt": stamp(one.since or one.created),
            "statusUpdatedAt": stamp(one.since or one.created),
            "canRollback": one.has_image and one.removed is not None and one.status == "REMOVED",
            "canRedeploy": one.has_source,
            "deploymentStopped": one.stopped,
            "projectId": world.project["id"],
            "environmentId": world.environment["id"],
            "serviceId": world.service["id"],
            "staticUrl": world.domain or None,
            "url": None,
            "meta": one.meta,
        }

    def _deployment(self, info: Any, id: str) -> dict[str, Any]:
        self._world.settle()
        return self.told(self._found(id))

    def _deployments(
        self,
        info: Any,
        input: dict[str, Any],
        first: int | None = None,
        after: str | None = None,
    ) -> dict[str, Any]:
        self._world.settle()
        self._only_ours(input.get("environmentId") or self._world.environment["id"])
        wanted = input.get("status") or {}
        found = [
            one
            for one in reversed(self._world.deployments)
            if one.status in (wanted.get("in") or [one.status])
            and one.status not in (wanted.get("notIn") or [])
        ]
        start = next((n + 1 for n, one in enumerate(found) if one.id == after), 0)
        page = found[start : start + (first or 20)]
        edges = [{"cursor": one.id, "node": self.told(one)} for one in page]
        more = start + len(page) < len(found)
        end = page[-1].id if page else None
        return {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": end}}

    def _deploymentEvents(  # noqa: N802
        self,
        info: Any,
        id: str,
        first: int | None = None,
    ) -> dict[str, Any]:
        self._world.settle()
        return _edges(self._found(id).phases[: first or 100])

    def _variablesForServiceDeployment(self, info: Any, **ids: str) -> dict[str, str]:  # noqa: N802
        self._only_ours(ids["environmentId"])
        return dict(self._world.variables)

    # What was said and measured

    def _buildLogs(self, info: Any, **asked: Any) -> list[dict[str, Any]]:  # noqa: N802
        self._world.settle()
        return _page(self._found(asked["deploymentId"]).build_log, asked)

    def _deploymentLogs(self, info: Any, **asked: Any) -> list[dict[str, Any]]:  # noqa: N802
        self._world.settle()
        return _page(self._found(asked["deploymentId"]).log, asked)

    def _httpLogs(self, info: Any, **asked: Any) -> list[dict[str, Any]]:  # noqa: N802
        held = self._found(asked["deploymentId"]).requests
        anchor = asked.get("anchorDate")
        oldest, newest = asked.get("beforeDate"), asked.get("afterDate")
        before = [
            one
            for one in held
            if (not anchor or moment(one["timestamp"]) <= moment(anchor))
            and (not oldest or moment(one["timestamp"]) >= moment(oldest))
        ]
        most = asked.get("beforeLimit")
        kept = before[-_limit(most) :] if most != 0 else []
        if not anchor or not asked.get("afterLimit"):
            return kept
        after = [
            one
            for one in held
            if moment(one["timestamp"]) > moment(anchor)
            and (not newest or moment(one["timestamp"]) <= moment(newest))
        ]
        return kept + after[: _limit(asked["afterLimit"])]

    def _metrics(self, info: Any, **asked: Any) -> list[dict[str, Any]]:
        start = moment(asked["startDate"])
        end = moment(asked["endDate"]) if asked.get("endDate") else self._world.now()
        values = [
            {"ts": int(at.timestamp()), "value": value}
            for at, value in self._world.memory
            if start <= at <= end
        ]
        return [
            {"measurement": one, "values": values if one == "MEMORY_USAGE_GB" else []}
            for one in asked["measurements"]
        ]

    # What is done

    def _deploymentRollback(self, info: Any, id: str) -> bool:  # noqa: N802
        self._world.settle()
        one = self._found(id)
        if not self.told(one)["canRollback"]:
            raise GraphQLError("Deployment cannot be rolled back")
        self._world.acts.append(f"rollback {id}")
        self._again(one, "rollback", one.variables)
        return True

    def _deploymentRedeploy(self, info: Any, id: str, **_: Any) -> dict[str, Any]:  # noqa: N802
        one = self._found(id)
        if not one.has_source:
            raise GraphQLError("Deployment cannot be redeployed")
        self._world.acts.append(f"redeploy {id}")
        return self.told(self._again(one, "redeploy", one.variables))

    def _again(self, one: Deployment, reason: str, variables: dict[str, str]) -> Deployment:
        self._world.variables = dict(variables)
        return self._world.deploy(one.files, {**one.meta, "reason": reason}, variables)

    def _deploymentCancel(self, info: Any, id: str) -> bool:  # noqa: N802
        self._world.settle()
        one = self._found(id)
        if not one.moving:
            raise GraphQLError("Deployment cannot be cancelled")
        self._world.acts.append(f"cancel {id}")
        self._world.remove(one)
        return True

    def _deploymentStop(self, info: Any, id: str) -> bool:  # noqa: N802
        self._world.acts.append(f"stop {id}")
        self._found(id).stopped = True
        return True

    def _deploymentRestart(self, info: Any, id: str) -> bool:  # noqa: N802
        self._world.acts.append(f"restart {id}")
        self._found(id).stopped = False
        return True

    # How

    def _found(self, deployment_id: str) -> Deployment:
        one = self._world.find(deployment_id)
        if one is None:
            raise GraphQLError("Deployment not found")
        return one

    def _only_ours(self, environment_id: str) -> None:
        if environment_id != self._world.environment["id"]:
            raise GraphQLError("Not Authorized")


def _edges(nodes: Iterable[Any]) -> dict[str, Any]:
    return {"edges": [{"node": node} for node in nodes]}


def _limit(asked: int | None) -> int:
    return min(asked or LIMIT, MOST)


def _page(log: list[dict[str, Any]], asked: dict[str, Any]) -> list[dict[str, Any]]:
    start, end = _date(asked, "startDate"), _date(asked, "endDate")
    found = [
        line
        for line in log
        if (start is None or moment(line["timestamp"]) >= start)
        and (end is None or moment(line["timestamp"]) <= end)
    ]
    return found[-_limit(asked.get("limit")) :]


def _date(asked: dict[str, Any], name: str) -> datetime | None:
    return moment(asked[name]) if asked.get(name) else None
