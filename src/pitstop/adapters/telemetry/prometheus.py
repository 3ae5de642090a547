"""Users' requests as a Prometheus server has scraped them: counters and histograms.

Raw samples are asked for, not rates: a counter that starts again, a series that ends and a scrape
that is late are seen as what they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import floor, inf, isfinite
from typing import Any, Literal

import httpx
from pydantic import Field, field_validator

from pitstop.config import Duration, Part, Secret
from pitstop.gate import Interval
from pitstop.ports import CannotTell

_LOOKBACK = 120.0  # seconds before a stretch in which a series' last sample is looked for
Sample = tuple[float, float]


class PrometheusSettings(Part):
    """``[telemetry] use = "prometheus"``."""

    url: str
    """where the server is, without /api"""
    requests: str
    """the selector of a counter of requests"""
    errors: str
    """the selector of those of them that failed"""
    latency: str | None = None
    """the selector of a histogram's buckets, with le"""
    latency_unit: Literal["s", "ms"] = "s"
    """what le is in"""
    deployment: str | None = None
    """the label that names the deployment; without it all are counted together"""
    token: Secret | None = None
    """a bearer token, by the name of its variable"""
    answer_within: Duration = Field(timedelta(seconds=5))
    """how long it may take"""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not re.match(r"https?://[^/\s]+", value):
            raise ValueError("write an address like http://prometheus:9090")
        return value.rstrip("/")


class Prometheus:
    """Asks a server for samples."""

    def __init__(self, settings: PrometheusSettings) -> None:
        self._settings = settings

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Return what was counted, at the seconds in which it was scraped. Raises CannotTell."""
        return PrometheusStream(self, since, deployment_id).read(until)

    def follow(self, since: datetime, deployment_id: str | None = None) -> PrometheusStream:
        """Return what is heard from a moment on."""
        return PrometheusStream(self, since, deployment_id)

    def selectors(self, deployment_id: str | None) -> dict[str, str]:
        """Return what is asked for, by name."""
        given = self._settings
        named = {"requests": given.requests, "errors": given.errors, "latency": given.latency}
        label = given.deployment if deployment_id else None
        return {name: _narrowed(text, label, deployment_id) for name, text in named.items() if text}

    @property
    def edge_factor(self) -> float:
        """Return by how much le is multiplied to be milliseconds."""
        return 1000.0 if self._settings.latency_unit == "s" else 1.0

    def samples(self, selector: str, until: datetime, seconds: float) -> list[dict[str, Any]]:
        """Return the series of a selector with their raw samples of so many seconds before."""
        question = {
            "query": f"{selector}[{seconds:.0f}s]",
            "time": f"{until.timestamp():.3f}",
        }
        try:
            answer = httpx.get(
                f"{self._settings.url}/api/v1/query",
                params=question,
                headers=self._headers(),
                timeout=self._settings.answer_within.total_seconds(),
            )
            held = answer.json()
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise CannotTell(f"Prometheus does not answer: {said}.") from error
        except ValueError:
            raise CannotTell(
                f"Prometheus answered {answer.status_code} with something that is no JSON."
            ) from None
        try:
            if held["status"] != "success":
                raise CannotTell(f"Prometheus refuses {selector}: {held.get('error')}.")
            found: list[dict[str, Any]] = held["data"]["result"]
            return found
        except (KeyError, TypeError):
            raise CannotTell("Prometheus answered in a shape that is not its own.") from None

    def _headers(self) -> dict[str, str]:
        token = self._settings.token
        if token is None:
            return {}
        value = os.environ.get(token.env)
        if not value:
            raise CannotTell(f"{token.env} is not set here, and telemetry.token asks for it.")
        return {"Authorization": f"Bearer {value}"}


class PrometheusStream:
    """The increments of each series once, also of scrapes that come late."""

    def __init__(self, source: Prometheus, since: datetime, deployment_id: str | None) -> None:
        self._source, self._since = source, since
        self._selectors = source.selectors(deployment_id)
        self._last: dict[tuple[str, str], Sample] = {}
        self._asked = since
        self._newest: float | None = None

    def read(self, until: datetime) -> list[Interval]:
        """Return what was scraped since the last read."""
        seconds = (until - self._asked).total_seconds() + _LOOKBACK
        found = {
            name: self._source.samples(selector, until, seconds)
            for name, selector in self._selectors.items()
        }
        if not found["requests"] and self._newest is None:
            raise CannotTell(
                f"Prometheus knows no series {self._selectors['requests']}. See telemetry.requests"
            )
        started = until.timestamp() - seconds
        counted = {name: self._counted(name, series, started) for name, series in found.items()}
        self._asked = until
        return self._intervals(counted)

    def fresh(self) -> datetime | None:
        """Return when the newest sample was scraped."""
        return None if self._newest is None else datetime.fromtimestamp(self._newest, UTC)

    def _counted(
        self, name: str, series: list[dict[str, Any]], started: float
    ) -> dict[int, dict[float, float]]:
        """Return the increments by second, and by the upper edge in ms where there is one."""
        counted: dict[int, dict[float, float]] = {}
        for one in series:
            labels = one.get("metric", {})
            key = (name, repr(sorted(labels.items())))
            edge = _edge(labels.get("le")) * self._source.edge_factor
            for at, increment in self._increments(key, _samples(one), started):
                if at > self._since.timestamp():
                    second = counted.setdefault(floor(at - self._since.timestamp()), {})
                    second[edge] = second.get(edge, 0.0) + increment
        return counted

    def _increments(
        self, key: tuple[str, str], samples: list[Sample], started: float
    ) -> Iterator[Sample]:
        """Yield when, and by how much, a counter has grown; one that starts again counts from 0."""
        last = self._last.get(key)
        for at, value in samples:
            if last is None:
                if at - started > _LOOKBACK / 2:  # it was not there before: a new process
                    yield at, value
            elif at <= last[0]:
                continue
            else:
                yield at, value - last[1] if value >= last[1] else value
            last = (at, value)
            self._newest = max(self._newest or at, at)
        if last:
            self._last[key] = last

    def _intervals(self, counted: dict[str, dict[int, dict[float, float]]]) -> list[Interval]:
        found = []
        for at in sorted(counted["requests"]):
            requests = round(sum(counted["requests"][at].values()))
            errors = round(sum(counted["errors"].get(at, {}).values()))
            buckets = _apart(counted.get("latency", {}).get(at, {}))
            found.append(Interval(float(at), requests, min(errors, requests), buckets=buckets))
        return found


def _narrowed(selector: str, label: str | None, value: str | None) -> str:
    """Return a selector of one deployment only."""
    if not label:
        return selector
    matcher = f'{label}="{value}"'
    if selector.endswith("}"):
        inside = selector[:-1].rstrip().rstrip(",")
        return f"{inside}{'' if inside.endswith('{') else ','}{matcher}}}"
    return f"{selector}{{{matcher}}}"


def _samples(series: dict[str, Any]) -> list[Sample]:
    found = []
    for at, text in series.get("values", []):
        value = float(text)  # "NaN" and "+Inf" are numbers here
        if isfinite(value):
            found.append((float(at), value))
    return found


def _edge(le: str | None) -> float:
    try:
        return inf if le in (None, "+Inf") else float(le or inf)
    except ValueError:
        return inf


def _apart(cumulative: dict[float, float]) -> list[tuple[float, int]]:
    """Return how many lie in each bucket; Prometheus counts those below, too."""
    found, below = [], 0.0
    for edge in sorted(cumulative):
        found.append((edge, max(round(cumulative[edge] - below), 0)))
        below = max(below, cumulative[edge])
    return found
