"""Whole lines of a log as it grows, each once: across rotation, truncation and half lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20
_LONGEST = 1 << 20  # bytes of a line without an end; more is no log
_OLDER = 3  # files that a writer may still write into after they were rotated


class Tail:
    """Follows the files of one log; ``paths`` names them, oldest first, the growing one last.

    A file is known by its inode, so that it may be renamed. One that gets shorter was truncated in
    place, and is read from its beginning. ``begin`` says from where a file is read that is there at
    the start; those that come later are read whole, but for copies: an older file that was not there
    before holds what was read already.
    """

    def __init__(self, paths: Callable[[], list[Path]], begin: Callable[[IO[bytes]], int]) -> None:
        self._paths, self._begin = paths, begin
        self._files: list[_Followed] | None = None

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that are new and whole. Raises FileNotFoundError while there is no file."""
        self._find()
        for file in list(self._files or ()):
            yield from file.lines()

    def close(self) -> None:
        """Close what is open."""
        for file in self._files or ():
            file.close()
        self._files = None

    def __del__(self) -> None:
        self.close()  # a stream has no end that anybody tells it

    def _find(self) -> None:
        """Open what is new; let go of what was rotated away long ago."""
        first = self._files is None
        known = {file.inode: file for file in self._files or ()}
        found = [one for path in self._paths() if (one := _opened(path, known))]
        if not found and first:
            raise FileNotFoundError("no such log")
        latest = max((n for n, file in enumerate(found) if file.inode in known), default=-1)
        for number, file in enumerate(found):
            if first:
                file.seek(self._begin(file.source))
            elif number < latest and file.inode not in known:
                file.seek(os.fstat(file.source.fileno()).st_size)
        gone = [file for file in self._files or () if file not in found]
        for file in gone[:-_OLDER]:
            file.close()
        self._files = gone[-_OLDER:] + found


class _Followed:
    """One open file, and how far it was read."""

    def __init__(self, source: IO[bytes]) -> None:
        status = os.fstat(source.fileno())
        self.source, self.inode = source, (status.st_dev, status.st_ino)
        self._offset, self._rest = 0, b""

    def seek(self, offset: int) -> None:
        self._offset = offset

    def lines(self) -> Iterator[bytes]:
        if os.fstat(self.source.fileno()).st_size < self._offset:
            self._offset, self._rest = 0, b""
        while True:
            self.source.seek(self._offset)
            data = self.source.read(_CHUNK)
            if not data:
                return
            self._offset += len(data)
            *whole, rest = (self._rest + data).split(b"\n")
            self._rest = rest if len(rest) < _LONGEST else b""
            yield from whole

    def close(self) -> None:
        self.source.close()


def _opened(path: Path, known: dict[tuple[int, int], _Followed]) -> _Followed | None:
    """Return the file behind a name: one that is followed already, or a new one; None: it is gone."""
    try:
        status = path.stat()
        if found := known.get((status.st_dev, status.st_ino)):
            return found
        return _Followed(path.open("rb", buffering=0))
    except FileNotFoundError:
        return None
