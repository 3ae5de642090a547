"""The memory that the service holds, in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import model_validator

from pitstop.adapters._memory import resident
from pitstop.config import Part
from pitstop.gate import MEMORY
from pitstop.ports import CannotTell, MeasuresMemory


class MemorySettings(Part):
    """``[telemetry.memory]``: where the service's memory is seen; local needs neither."""

    pid_file: str | None = None
    """a file with the process id of the service; its children count, too"""
    cgroup: str | None = None
    """the folder of a container's cgroup (v2), with memory.current"""

    @model_validator(mode="after")
    def _one_of_them(self) -> MemorySettings:
        if (self.pid_file is None) == (self.cgroup is None):
            raise ValueError("give pid_file or cgroup")
        return self


class ProcessMemory:
    """What a process and its children hold, by a file with its id."""

    name = MEMORY

    def __init__(self, pid_file: Path) -> None:
        self._file = pid_file

    def read(self) -> Mapping[str, float]:
        """Return the resident memory."""
        try:
            return {MEMORY: float(resident(int(self._file.read_text().split()[0])))}
        except (OSError, ValueError, IndexError):
            raise CannotTell(f"{self._file} holds no process id.") from None


class CgroupMemory:
    """What a container holds, less what it only caches of files."""

    name = MEMORY

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> Mapping[str, float]:
        """Return memory.current less inactive_file."""
        try:
            held = int((self._folder / "memory.current").read_text())
            rows = (self._folder / "memory.stat").read_text().splitlines()
            cached = {name: int(value) for name, value in (row.split() for row in rows)}
            return {MEMORY: float(held - cached.get("inactive_file", 0))}
        except (OSError, ValueError) as error:
            raise CannotTell(f"{self._folder} tells no memory: {error}.") from None


class PlatformMemory:
    """What the platform says of its own releases."""

    name = MEMORY

    def __init__(self, platform: MeasuresMemory) -> None:
        self._platform = platform

    def read(self) -> Mapping[str, float]:
        """Return the resident memory of the live one."""
        return {MEMORY: float(self._platform.memory())}
