"""Windows and freezes by the wall clock, also on the days on which clocks jump."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pitstop import config
from pitstop.domain.calendar import (
    DAYS,
    Freeze,
    Weekly,
    instant,
    moment,
    occurrences,
    standing,
    weekly,
)

wall = datetime.fromisoformat  # without a zone: what clocks read
BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "America/Sao_Paulo",  # used to jump at midnight
        "Asia/Kolkata",
        "Australia/Lord_Howe",  # jumps by half an hour
        "Pacific/Apia",  # left out a whole day in 2011
        "Africa/Casablanca",
    ]
).map(ZoneInfo)
MOMENTS = st.datetimes(wall("2010-01-10"), wall("2028-01-01"), timezones=st.just(UTC))
MINUTES = st.integers(0, 7 * 24 * 60 - 1)
RULES = st.builds(
    lambda begin, length: Weekly("", ((begin, begin + length),)), MINUTES, st.integers(1, 10079)
)


def at(text: str, zone: ZoneInfo = UTC_ZONE) -> datetime:
    """Return a moment by the clocks of a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def in_the_week(rule: Weekly, wall: datetime) -> bool:
    """Return whether the wall clock reads a time of the rule: the definition."""
    minute = (wall.weekday() * 24 + wall.hour) * 60 + wall.minute
    [(begin, end)] = rule.spans
    return begin <= minute < end or begin <= minute + 7 * 24 * 60 < end


def times_read(wall: datetime, zone: ZoneInfo) -> int:
    """Return how often clocks read this."""
    found = {wall.replace(tzinfo=zone, fold=n).astimezone(UTC) for n in (0, 1)}
    return len([one for one in found if one.astimezone(zone).replace(tzinfo=None) == wall])


@settings(max_examples=400, deadline=None)
@given(RULES, ZONES, MOMENTS)
@example(weekly("Sun 02:30-04:00"), BERLIN, at("2026-03-29T01:00"))
@example(weekly("Sun 01:00-02:30"), BERLIN, at("2026-10-25T01:20"))
@example(weekly("Fri 00:00-24:00"), ZoneInfo("Pacific/Apia"), at("2011-12-30T10:00"))
def test_a_rule_holds_when_the_wall_clock_says_so(rule, zone, now):
    """Wherever a time comes once; where it comes twice, a freeze holds at least then."""
    read = now.astimezone(zone).replace(tzinfo=None)
    frozen = any(b <= now < e for b, e in occurrences(rule, zone, now, last=True))
    if times_read(read.replace(second=0, microsecond=0), zone) == 1:
        inside = any(b <= now < e for b, e in occurrences(rule, zone, now))
        assert [inside, frozen] == [in_the_week(rule, read)] * 2
    else:
        assert frozen or not in_the_week(rule, read)


@settings(max_examples=300, deadline=None)
@given(st.datetimes(wall("2010-01-10"), wall("2028-01-01")), ZONES)
@example(wall("2026-03-29T02:30"), BERLIN)
@example(wall("2026-10-25T02:30"), BERLIN)
@example(wall("2011-12-30T12:00"), ZoneInfo("Pacific/Apia"))
@example(wall("2025-10-05T02:10"), ZoneInfo("Australia/Lord_Howe"))
def test_a_wall_clock_time_is_the_first_moment_it_is_read_or_passed(time, zone):
    """Just before it clocks read less; at it they read it, or what comes after a gap."""
    time = time.replace(microsecond=0)
    found = instant(time, zone)
    last = instant(time, zone, last=True)

    def read(then: datetime) -> datetime:
        return then.astimezone(zone).replace(tzinfo=None)

    assert read(found) >= time > read(found - timedelta(seconds=1))
    assert found <= last
    assert (read(found) == time) == bool(times_read(time, zone))
    assert (found == last) == (times_read(time, zone) < 2)


