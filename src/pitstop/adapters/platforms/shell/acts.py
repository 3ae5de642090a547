"""How an act of the team ended, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pitstop.ports import Ran

_TEMPORARY = 75  # sysexits.h: EX_TEMPFAIL, "try again later"
_BY_SIGNAL = (130, 137, 143)  # how a shell tells of SIGINT, SIGKILL, SIGTERM
_LINES = 8


@dataclass(frozen=True)
class Act:
    """One command that was to change production."""

    name: str
    ran: Ran

    @property
    def done(self) -> bool:
        """Return whether the command says that it is done."""
        return self.ran.exit_code == 0 and not self.ran.timed_out

    @property
    def unknown(self) -> bool:
        """Return whether the command did not come to say how it ended."""
        code = self.ran.exit_code
        return self.ran.timed_out or code == _TEMPORARY or code < 0 or code in _BY_SIGNAL

    @property
    def said(self) -> str:
        """Return how it ended, in one sentence and its last lines."""
        if self.done:
            return f"platform.{self.name} ended well."
        if self.ran.timed_out:
            return f"platform.{self.name} did not end within {self.ran.seconds:.0f} s.{self._tail}"
        return f"platform.{self.name} ended with exit code {self.ran.exit_code}.{self._tail}"

    @property
    def _tail(self) -> str:
        plain = "".join(c for c in self.ran.tail if c.isprintable() or c == "\n")
        lines = [line for line in plain.splitlines() if line.strip()][-_LINES:]
        return "\n".join(["", *(f"    {line[:300]}" for line in lines), ""]) if lines else " "
