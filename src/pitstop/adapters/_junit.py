"""What the tests say of themselves: a JUnit report, read by junitparser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite
from junitparser.xunit2 import FlakyError, FlakyFailure, RerunError, RerunFailure

from pitstop.ports import Tally

_MOST = 50_000_000  # bytes of a report; what is larger is not read
_NAMED = 20  # failing tests that are named
_AGAIN = (FlakyError, FlakyFailure, RerunError, RerunFailure)


def read(report: Path) -> Tally | None:
    """Return what a report says; None where there is none, or none that can be read."""
    try:
        if not 0 < report.stat().st_size <= _MOST:
            return None
        cases = _cases(JUnitXml.fromfile(str(report)))
    except (OSError, JUnitXmlError, SyntaxError, ValueError, LookupError, RecursionError):
        return None  # XML or not, in whatever encoding, however deep
    failing = [_name(case) for case in cases if _has(case, (Failure, Error))]
    skipped = sum(_has(case, (Skipped,)) and not _has(case, (Failure, Error)) for case in cases)
    rerun = [_name(case) for case in cases if any(next(case.iterchildren(k), None) for k in _AGAIN)]
    passed = len(cases) - len(failing) - skipped
    return Tally(passed, len(failing), skipped, tuple(failing[:_NAMED]), tuple(rerun[:_NAMED]))


def _cases(part: Any) -> list[TestCase]:
    suites = part.iterchildren(TestSuite)
    cases = list(part.iterchildren(TestCase))
    return cases + [case for suite in suites for case in _cases(suite)]


def _has(case: TestCase, kinds: tuple[type, ...]) -> bool:
    return any(isinstance(result, kinds) for result in case.result)


def _name(case: TestCase) -> str:
    name = ".".join(part for part in (case.classname, case.name) if part)
    return "".join(sign if sign.isprintable() else " " for sign in name)[:200]