@settings(max_examples=200, deadline=None)
@given(st.lists(RULES, max_size=3), st.lists(RULES, max_size=2), ZONES, MOMENTS)
def test_the_next_opening_is_open_and_nothing_before_it_is(windows, frozen, zone, now):
    """What a pipeline is told to wait for is true, and not too late."""
    freezes = [
        Freeze("f", begins, ends)
        for rule in frozen
        for begins, ends in occurrences(rule, zone, now, last=True)
    ]
    found = standing(zone, windows, freezes, now)

    if found.opens_at is None:
        assert not found.open
        return
    assert found.opens_at >= now
    assert (found.opens_at == now) == found.open
    assert standing(zone, windows, freezes, found.opens_at).open
    middle = now + (found.opens_at - now) / 2
    if middle < found.opens_at:
        assert not standing(zone, windows, freezes, middle).open


SUNDAY = "Sun 02:30-03:30"


@pytest.mark.parametrize(
    ("rule", "moment", "holds"),
    [
        (SUNDAY, "2026-03-29T00:59:59", False),  # 01:59:59; clocks jump from 02:00 to 03:00
        (SUNDAY, "2026-03-29T01:00:00", True),  # 03:00
        (SUNDAY, "2026-03-29T01:30:00", False),  # 03:30
        (SUNDAY, "2026-10-25T00:29:00", False),  # 02:29, the first time
        (SUNDAY, "2026-10-25T00:30:00", True),  # 02:30, the first time
        (SUNDAY, "2026-10-25T01:10:00", True),  # 02:10, the second time
        (SUNDAY, "2026-10-25T02:30:00", False),  # 03:30
        ("Fri 14:00-Mon 08:00", "2026-03-29T12:00:00", True),
        ("Fri 14:00-Mon 08:00", "2026-03-30T05:59:00", True),  # 07:59 in summer time
        ("Fri 14:00-Mon 08:00", "2026-03-30T06:00:00", False),
        ("Fri 14:00-Mon 08:00", "2026-03-27T12:59:00", False),  # 13:59 in winter time
        ("Fri 14:00-Mon 08:00", "2026-03-27T13:00:00", True),
        ("Mon-Fri 22:00-02:00", "2026-03-28T00:30:00", True),  # the night after Friday
        ("Mon-Fri 22:00-02:00", "2026-03-29T22:30:00", False),  # Sunday night
        ("Sat-Mon 00:00-24:00", "2026-03-29T12:00:00", True),  # around the end of the week
        ("Sat-Mon 00:00-24:00", "2026-03-31T12:00:00", False),
    ],
)
def test_moments_in_berlin(rule, moment, holds):
    """By hand, on the nights on which clocks change."""
    spans = occurrences(weekly(rule), BERLIN, at(moment), last=True)
    assert holds == any(begins <= at(moment) < ends for begins, ends in spans)


def test_of_two_freezes_the_strictest_is_named_and_both_delay_the_opening():
    """Who may pass one may not pass the other."""
    now = at("2026-12-24T12:00")
    long = Freeze("year end", now - timedelta(days=3), now + timedelta(days=9))
    strict = Freeze("audit", now, now + timedelta(hours=1), "override")

    found = standing(BERLIN, [weekly("Mon-Fri 09:00-17:00")], [long, strict], now)

    assert [found.open, found.in_window, found.freeze] == [False, True, strict]
    assert found.opens_at == at("2027-01-04T09:00", BERLIN)
    assert found.local(found.opens_at) == "2027-01-04 09:00 Europe/Berlin"


def test_without_windows_and_freezes_it_is_always_open():
    """Nothing configured holds nothing."""
    now = at("2026-12-24T12:00")
    found = standing(UTC_ZONE, [], [], now)
    assert [found.open, found.opens_at] == [True, now]


