"""The service's variables, by their digests: enough to say which ones a rollback takes back."""

from __future__ import annotations

import hashlib

from pitstop.adapters.platforms.railway.api import Api
from pitstop.adapters.platforms.railway.memory import Memory
from pitstop.adapters.platforms.railway.scope import Scope
from pitstop.ports import CannotTell

_OWN = "RAILWAY_"  # Railway sets these itself, anew for each deployment


class Variables:
    """Asks for names and values, and keeps no value."""

    def __init__(self, api: Api, memory: Memory) -> None:
        self._api, self._memory = api, memory

    def keep(self, scope: Scope, deployment_id: str) -> None:
        """Remember with what variables a deployment runs. Raises CannotTell."""
        self._memory.keep_point(deployment_id, {"variables": self._now(scope)})

    def taken_back(self, scope: Scope, deployment_id: str) -> list[str]:
        """Return the names of the variables that are not as they were with a deployment.

        Empty where that is not known: then nothing was kept. Raises CannotTell.
        """
        before = self._memory.point(deployment_id).get("variables")
        if before is None:
            return []
        now = self._now(scope)
        return sorted(
            name for name in before.keys() | now.keys() if before.get(name) != now.get(name)
        )

    def _now(self, scope: Scope) -> dict[str, str]:
        told = self._api.ask("Variables", **scope.ids)
        if not isinstance(told, dict):
            raise CannotTell("Railway's variables cannot be read.")
        return {
            str(name): _digest(scope, str(name), str(value))
            for name, value in told.items()
            if not str(name).startswith(_OWN) and value is not None
        }


def _digest(scope: Scope, name: str, value: str) -> str:
    """Return what tells two values apart and is no value; slow to guess, and another for each name."""
    salt = f"{scope.project}/{scope.environment}/{scope.service}/{name}".encode()
    return hashlib.scrypt(value.encode(), salt=salt, n=2**10, r=8, p=1, dklen=16).hex()
