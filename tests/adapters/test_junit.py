"""Reports as real tools write them, and as nobody should."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pitstop.adapters import _junit
from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands

SUITE = """\
import pytest
def test_good(): pass
def test_bad(): assert False
@pytest.mark.skip
def test_not_now(): pass
"""
MAVEN = """\
<testsuite name="s" tests="3" failures="1">
  <testcase classname="Cart" name="adds"/>
  <testcase classname="Cart" name="pays"><flakyFailure message="once"/></testcase>
  <testcase classname="Cart" name="ships"><failure message="no"/></testcase>
</testsuite>"""
NESTED = f"{'<testsuite>' * 1500}{'</testsuite>' * 1500}"
ODD = '<?xml version="1.0" encoding="foo"?><testsuites/>'
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 50}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + ']><testsuite><testcase name="&i;"/></testsuite>'
)


def test_pytest_is_asked_for_a_report_in_the_way_that_it_reads(tmp_path: Path) -> None:
    """Nobody has to write a flag; the counts are the suite's own."""
    (tmp_path / "test_it.py").write_text(SUITE)
    commands = ShellCommands(Runner(), tmp_path)
    words = f"{sys.executable} -m pytest -q -p no:cacheprovider -p no:randomly test_it.py"
    ran = commands.run(words, name="t", folder=tmp_path, within=timedelta(seconds=60), env={})
    assert ran.exit_code == 1
    assert ran.tests
    assert (ran.tests.passed, ran.tests.failed, ran.tests.skipped) == (1, 1, 1)
    assert ran.tests.failing == ("test_it.test_bad",)


@pytest.mark.parametrize("where", ["{junit}", '"$PITSTOP_JUNIT"'])
def test_any_command_may_leave_a_report(tmp_path: Path, where: str) -> None:
    """In the place that it is told; each run has a place of its own."""
    (tmp_path / "report.xml").write_text(MAVEN)
    commands = ShellCommands(Runner(), tmp_path)
    words = f"cp report.xml {where}"
    for name, expected in (("a", True), ("b", True)):
        ran = commands.run(words, name=name, folder=tmp_path, within=timedelta(seconds=9), env={})
        assert bool(ran.tests) is expected
    assert ran.tests
    assert (ran.tests.passed, ran.tests.failing, ran.tests.rerun) == (
        2,
        ("Cart.ships",),
        ("Cart.pays",),
    )
    none = commands.run("true", name="a", folder=tmp_path, within=timedelta(seconds=9), env={})
    assert none.tests is None


def test_nested_suites_are_counted_once(tmp_path: Path) -> None:
    """As jest and Maven write them."""
    report = tmp_path / "r.xml"
    report.write_text(f"<testsuites><testsuite>{MAVEN}{MAVEN}</testsuite></testsuites>")
    found = _junit.read(report)
    assert found
    assert (found.passed, found.failed) == (4, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not xml",
        "<a/>",
        "<testsuite><testcase",
        LAUGHS,
        "\0\1\2",
        "<testsuite>" * 5_000,
        NESTED,
        ODD,
    ],
)
def test_what_cannot_be_read_is_no_report(tmp_path: Path, text: str) -> None:
    """Neither a crash, nor an hour, nor a pass: the exit code is all there is then."""
    report = tmp_path / "r.xml"
    report.write_text(text)
    found = _junit.read(report)
    assert found is None or (found.passed, found.failed) == (0, 0)


def test_a_report_without_end_is_not_read(tmp_path: Path) -> None:
    """A gigabyte of it fills no memory."""
    report = tmp_path / "r.xml"
    with report.open("wb") as file:
        file.truncate(1_000_000_000)
    assert _junit.read(report) is None