def test_a_date_begins_at_midnight_in_its_zone():
    """A date is not a moment in UTC."""
    assert moment(date(2026, 7, 1), BERLIN) == at("2026-06-30T22:00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon",
        "Monday 09:00-10:00",
        "Mon 9:00-10:00",
        "Mon 09:00-09:00",
        "Mon 24:01-25:00",
        "Mon 09:60-10:00",
        "Mon-Fri 09:00-Sat 10:00",
        "Xyz 09:00-10:00",
        "Fri 14:00-Fri 14:00",
    ],
)
def test_what_is_no_rule_is_refused_in_words(text):
    """Never guessed at."""
    with pytest.raises(ValueError, match=r"write times|is no day|ends when|no time|name days"):
        weekly(text)


@given(st.sampled_from(DAYS), st.sampled_from(DAYS), st.integers(0, 1439), st.integers(0, 1439))
def test_a_rule_from_day_to_day_lasts_less_than_a_week(first, last, begins, ends):
    """However it wraps."""
    hours = [f"{n // 60:02}:{n % 60:02}" for n in (begins, ends)]
    if (first, begins) != (last, ends):
        [(begin, end)] = weekly(f"{first} {hours[0]}-{last} {hours[1]}").spans
        assert 0 < end - begin < 7 * 24 * 60
        assert end % (7 * 24 * 60) == (DAYS.index(last) * 1440 + ends) % (7 * 24 * 60)


def problems(text: str) -> list[str]:
    """Return what is wrong with a calendar, as init and start would say it."""
    source = '[service]\nname = "s"\n[platform]\nuse = "simulated"\n' + text
    return config.parse(tomllib.loads(source), source)[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[calendar]\ntimezone = "Berlin"', ["pitstop.toml:6: calendar.timezone", "Europe/Berlin"]),
        ('[calendar]\ntimezone = "../etc/passwd"', ["pitstop.toml:6: calendar.timezone"]),
        ('[calendar]\ntimezone = ""', ["pitstop.toml:6: calendar.timezone"]),
        ('[calendar]\nwindows = ["always"]', ["pitstop.toml:6: calendar.windows.0", "Mon-Thu"]),
        ('[calendar]\nwindow = ["x"]', ["pitstop.toml:6:", "freeze, ics, timezone, windows"]),
        ('[[calendar.freeze]]\nname = "a"', ["pitstop.toml:5: calendar.freeze.0", "or every"]),
        (
            '[[calendar.freeze]]\nname = "a"\nevery = "Fri 14:00-Mon 08:00"\n'
            '[[calendar.freeze]]\nname = "b"\nfrm = 2026-12-20\nuntil = 2026-12-21',
            ["pitstop.toml:10: calendar.freeze.1.frm", "every, from, hotfix, name, until"],
        ),
        (
            '[[calendar.freeze]]\nname = "a"\nfrom = 2026-12-21T08:00:00\nuntil = 2026-12-21',
            ['"a" ends before it begins'],
        ),
        (
            '[[calendar.freeze]]\nname = "a"\nfrom = 07:00:00\nuntil = 2026-12-21',
            ["pitstop.toml:7: calendar.freeze.0.from", "2026-12-24T18:00:00"],
        ),
    ],
)
def test_a_mistake_in_the_calendar_is_named_with_its_line(text, said):
    """Path, line and what is allowed."""
    found = problems(text)
    assert found
    assert [word for word in said if word not in "\n".join(found)] == []


def test_the_tables_of_a_calendar_can_be_kept_in_a_record(tmp_path):
    """TOML has dates and JSON has none: a run's record keeps them as text, and reads them again."""
    file = tmp_path / "pitstop.toml"
    file.write_text(
        '[service]\nname = "s"\n[platform]\nuse = "simulated"\n[[calendar.freeze]]\nname = "a"\n'
        "from = 2026-12-20\nuntil = 2027-01-03T10:00:00+01:00\n"
    )
    tables = config.read(file)
    found, mistakes = config.parse(tables)
    assert tables["calendar"]["freeze"][0]["from"] == "2026-12-20"
    assert mistakes == []
    assert found.calendar.freeze[0].until == datetime.fromisoformat("2027-01-03T10:00:00+01:00")
