"""Traffic that was never real: seconds of requests, as a service with known faults would answer them.

Pure: the same generator state gives the same seconds. Times in seconds, latencies in milliseconds,
rates and shares from 0 to 1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pitstop.gate import MEMORY, Interval

Numbers = NDArray[np.float64]
Shape = Callable[[Generator, int], Numbers]
MB = 1e6


def lognormal(rng: Generator, count: int) -> Numbers:
    """Latencies around 80 ms, sigma .6: p95 at 215 ms, p99 at 323 ms."""
    return rng.lognormal(math.log(80), 0.6, count)


def gamma(rng: Generator, count: int) -> Numbers:
    """Latencies with a lighter tail: gamma of shape 2, mean 80 ms."""
    return rng.gamma(2.0, 40.0, count)


def bimodal(rng: Generator, count: int) -> Numbers:
    """Four in five from a cache around 20 ms, the rest from the database around 200 ms."""
    middle = np.where(rng.random(count) < 0.8, math.log(20), math.log(200))
    return rng.lognormal(middle, 0.3)


P90 = {lognormal: 172.6, gamma: 155.6, bimodal: 200.0}  # where a tail begins


@dataclass(frozen=True)
class Service:
    """How one version answers.

    ``errors`` fall on requests one by one, ``bursts`` ten at a time on one client (both as shares
    of all requests). ``slower`` multiplies every latency, ``tail`` those above the 90th percentile.
    ``warming``: latencies start doubled, and the excess decays with this time constant. ``leak`` is
    memory that is never given back, in bytes a second. ``clients``: so many are told apart; 0: none.
    """

    rps: float = 100.0
    errors: float = 0.005
    bursts: float = 0.0
    latency: Shape | None = lognormal
    slower: float = 1.0
    tail: float = 1.0
    warming: float = 0.0
    leak: float = 0.0
    clients: int = 0


@dataclass(frozen=True)
class Weather:
    """What happens to all traffic, whoever answers it: a factor for each second."""

    load: Numbers
    errors: Numbers
    latency: Numbers


Climate = Callable[[Generator, int, int], Weather]  # seconds before and after the deploy


def calm(rng: Generator, before: int, after: int) -> Weather:
    """Nothing happens."""
    ones = np.ones(before + after)
    return Weather(ones, ones, ones)


def wandering(deviation: float) -> Climate:
    """Latencies share a factor that wanders: AR(1), .9 from second to second, log-normal."""

    def wander(rng: Generator, before: int, after: int) -> Weather:
        steps = rng.normal(0, deviation * math.sqrt(1 - 0.9**2), before + after)
        steps[0] = rng.normal(0, deviation)
        log = [0.0]
        for step in steps:
            log.append(0.9 * log[-1] + step)
        ones = np.ones(before + after)
        return Weather(ones, ones, np.exp(np.array(log[1:])))

    return wander


def outage(factor: float) -> Climate:
    """Since the deploy, and not because of it, errors are more frequent for everybody."""

    def break_(rng: Generator, before: int, after: int) -> Weather:
        ones = np.ones(before + after)
        errors = ones.copy()
        errors[before:] = factor
        return Weather(ones, errors, ones)

    return break_


def waves(height: float, period: float) -> Climate:
    """Load, errors and latency swing together and slowly, from a random moment on."""

    def swing(rng: Generator, before: int, after: int) -> Weather:
        at = np.arange(before + after) / period + rng.random()
        factor = 1 + height * np.sin(2 * math.pi * at)
        return Weather(factor, factor, factor)

    return swing


def seconds(
    rng: Generator, service_at: Callable[[int], Service], weather: Weather, start: int, first: int
) -> Iterator[Interval]:
    """Yield one interval for each second of the weather from ``start`` on; ``first`` is its ``at``."""
    services = [service_at(first + n) for n in range(len(weather.load) - start)]
    load = weather.load[start:] * [service.rps for service in services]
    failing = weather.errors[start:] * [service.errors for service in services]
    counts = rng.poisson(load)
    failures = rng.binomial(counts, np.minimum(failing, 1.0)).tolist()
    for n, (service, count) in enumerate(zip(services, counts.tolist(), strict=True)):
        at, failed = first + n, failures[n]
        clients = _clients(rng, service, count, failed)
        burst, size = _burst(rng, service)
        if burst and clients:
            requests, errors = clients.get(burst, (0, 0))
            clients[burst] = (requests + size, errors + size)
        latencies = _latencies(rng, service, count + size, at, float(weather.latency[start + n]))
        yield Interval(float(at), count + size, failed + size, latencies, clients=clients)


def sawtooth(rng: Generator, count: int, leak: float, since: int) -> Numbers:
    """Memory by the second, in bytes: a collector frees 60 MB every 7 to 14 s; a leak stays."""
    period = rng.uniform(7, 14)
    at = np.arange(count)
    teeth = 60 * MB * ((at / period + rng.random()) % 1.0)
    grown: Numbers = 400 * MB + teeth + rng.normal(0, 3 * MB, count)
    return grown + leak * np.maximum(at - since, 0)


def with_memory(interval: Interval, used: float) -> Interval:
    """Return the interval with a reading of memory."""
    return Interval(
        interval.at,
        interval.requests,
        interval.errors,
        interval.latencies_ms,
        clients=interval.clients,
        readings={MEMORY: used},
    )


def _latencies(
    rng: Generator, service: Service, count: int, at: int, shared: float
) -> tuple[float, ...] | list[float]:
    if not service.latency or not count:
        return ()
    drawn = service.latency(rng, count)
    if service.tail != 1.0:
        drawn = np.where(drawn > P90[service.latency], drawn * service.tail, drawn)
    warming = 1 + math.exp(-at / service.warming) if service.warming and at >= 0 else 1.0
    return (drawn * (service.slower * shared * warming)).tolist()  # type: ignore[no-any-return]


def _burst(rng: Generator, service: Service) -> tuple[str, int]:
    """Return who fails over and over within this second, and how often; ten times on average."""
    if not service.bursts or rng.random() > service.rps * service.bursts / 10:
        return "", 0
    return f"c{rng.integers(service.clients or 1)}", 1 + int(rng.poisson(9))


def _clients(
    rng: Generator, service: Service, count: int, failed: int
) -> dict[str, tuple[int, int]]:
    if not service.clients:
        return {}
    asking = rng.integers(service.clients, size=count).tolist()
    errors = Counter(asking[:failed])
    return {f"c{one}": (asked, errors[one]) for one, asked in Counter(asking).items()}
