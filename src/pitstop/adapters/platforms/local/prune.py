"""Which releases are let go of, so that the disk does not fill up."""

from __future__ import annotations

from pitstop.adapters.platforms.local.launch import Launch
from pitstop.adapters.platforms.local.releases import Kept, Releases


def prune(
    releases: Releases, launch: Launch, live: str | None, *, keep: int, abandoned: bool
) -> None:
    """Keep the newest releases that served users; let go of the others, never of the live one.

    ``abandoned``: candidates that never got users are stopped too; their run is over.
    """
    found = releases.all()
    served = [each for each in found if each.at or each.id == live]
    unserved = [each for each in found if each not in served]
    newest = max((each.number for each in found), default=0)  # its number must not be used again
    for kept in served[keep:]:
        if not _needed(kept, served, live):
            _let_go(kept, releases, launch)
    for kept in unserved:
        if kept.wanted and abandoned:
            kept = launch.stop(kept)
        if not kept.wanted and not kept.pinned:
            releases.remove_files(kept)
    for kept in unserved[keep:]:
        if not kept.wanted and not kept.pinned and kept.number != newest:
            releases.forget(kept)


def _needed(kept: Kept, served: list[Kept], live: str | None) -> bool:
    others = [each for each in served if each.id != live]
    previous = max(others, key=lambda each: each.at or "", default=None)
    return kept.pinned or kept.id == live or kept == previous


def _let_go(kept: Kept, releases: Releases, launch: Launch) -> None:
    if kept.wanted:
        launch.drain(kept)
        kept = launch.stop(kept)
    releases.forget(kept)
