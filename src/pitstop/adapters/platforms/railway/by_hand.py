"""The same acts as a person types them, when pitstop is not there. Pure."""

from __future__ import annotations

import json
import shlex

from pitstop.adapters.platforms.railway.api import GRAPHQL
from pitstop.adapters.platforms.railway.documents import document
from pitstop.adapters.platforms.railway.settings import RailwaySettings


def rollback(settings: RailwaySettings, deployment_id: str, *, account: bool = False) -> str:
    """Return the command that asks Railway for a rollback, with the token's variable by its name."""
    query = " ".join(document("RollBack").split())
    body = {"query": query, "variables": {"id": deployment_id}}
    name = settings.token.env
    kind = f"Authorization: Bearer ${name}" if account else f"Project-Access-Token: ${name}"
    return (
        f"curl --fail --silent --show-error {shlex.quote(settings.api + GRAPHQL)} "
        f'--header "{kind}" --header "Content-Type: application/json" '
        f"--data {shlex.quote(json.dumps(body))}"
    )
