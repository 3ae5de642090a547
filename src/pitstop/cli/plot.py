"""The moment of a verdict as a picture: traffic before and after the deploy, and the evidence."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from textwrap import fill
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from pitstop.cli.replay import Moment
from pitstop.gate import Interval

NAN = float("nan")
_LINE = 110  # letters of the title
_POINTS = 150  # of one line: more cannot be told apart
_BEFORE, _AFTER, _BAD, _GOOD = "#777777", "#0072B2", "#D55E00", "#009E73"  # told apart by all eyes
_COLOURS = {"pass": _GOOD, "fail": _BAD}
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, and readable by machines
    "svg.hashsalt": "pitstop",  # the same traffic draws the same file
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}


@dataclass(frozen=True)
class Picture:
    """What is drawn; ``title`` and ``words`` say the same to those who cannot see it."""

    baseline: Sequence[Interval]
    moments: Sequence[Moment]
    decided: Moment
    warmup_seconds: float
    title: str
    words: str


def svg(picture: Picture) -> str:
    """Return the picture as SVG, the same for the same traffic."""
    with mpl.rc_context(_STYLE):
        drawn = io.StringIO()
        canvas: Any = FigureCanvasSVG(_figure(picture))
        canvas.print_svg(drawn, metadata={"Date": None, "Creator": None})
    said = f'role="img" aria-label="{html.escape(picture.words)}"'
    text = drawn.getvalue().replace("<svg ", f"<svg {said} ", 1)
    end = text.index(">", text.index("<svg ")) + 1
    return f"{text[:end]}\n <title>{html.escape(picture.title)}</title>{text[end:]}"


def page(picture: Picture) -> str:
    """Return one HTML file with the picture in it and the verdict in words."""
    drawn = svg(picture)
    title = html.escape(picture.title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n"
        '<meta name="viewport" content="width=device-width">\n'
        "<style>body{font:16px/1.5 sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
        "svg{width:100%;height:auto}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n<p>{html.escape(picture.words)}</p>\n"
        f"{drawn[drawn.index('<svg ') :]}</body>\n</html>\n"
    )


def _figure(picture: Picture) -> Figure:
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    rates, latencies, evidence = figure.subplots(3, 1, sharex=True)
    figure.suptitle(fill(picture.title, _LINE), fontsize=10)
    step = _step(picture)
    before = _points(_last(picture), step)
    after = _points([one.heard for one in picture.moments], step)
    _rates(rates, before, after)
    _latencies(latencies, before, after)
    _evidence(evidence, picture)
    for axes in (rates, latencies, evidence):
        _mark(axes, picture)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False)
    return figure


@dataclass(frozen=True)
class _Point:
    """Some seconds together."""

    at: float
    rate: float  # percent
    p50: float  # ms
    p95: float


def _span(picture: Picture) -> float:
    return max((one.at for one in picture.moments), default=0.0) + 1


def _step(picture: Picture) -> int:
    """Return how many seconds one point stands for."""
    return max(1, ceil(_span(picture) / _POINTS))


def _last(picture: Picture) -> list[Interval]:
    """Return the end of the baseline, as long as what came after, at negative seconds."""
    if not picture.baseline:
        return []
    end = floor(max(one.at for one in picture.baseline)) + 1
    shown = max(_span(picture), 30.0)
    return [
        Interval(one.at - end, one.requests, one.errors, one.latencies_ms)
        for one in picture.baseline
        if one.at - end >= -shown
    ]


def _points(heard: Iterable[Interval], step: int) -> list[_Point]:
    """Return points in order of time; where nothing was heard, the line has a hole."""
    together: dict[int, list[Interval]] = {}
    for one in heard:
        together.setdefault(floor(one.at / step), []).append(one)
    if not together:
        return []
    places = range(min(together), max(together) + 1)
    return [_point((place + 0.5) * step, together.get(place, [])) for place in places]


def _point(at: float, heard: Sequence[Interval]) -> _Point:
    requests = sum(one.requests for one in heard)
    rate = 100 * sum(one.errors for one in heard) / requests if requests else NAN
    took = sorted(ms for one in heard for ms in one.latencies_ms)
    return _Point(at, rate, _quantile(took, 0.5), _quantile(took, 0.95))


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else NAN


def _rates(axes: Any, before: Sequence[_Point], after: Sequence[_Point]) -> None:
    for points, colour, label in ((before, _BEFORE, "baseline"), (after, _AFTER, "candidate")):
        if points:
            axes.plot(
                *_line(points, "rate"), color=colour, label=label, marker=".", markersize=3, lw=1
            )
    axes.set_ylabel("errors, %")
    axes.set_ylim(bottom=0)


def _latencies(axes: Any, before: Sequence[_Point], after: Sequence[_Point]) -> None:
    for points, colour in ((before, _BEFORE), (after, _AFTER)):
        for name, style in (("p50", "-"), ("p95", ":")):
            label = {"p50": "half take less", "p95": "95 % take less"}[name]
            axes.plot(
                *_line(points, name),
                color=colour,
                ls=style,
                lw=1.2,
                label=label if colour == _AFTER else None,
            )
    axes.set_ylabel("answer takes, ms")
    axes.set_ylim(bottom=0)


def _line(points: Sequence[_Point], name: str) -> tuple[list[float], list[float]]:
    return [point.at for point in points], [getattr(point, name) for point in points]


def _evidence(axes: Any, picture: Picture) -> None:
    """Draw how near either verdict was, second by second, until one was there."""
    judged = [one for one in picture.moments if one.at <= picture.decided.at]
    thinned = [*judged[:: max(1, len(judged) // _POINTS)], *judged[-1:]]
    for name, colour, style, label in (
        ("to_fail", _BAD, "-", "evidence for rolling back"),
        ("to_pass", _GOOD, "--", "evidence for a pass"),
    ):
        values = [_share(one.verdict.evidence.get(name)) for one in thinned]
        axes.plot([one.at for one in thinned], values, color=colour, ls=style, label=label)
    axes.axhline(1.0, color="black", lw=1)
    axes.annotate(
        "enough", (1, 1), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8
    )
    axes.set_ylim(0, 1.2)
    axes.set_ylabel("share of what it takes")
    axes.set_xlabel("seconds since the deploy")


def _share(value: Any) -> float:
    return min(max(float(value), 0.0), 1.0) if isinstance(value, int | float) else NAN


def _mark(axes: Any, picture: Picture) -> None:
    """Mark the deploy, the warm-up and the moment of the verdict."""
    axes.axvline(0, color="black", lw=0.8)
    if picture.warmup_seconds and picture.moments:
        end = min(picture.warmup_seconds, _span(picture))
        axes.axvspan(0, end, color="#999999", alpha=0.12, lw=0, label="warm-up")
    name = picture.decided.verdict.name
    axes.axvline(picture.decided.at, color=_COLOURS.get(name, "#333333"), lw=1.8)
    axes.annotate(
        name,
        (picture.decided.at, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3, -10),
        textcoords="offset points",
        fontsize=8,
    )
