"""The ``[platform]`` table of a service on Railway."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from pitstop.config import Duration, Part, Secret

API = "https://backboard.railway.com"
_NAME = r"^\S(.*\S)?$"
_ORIGIN = r"^https?://[^\s/?#@]+$"

Name = Annotated[str, Field(pattern=_NAME, max_length=200)]
Origin = Annotated[str, Field(pattern=_ORIGIN)]


class RailwaySettings(Part):
    """Which service, and by which token; a project token knows its project and environment."""

    token: Secret
    """a project token of the environment, or an account's, by the name of the variable that holds it"""
    service: Name | None = None
    """name or id; needed where the project has several"""
    project: Name | None = None
    """its id; needed with an account's token"""
    environment: Name | None = None
    """name or id; needed with an account's token"""
    health: str | None = Field(None, pattern=r"^/[^\s#]*$")
    """answers 2xx when the service is well; else the health check path that Railway has"""
    url: Origin | None = None
    """where production answers; else the service's own domain"""
    within: Duration = timedelta(minutes=15)
    """how long a deploy or a rollback may take"""
    api: Origin = API
    """where Railway's API is"""
