"""The same acts as a person types them, when pitstop is not there. Pure.

They need ``curl``, and the token in the variable that the settings name; where Railway's own program
is installed, the upload is its ``railway up``. What may be a stand-in for something that is not known
yet, a commit or a deployment, stands between quoted parts, so that a variable can take its place.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from urllib.parse import quote

from pitstop.adapters.platforms.railway.api import GRAPHQL
from pitstop.adapters.platforms.railway.documents import document
from pitstop.adapters.platforms.railway.scope import ACCOUNT, Scope
from pitstop.adapters.platforms.railway.settings import RailwaySettings
from pitstop.domain.change import Release

_CURL = "curl --fail --silent --show-error"
_TREE = '"$pitstop_tree/files"'
_ID = "\0"  # stands for what is put between the quoted parts


def rollback(settings: RailwaySettings, deployment_id: str, scope: Scope | None) -> str:
    """Return the command that asks Railway for a rollback."""
    return _operation(settings, scope, "RollBack", {"id": _ID}, deployment_id)


def serving(settings: RailwaySettings, scope: Scope) -> str:
    """Return the command that says what users get."""
    ids = {"environment": scope.environment, "service": scope.service}
    return _operation(settings, scope, "Serving", ids)


def health(url: str) -> str:
    """Return the command that asks whether the service is well."""
    return f"{_CURL} --max-time 5 {shlex.quote(url)}"


def upload(
    settings: RailwaySettings, scope: Scope, release: Release, repository: Path, *, program: bool
) -> list[str]:
    """Return the lines that put a commit's files into service; by Railway's ``program``, or curl."""
    git = f'GIT_INDEX_FILE="$pitstop_tree/index" git -C {shlex.quote(str(repository))}'
    commit = shlex.quote(release.commit)
    lines = [
        "pitstop_tree=$(mktemp -d)",
        f"{git} read-tree {commit}",
        f'{git} checkout-index --all --prefix="$pitstop_tree/files/"',
    ]
    if program:
        where = f"--project {scope.project} --environment {scope.environment}"
        said = f"'pitstop '{commit}{shlex.quote(f' ({quote(release.key)})')}"
        token = "RAILWAY_API_TOKEN" if scope.token == ACCOUNT else "RAILWAY_TOKEN"
        given = f'{token}="${settings.token.env}"'
        words = f"{where} --service {scope.service} --message {said}"
        return [*lines, f"(cd {_TREE} && {given} railway up --ci {words})"]
    path = f"{settings.api}/project/{scope.project}/environment/{scope.environment}/up"
    before = shlex.quote(f"{path}?serviceId={scope.service}&message=pitstop%20")
    after = shlex.quote(f"%20({quote(quote(release.key))})")
    header = f'--header "{_token(settings, scope)}" --header "Content-Type: application/gzip"'
    return [
        *lines,
        f'tar -C {_TREE} -czf "$pitstop_tree/tree.tar.gz" .',
        f'{_CURL} {before}{commit}{after} {header} --data-binary @"$pitstop_tree/tree.tar.gz"',
    ]


def _operation(
    settings: RailwaySettings,
    scope: Scope | None,
    name: str,
    variables: dict[str, str],
    between: str = "",
) -> str:
    body = {"query": " ".join(document(name).split()), "variables": variables}
    parts = json.dumps(body).replace(json.dumps(_ID)[1:-1], _ID).split(_ID)
    data = shlex.quote(between).join(f"'{part}'" for part in parts)
    return (
        f"{_CURL} {shlex.quote(settings.api + GRAPHQL)} "
        f'--header "{_token(settings, scope)}" --header "Content-Type: application/json" '
        f"--data {data}"
    )


def _token(settings: RailwaySettings, scope: Scope | None) -> str:
    name = settings.token.env
    if scope and scope.token == ACCOUNT:
        return f"Authorization: Bearer ${name}"
    return f"Project-Access-Token: ${name}"
