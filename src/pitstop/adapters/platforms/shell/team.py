"""The team's commands, run: questions are asked again and again, acts are kept with the run."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pitstop.adapters._run import Completed
from pitstop.adapters.platforms.shell.settings import ShellSettings
from pitstop.adapters.plugins import Tools
from pitstop.ports import CannotTell, Ran, Refused

_MOST = 1_000_000  # bytes of an answer that are read; what comes before them is dropped
_GIT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


class Team:
    """Runs the configured commands, each with ``sh -c``."""

    def __init__(self, settings: ShellSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools

    def ask(self, name: str, command: str, facts: Mapping[str, str], within: float) -> str:
        """Return what a command printed. Raises CannotTell with the reason when it did not answer."""
        done = self.look(name, command, facts, within)
        if done.timed_out:
            raise CannotTell(f"platform.{name} did not answer within {within:g} s.")
        if done.exit_code:
            raise CannotTell(
                f"platform.{name} ended with exit code {done.exit_code}: {self.said(done)}"
            )
        if len(done.out) >= _MOST:
            raise CannotTell(f"platform.{name} said more than {_MOST // 1000} kB.")
        return self._masked(done.text)

    def look(self, name: str, command: str, facts: Mapping[str, str], within: float) -> Completed:
        """Run a command that changes nothing, in the repository. Raises CannotTell."""
        env = self._own(CannotTell) | dict(facts)
        try:
            return self._tools.runner.run(
                ["sh", "-c", command],
                folder=self._tools.repository,
                env=env,
                without=_GIT,
                within=within,
                keep=_MOST,
                leave_nothing=True,
            )
        except OSError as error:
            raise CannotTell(f"platform.{name} could not be started: {error}.") from error

    def act(
        self,
        name: str,
        command: str,
        facts: Mapping[str, str],
        folder: Path | None = None,
        *,
        noted: Callable[[], object] = lambda: None,
    ) -> Ran:
        """Run a command that changes production, its output kept; ``noted`` comes right before."""
        env = self._own(Refused) | dict(facts)
        folder = folder or self._tools.repository
        self._tools.fence.check()
        noted()
        self._tools.fence.check()
        return self._tools.commands.run(
            command, name=name, folder=folder, within=self._settings.within, env=env
        )

    def act_in_tree(
        self, name: str, command: str, facts: Mapping[str, str], noted: Callable[[], object]
    ) -> Ran:
        """Act in a fresh folder that holds exactly the commit's files."""
        self._tools.checkouts.mkdir(parents=True, exist_ok=True)
        self._sweep()
        with tempfile.TemporaryDirectory(
            dir=self._tools.checkouts, prefix=f"{name}-", ignore_cleanup_errors=True
        ) as made:
            folder = Path(made) / "tree"
            tree = self._tools.export(facts["PITSTOP_COMMIT"], folder)
            if facts["PITSTOP_TREE"] not in ("", tree):
                raise Refused(
                    f"Commit {facts['PITSTOP_COMMIT'][:12]} holds the files {tree[:12]}, not "
                    f"{facts['PITSTOP_TREE'][:12]} that were asked for."
                )
            return self.act(name, command, facts, folder, noted=noted)

    def _sweep(self) -> None:
        """Remove the trees that a killed process left; nobody else acts on the service now."""
        for left in self._tools.checkouts.glob("*-*/tree"):
            shutil.rmtree(left.parent, ignore_errors=True)

    def said(self, done: Completed) -> str:
        """Return the last line that a command printed, fit for a sentence."""
        return last_line(self._masked(done.said))

    def _own(self, no: type[CannotTell | Refused]) -> dict[str, str]:
        """Return the team's own variables; secrets are looked up now, and stay here."""
        own = {}
        for name, value in self._settings.env.items():
            if isinstance(value, str):
                own[name] = value
                continue
            found = os.environ.get(value.env)
            if not found:
                raise no(
                    f"{value.env} is not set where this runs, and platform.env.{name} asks for it."
                )
            own[name] = found
        return own

    def _masked(self, text: str) -> str:
        for secret in sorted(self._tools.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def last_line(text: str) -> str:
    """Return the last line of an output in one line of print."""
    lines = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).strip() for line in text.splitlines()]
    last = next((line for line in reversed(lines) if line), "it said nothing")
    return "".join(c for c in last if c.isprintable())[:300]
