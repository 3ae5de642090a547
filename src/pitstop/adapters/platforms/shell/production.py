"""What the platform says of itself: the team's commands that look and change nothing."""

from __future__ import annotations

from collections.abc import Callable

from pitstop.adapters.platforms.shell import answers, health
from pitstop.adapters.platforms.shell.answers import Answer
from pitstop.adapters.platforms.shell.memory import Memory
from pitstop.adapters.platforms.shell.settings import ShellSettings, is_url
from pitstop.adapters.platforms.shell.team import Team
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Deployment, Finding
from pitstop.ports import CannotTell

_LOOK = 1.0  # seconds between two looks at ``current``


class Production:
    """``current``, ``list``, ``health``, ``status`` and ``logs``, read and understood."""

    def __init__(self, settings: ShellSettings, tools: Tools, team: Team, memory: Memory) -> None:
        self._settings, self._tools = settings, tools
        self._team, self._memory = team, memory

    def running(self) -> Deployment | None:
        """Return what ``current`` names; None when it says ``none``. Raises CannotTell."""
        answer = self._current()
        return self._memory.saw(self._resolved(answer)) if answer else None

    def seen(self) -> Deployment | None:
        """Return what ``current`` names; None also where that cannot be told right now."""
        try:
            return self.running()
        except CannotTell:
            return None

    def wait_for(self, commit: str, within: float, leaving: str | None = None) -> Deployment | None:
        """Ask until ``current`` names a commit, or another than the one that is left.

        Returns what it named last; None if that could not be told.
        """
        clock = self._tools.clock
        until = clock.now().timestamp() + within
        while True:
            there = self.seen()
            if there and (there.commit == commit or (leaving and there.commit != leaving)):
                return there
            if clock.now().timestamp() >= until:
                return there
            clock.pause(_LOOK)

    def kept(self) -> list[Deployment]:
        """Return what ``list`` names, or what was seen in service here; newest first."""
        if not self._settings.list:
            running = self.running()
            seen = [each for each in self._memory.all() if running and each.id != running.id]
            return [running, *seen] if running else seen
        try:
            found = answers.many(self.ask("list", self._settings.list))
        except ValueError as odd:
            raise CannotTell(f"platform.list cannot be read: {odd}.") from None
        resolved = [(answer, self._tools.commit(answer.commit)) for answer in found]
        # a commit that is not here could not be verified after the return to it
        return [self._known(answer, *here) for answer, here in resolved if here]

    def healthy(self, candidate: tuple[str, str] | None = None) -> tuple[bool, str]:
        """Ask once how production is, or a candidate with its id and address."""
        command = self._settings.health
        if not command:
            return self._healthy_by_current()
        if is_url(command):
            return health.ask(health.moved(command, candidate[1]) if candidate else command)
        names = ("PITSTOP_DEPLOYMENT", "PITSTOP_URL")
        facts = dict(zip(names, candidate, strict=True)) if candidate else self._address()
        done = self._team.look("health", command, self.facts() | facts, health.WITHIN)
        if done.timed_out:
            return False, f"platform.health did not answer within {health.WITHIN:g} s"
        said = self._team.said(done) if done.out or done.err else "platform.health"
        return done.exit_code == 0, f"{said} (exit code {done.exit_code})"

    def ask(self, name: str, command: str, facts: dict[str, str] | None = None) -> str:
        """Return what a command printed. Raises CannotTell."""
        within = self._settings.answer_within.total_seconds()
        return self._team.ask(name, command, self.facts() | (facts or {}), within)

    def facts(self) -> dict[str, str]:
        """Return what every command gets in its environment."""
        repository = str(self._tools.repository)
        return {"PITSTOP_SERVICE": self._tools.service, "PITSTOP_REPOSITORY": repository}

    def findings(self) -> list[Finding]:
        """Say what is ready and what is not."""
        settings, found = self._settings, [self._finding_of_current(), self._finding_of_health()]
        if not settings.rollback:
            said = "there is none: a rollback is a deploy of the old commit, and takes as long"
            found.append(Finding("platform.rollback", "warning", said, "set platform.rollback"))
        if not settings.list:
            said = "there is none: only what pitstop saw in service can be returned to"
            found.append(Finding("platform.list", "warning", said, "set platform.list"))
        else:
            found.append(self._finding("list", lambda: f"{len(self.kept())} deployments are kept"))
        if status := settings.status:
            found.append(self._finding("status", lambda: self.ask("status", status).strip()))
        return found

    def _current(self) -> Answer | None:
        try:
            return answers.one(self.ask("current", self._settings.current))
        except ValueError as odd:
            raise CannotTell(f"platform.current cannot be read: {odd}.") from None

    def _resolved(self, answer: Answer) -> Deployment:
        here = self._tools.commit(answer.commit)
        if not here:
            raise CannotTell(
                f"platform.current names the commit {answer.commit[:64]}, which is not in this "
                "repository. Get it: git fetch --all"
            )
        return self._known(answer, *here)

    def _known(self, answer: Answer, commit: str, tree: str) -> Deployment:
        return self._memory.known(answer, commit, tree, self._settings.origin or "")

    def _healthy_by_current(self) -> tuple[bool, str]:
        answer = self._current()
        if not answer or answer.healthy is None:
            raise CannotTell("It is not known whether the service is healthy. Set platform.health.")
        return answer.healthy, f"platform.current says healthy: {str(answer.healthy).lower()}"

    def _address(self) -> dict[str, str]:
        return {"PITSTOP_URL": self._settings.origin} if self._settings.origin else {}

    def _finding_of_current(self) -> Finding:
        def said() -> str:
            running = self.running()
            return f"{name(running)} serves users" if running else "nothing is in service yet"

        return self._finding("current", said)

    def _finding_of_health(self) -> Finding:
        try:
            well, said = self.healthy()
        except CannotTell as unknown:
            return Finding("platform.health", "failed", str(unknown), "set platform.health")
        return Finding("platform.health", "ok" if well else "warning", said, "look at the service")

    def _finding(self, of: str, said: Callable[[], str]) -> Finding:
        try:
            return Finding(f"platform.{of}", "ok", said())
        except CannotTell as unknown:
            remedy = f"run platform.{of} by hand, and mend it"
            return Finding(f"platform.{of}", "failed", str(unknown), remedy)


def name(deployment: Deployment) -> str:
    """Return a deployment as a sentence names it."""
    short = deployment.commit[:12]
    return short if deployment.id in (short, deployment.commit) else f"{short} ({deployment.id})"
