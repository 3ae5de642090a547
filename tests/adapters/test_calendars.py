"""Calendar files beside the code: all-day, floating, recurring and hostile ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pitstop.adapters.calendars import TeamCalendar
from pitstop.config import Calendar
from pitstop.domain.calendar import Standing
from pitstop.ports import CannotTell


def ics(*events: str) -> str:
    """Return a calendar with these events, each its lines joined by a bar."""
    rows = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//test//EN"]
    for number, event in enumerate(events):
        rows += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20260101T000000Z"]
        rows += [*event.split("|"), "END:VEVENT"]
    return "\r\n".join([*rows, "END:VCALENDAR", ""])


def ask(folder: Path, when: str, text: str | bytes | None = None, **tables: object) -> Standing:
    """Ask a team in Berlin what holds at a time on its clocks."""
    if text is not None:
        raw = text if isinstance(text, bytes) else text.encode()
        (folder / "freezes.ics").write_bytes(raw)
        tables = {"ics": ["freezes.ics"]} | tables
    settings = Calendar.model_validate({"timezone": "Europe/Berlin"} | tables)
    at = datetime.fromisoformat(when)
    at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    return TeamCalendar(settings, folder).standing(at.astimezone(UTC))


@pytest.mark.parametrize(
    ("event", "inside", "outside"),
    [
        ("DTSTART;VALUE=DATE:20261220|DTEND;VALUE=DATE:20261222", "2026-12-21T23:59", "2026-12-22T00:00"),
        ("DTSTART;VALUE=DATE:20261220|DTEND;VALUE=DATE:20261222", "2026-12-20T00:00", "2026-12-19T23:59"),
        ("DTSTART;VALUE=DATE:20261220", "2026-12-20T12:00", "2026-12-21T00:00"),
        ("DTSTART:20261220T100000|DURATION:PT2H", "2026-12-20T11:59", "2026-12-20T12:00"),
        ("DTSTART:20261220T100000Z|DTEND:20261220T110000Z", "2026-12-20T11:00", "2026-12-20T12:00"),
        (
            "DTSTART;TZID=America/New_York:20261220T100000|DTEND;TZID=America/New_York:20261220T110000",
            "2026-12-20T16:30",
            "2026-12-20T10:30",
        ),
        ("DTSTART;VALUE=DATE:20260703|RRULE:FREQ=WEEKLY", "2026-12-18T12:00", "2026-12-17T12:00"),
        (
            "DTSTART;VALUE=DATE:20260703|RRULE:FREQ=WEEKLY|EXDATE;VALUE=DATE:20261211",
            "2026-12-18T12:00",
            "2026-12-11T12:00",
        ),
        (  # the last night of summer time: floating times follow the team's clocks
            "DTSTART:20261001T220000|DTEND:20261002T060000|RRULE:FREQ=DAILY",
            "2026-10-25T05:59",
            "2026-10-25T06:00",
        ),
        (  # by the clocks of New York, which change a week later than Berlin's
            "DTSTART;TZID=America/New_York:20261001T120000|DURATION:PT1H|RRULE:FREQ=DAILY",
            "2026-10-28T17:30",
            "2026-10-28T18:30",
        ),
        ("DTSTART;VALUE=DATE:20250101|DTEND;VALUE=DATE:20280101", "2026-12-18T12:00", "2028-01-01T00:00"),
    ],
)  # fmt: skip
def test_an_event_is_a_freeze_from_its_beginning_to_its_end(tmp_path, event, inside, outside):
    """Whatever kind of time it is written in."""
    text = ics(f"SUMMARY:year end|{event}")
    frozen = ask(tmp_path, inside, text).freeze
    assert frozen is not None
    assert [frozen.name, frozen.hotfix] == ["year end", "pass"]
    assert ask(tmp_path, outside, text).freeze is None


def test_an_hour_that_comes_twice_is_frozen_both_times(tmp_path):
    """An event until 02:30 on the night on which clocks are set back."""
    text = ics("SUMMARY:x|DTSTART:20261025T010000|DTEND:20261025T023000")
    assert ask(tmp_path, "2026-10-25T00:45+00:00", text).freeze
    assert ask(tmp_path, "2026-10-25T01:29+00:00", text).freeze
    assert ask(tmp_path, "2026-10-25T01:31+00:00", text).freeze is None


def test_a_cancelled_event_is_no_freeze(tmp_path):
    """Somebody took it back."""
    text = ics("SUMMARY:x|STATUS:CANCELLED|DTSTART;VALUE=DATE:20261220")
    assert ask(tmp_path, "2026-12-20T12:00", text).open


def test_the_name_of_a_freeze_moves_no_cursor(tmp_path):
    """A calendar comes from anywhere."""
    text = ics("SUMMARY:a\x1b[2J\\nb|DTSTART;VALUE=DATE:20261220")
    assert ask(tmp_path, "2026-12-20T12:00", text).freeze.name == "a [2J b"
    unnamed = ics("DTSTART;VALUE=DATE:20261220")
    assert ask(tmp_path, "2026-12-20T12:00", unnamed).freeze.name == "a freeze without a name"


def test_windows_freezes_and_files_are_one_calendar(tmp_path):
    """The next opening is after all of them."""
    found = ask(
        tmp_path,
        "2026-12-18T15:00",
        ics("SUMMARY:x|DTSTART;VALUE=DATE:20261221"),
        windows=["Mon-Thu 09:00-16:00"],
        freeze=[{"name": "weekend", "every": "Fri 14:00-Mon 08:00"}],
    )
    assert [found.in_window, found.freeze.name] == [False, "weekend"]
    assert found.local(found.opens_at) == "2026-12-22 09:00 Europe/Berlin"


ONCE = {"name": "audit", "from": "2026-12-18", "until": "2026-12-19T12:00:00", "hotfix": "override"}


def test_a_freeze_of_the_configuration_is_in_the_teams_zone(tmp_path):
    """Dates and local times mean the clocks of the calendar."""
    for when, holds in (
        ("17T23:59", False),
        ("18T00:00", True),
        ("19T11:59", True),
        ("19T12:00", False),
    ):
        assert bool(ask(tmp_path, f"2026-12-{when}", freeze=[ONCE]).freeze) == holds


BROKEN = {
    "nothing": b"",
    "no calendar": b"hello\n",
    "binary": bytes(range(256)),
    "torn": ics("SUMMARY:x|DTSTART;VALUE=DATE:20261220").encode()[:90],
    "no beginning": ics("SUMMARY:x").encode(),
    "no time": ics("SUMMARY:x|DTSTART:soon").encode(),
    "no end": ics("SUMMARY:x|DTSTART:20261220T100000Z|DTEND:later").encode(),
    "no rule": ics("SUMMARY:x|DTSTART:20261220T100000Z|RRULE:often").encode(),
    "every second": ics("SUMMARY:x|DTSTART:20200101T100000Z|RRULE:FREQ=SECONDLY").encode(),
    "every second of an hour": ics(
        "SUMMARY:x|DTSTART:20200101T100000Z|RRULE:FREQ=HOURLY;BYSECOND="
        + ",".join(map(str, range(60)))
    ).encode(),
    "huge": b"X" * 2_000_001,
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that_is_no_calendar_cannot_tell(tmp_path, what):
    """Not readable is not *no freeze*."""
    with pytest.raises(CannotTell, match=r"freezes\.ics cannot be understood"):
        ask(tmp_path, "2026-12-20T12:00", BROKEN[what])


def test_a_file_that_is_not_there_cannot_tell(tmp_path):
    """Nor is *gone*."""
    with pytest.raises(CannotTell, match=r"gone\.ics cannot be read: No such file"):
        ask(tmp_path, "2026-12-20T12:00", ics=["gone.ics"])


def test_a_freeze_that_asks_for_an_override_needs_no_file(tmp_path):
    """A broken file beside it opens nothing to a hotfix."""
    found = ask(tmp_path, "2026-12-18T12:00", ics=["gone.ics"], freeze=[ONCE])
    assert found.freeze.hotfix == "override"
