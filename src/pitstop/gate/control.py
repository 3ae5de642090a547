"""Two versions side by side: how many of the failing requests of a second were on the new one.

Given how many failed in a second in all, the split between the versions follows Fisher's noncentral
hypergeometric law, in which the rate they share drops out: load, time of day and a dying dependency
cannot cause a rollback. Its Poisson limit is Lindon & Malek, NeurIPS 2022, arXiv 2011.03567.
"""

from __future__ import annotations

from math import exp, lgamma, log

from pitstop.gate.evidence import mean_of_logs


class Beside:
    """Evidence against "the odds on the new version are at most (or at least) ``ratio`` times"."""

    def __init__(self, ratio: float, bank: tuple[float, ...], phi: float = 1.0) -> None:
        self._ratio, self._bank, self._phi = ratio, bank, max(phi, 1.0)
        self._logs = [0.0] * len(bank)

    def count(self, new_events: int, new: int, old_events: int, old: int) -> None:
        """Take in one second: events and observations of the new version, and of the old one."""
        k = new_events + old_events
        if not k or not new or not old or k == new + old:
            return
        weights = _ways(new, old, k)
        null = _log_z(weights, self._ratio)
        for number, r in enumerate(self._bank):
            ratio = _log_z(weights, self._ratio * r)
            self._logs[number] += (new_events * log(r) - ratio + null) / self._phi

    def log_e(self) -> float:
        """Return the logarithm of the e-value."""
        return mean_of_logs(self._logs)


def _ways(new: int, old: int, k: int) -> list[tuple[int, float]]:
    """Return (events on the new version, ln of the number of ways), for all that are possible."""
    return [
        (j, _log_choose(new, j) + _log_choose(old, k - j))
        for j in range(max(0, k - old), min(new, k) + 1)
    ]


def _log_z(weights: list[tuple[int, float]], ratio: float) -> float:
    """Return ln sum_j C(m_T, j) C(m_C, k - j) ratio^j."""
    step = log(ratio)
    values = [ways + j * step for j, ways in weights]
    top = max(values)
    return top + log(sum(exp(value - top) for value in values))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
