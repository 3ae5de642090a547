"""A commit's tree as Railway takes it: a gzipped tar whose names begin with ``./``."""

from __future__ import annotations

import contextlib
import gzip
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Release
from pitstop.ports import Refused


@contextlib.contextmanager
def packed(release: Release, tools: Tools) -> Iterator[Path]:
    """Give an archive with exactly the files of a release's commit. Raises Refused.

    The same commit makes the same bytes, on every machine: no owner, no time of day.
    """
    tools.checkouts.mkdir(parents=True, exist_ok=True)
    _sweep(tools.checkouts)
    with tempfile.TemporaryDirectory(
        dir=tools.checkouts, prefix="railway-", ignore_cleanup_errors=True
    ) as made:
        tree, archive = Path(made) / "tree", Path(made) / "tree.tar.gz"
        found = tools.export(release.commit, tree)
        if release.tree not in ("", found):
            raise Refused(
                f"Commit {release.commit[:12]} holds the files {found[:12]}, not "
                f"{release.tree[:12]} that were asked for."
            )
        with (
            archive.open("wb") as file,
            gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in sorted(tree.rglob("*")):
                tar.add(path, f"./{path.relative_to(tree)}", recursive=False, filter=_plain)
        yield archive


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def _sweep(checkouts: Path) -> None:
    """Remove what a killed process left; nobody else acts on the service now."""
    for left in checkouts.glob("railway-*/tree"):
        shutil.rmtree(left.parent, ignore_errors=True)
