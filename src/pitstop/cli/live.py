"""The live view in a terminal: the journal scrolls; stages, gate and clock stay below it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pitstop.cli import filling
from pitstop.engine.ownership import RunFolder
from pitstop.journal.stages import stages, still_usual
from pitstop.journal.status import status
from pitstop.journal.timeline import Timeline

_STYLES = {"✓": "green", "✗": "bold red", "■": "bold", "…": "yellow", "»": "cyan", "?": "yellow"}
_SHORT = {
    "preparing": "prepare",
    "checking": "check",
    "approving": "approve",
    "deploying": "deploy",
    "validating": "validate",
    "merging": "merge",
}  # all six fit into 80 columns
_CHECKS = {"setup": "checks.prepare", "targeted": "checks.targeted", "smoke": "checks.smoke"}


class LiveView:
    """Shows a run until it is left; the run does not notice."""

    def __init__(self, run: RunFolder) -> None:
        self._run, self._timeline = run, Timeline()
        self._console = Console(highlight=False)
        self._lines: list[dict[str, Any]] = []
        self._live = Live(
            console=self._console, refresh_per_second=4, transient=True, get_renderable=self._below
        )

    def __enter__(self) -> Callable[[dict[str, Any], bool], None]:
        self._live.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _show(self, line: dict[str, Any], new: bool) -> None:
        self._lines.append(line)
        said = self._timeline.say(line)
        if said and new:
            self._live.console.print(Text(said, _STYLES.get(said[10:11], "")))

    def _below(self) -> Text:
        """Return what stays below: stages, clock, the end of the current output."""
        now = datetime.now(UTC)
        if not self._lines:
            return Text("")
        state = status(self._lines, now)
        text = Text("\n", overflow="ellipsis", no_wrap=True)
        found = stages(self._lines, now)
        for stage in found:
            text.append_text(_stage(stage))
        if state["step"] and not state["outcome"]:
            text.append(f"\n{state['step']}", "bold")
        for row in filling.rows(self._run.output, now):
            text.append(f"\n{row}")
        text.append_text(_clock(state, now + timedelta(seconds=still_usual(found))))
        if last := _last_output(self._run.output, self._under_way()):
            text.append(f"\n│ {last}", "dim")
        return text

    def _under_way(self) -> dict[str, str]:
        """Return when each step that is under way began."""
        under_way: dict[str, str] = {}
        for line in self._lines:
            if line["event"] == "started":
                under_way[line["step"]] = line["at"]
            elif line["event"] in ("finished", "failed", "stopped"):
                under_way.pop(line["step"], None)
        return under_way


def _stage(stage: dict[str, Any]) -> Text:
    """Return a stage with the time it took; the current one with its budget, too."""
    if stage["state"] == "ahead":
        return Text(f"{_SHORT[stage['name']]}  ", "dim")
    minutes, seconds = divmod(int(stage["seconds"]), 60)
    over = stage["seconds"] > stage["budget_seconds"]
    style = "red" if over else "green" if stage["state"] == "done" else "bold"
    said = f"{_SHORT[stage['name']]} {minutes}:{seconds:02}{'!' if over else ''}"
    if stage["state"] == "current":
        said += f" of {stage['budget_seconds'] / 60:.0f} min"
    return Text(f"{said}  ", style)


def _clock(state: dict[str, Any], verified: datetime) -> Text:
    """Return the time used and left of the budget, in warning colours when it runs out."""
    slo = state["slo"]
    used, left = slo["elapsed_seconds"], slo["budget_seconds"] - slo["elapsed_seconds"]
    style = "red" if left < 0 else "yellow" if left < slo["budget_seconds"] / 3 else ""
    words = f"{left / 60:.1f} min left" if left >= 0 else f"{-left / 60:.1f} min OVER"
    said = f"\n{used / 60:.1f} min since declared, {words} of {slo['budget_seconds'] / 60:.0f}"
    if not state["outcome"] and not state["verified_at"]:
        said += f" · verified about {verified:%H:%M} UTC"
    return Text(said, style)


def _last_output(folder: Path, under_way: dict[str, str]) -> str:
    """Return the last line of what a step under way wrote; of two side by side, the later one's."""
    if not under_way:
        return ""
    since = min(datetime.fromisoformat(at).timestamp() for at in under_way.values())
    over = {name for name, step in _CHECKS.items() if step not in under_way}
    found = [(path.stat().st_mtime, path) for path in folder.glob("*.log")]
    files = [p for at, p in sorted(found) if at >= since and p.name.split(".")[0] not in over]
    if not files:
        return ""
    with files[-1].open("rb") as file:
        file.seek(max(0, files[-1].stat().st_size - 2000))
        rows = file.read().decode(errors="replace").strip().splitlines()
    return "".join(c for c in rows[-1] if c.isprintable())[:200] if rows else ""
