"""The engine: how strongly counts speak against an event probability, at any time.

A Beta-Bernoulli predictive e-process: the likelihood of x events in n observations under a bank of
alternatives, over that under the null, whose event probability U is itself only known to be
Beta(a, b) from the baseline. Under the null it is a non-negative martingale that starts at 1, so
it exceeds 1/level with probability ``level`` at most, however often one looks (Ville 1939).
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log

UP = (1.4, 2.0, 4.0, 10.0, 60.0)
"""Odds ratios of the alternatives to "at most"; concentrated ones for big jumps."""
DOWN = (1e-6, 0.2, 0.5, 0.75)
"""Odds ratios of the alternatives to "at least"."""
KNOWN = 1e8  # the weight of a null that is not estimated
_LEAST = 1e-9


class Evidence:
    """Evidence against one null, of which Beta(a, b) says how probable an event is.

    ``bank``: UP against "at most this probable", DOWN against "at least". ``phi``: by how much
    events come in bursts (1: not at all); every count is divided by it.
    """

    def __init__(self, a: float, b: float, bank: tuple[float, ...], phi: float = 1.0) -> None:
        self.phi = max(phi, 1.0)
        a, b = max(a / self.phi, _LEAST), max(b / self.phi, _LEAST)
        self._null = _Beta(a, b)
        whole, odds = a + b, a / b
        shares = [r * odds / (1 + r * odds) for r in bank]
        self._bank = [_Beta(whole * share, whole * (1 - share)) for share in shares]

    @property
    def expected(self) -> float:
        """Return the event probability that the null stands for."""
        return self._null.a / (self._null.a + self._null.b)

    def log_e(self, events: float, observed: float) -> float:
        """Return the logarithm of the e-value of so many events in so many observations."""
        if observed <= 0:
            return 0.0
        x, rest = events / self.phi, (observed - events) / self.phi
        null = self._null.weighs(x, rest)
        return mean_of_logs([one.weighs(x, rest) - null for one in self._bank])


class _Beta:
    """The part of ln B(a + x, b + y) - ln B(a, b) that differs between members of one bank.

    a + b is the same for all of them, so ln Gamma(a + b + n) cancels.
    """

    def __init__(self, a: float, b: float) -> None:
        self.a, self.b = max(a, _LEAST), max(b, _LEAST)
        self._prior = lgamma(self.a) + lgamma(self.b)

    def weighs(self, events: float, others: float) -> float:
        return lgamma(self.a + events) + lgamma(self.b + others) - self._prior


def known(probability: float, bank: tuple[float, ...], phi: float = 1.0) -> Evidence:
    """Return evidence against an event probability that needs no baseline."""
    phi = max(phi, 1.0)  # the null stays as well known as it is
    return Evidence(probability * KNOWN * phi, (1 - probability) * KNOWN * phi, bank, phi)


def mean_of_logs(logs: list[float]) -> float:
    """Return the logarithm of the mean of what the logarithms stand for."""
    top = max(logs)
    return top + log(sum(exp(one - top) for one in logs) / len(logs))


def weighted(parts: list[tuple[float, float]]) -> float:
    """Return the logarithm of a sum of e-values, given as (weight, logarithm).

    A weighted mean of e-values is one, whatever they have to do with each other (Vovk & Wang 2021).
    """
    parts = [(weight, value) for weight, value in parts if weight > 0]
    if not parts:
        return 0.0
    top = max(value for _, value in parts)
    return top + log(sum(weight * exp(value - top) for weight, value in parts))


def confidence(events: float, observed: float, level: float = 0.95) -> tuple[float, float]:
    """Return an interval for an event probability that holds at all times together.

    By inverting the e-process: what is left are the probabilities against which there is no
    evidence of 2/(1 - level) on either side. ``(0.0, 1.0)`` where nothing was observed.
    """
    if observed <= 0 or not 0 <= events <= observed:
        return 0.0, 1.0
    enough, rate = log(2 / (1 - level)), events / observed
    low = _edge(lambda p: known(p, UP).log_e(events, observed) >= enough, 0.0, rate)
    high = _edge(lambda p: known(p, DOWN).log_e(events, observed) < enough, rate, 1.0)
    return low, high


def _edge(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return the largest probability up to which something holds, by halving."""
    left, right = low, high
    for _ in range(50):
        middle = (left + right) / 2
        if holds(middle):
            left = middle
        else:
            right = middle
    return left
