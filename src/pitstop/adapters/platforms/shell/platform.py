"""A platform that is driven by the team's own commands, as the procedure sees it.

``current`` is the one witness: whatever a command's exit code said, what it names is what users
get. Each act is noted on the disk before it begins, so that a killed one is not done blindly again.
"""

from __future__ import annotations

import shlex
from dataclasses import replace

from pitstop.adapters.platforms.shell import by_hand
from pitstop.adapters.platforms.shell.acts import Act
from pitstop.adapters.platforms.shell.memory import BEGUN, DONE, REFUSED, Memory, Note
from pitstop.adapters.platforms.shell.production import Production, name
from pitstop.adapters.platforms.shell.settings import ShellSettings, is_url
from pitstop.adapters.platforms.shell.team import Team
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Deployment, Finding, Release
from pitstop.ports import CannotTell, Refused

SETTLE = 30.0  # seconds until ``current`` names what a command says it has done
_PEEK = 5.0  # seconds until it names what a command left open


class ShellPlatform:
    """Deploys, returns and looks with the commands that ``Settings`` names."""

    Settings = ShellSettings

    def __init__(self, settings: ShellSettings, tools: Tools) -> None:
        self._settings, self._tools, self._clock = settings, tools, tools.clock
        self._team, self._memory = Team(settings, tools), Memory(tools.home)
        self._production = Production(settings, tools, self._team, self._memory)

    # What is there

    def findings(self) -> list[Finding]:
        """Say what is ready and what is not; change nothing."""
        return self._production.findings()

    def running(self) -> Deployment | None:
        """Return what users are served by now; None when ``current`` says ``none``."""
        return self._production.running()

    def deployments(self) -> list[Deployment]:
        """Return what ``list`` names, or what was seen in service here; newest first."""
        return self._production.kept()

    def healthy(self, deployment_id: str | None = None) -> tuple[bool, str]:
        """Ask once: is what users get (or that deployment) healthy, and what was seen."""
        try:
            running = self.running() if deployment_id else None
            if running and running.id != deployment_id:
                return False, f"{deployment_id} does not serve users"
            return self._production.healthy()
        except CannotTell as unknown:
            return False, str(unknown)

    def address(self) -> str:
        """Return the URL that reaches production."""
        running = None if self._settings.origin else self.running()
        url = self._settings.origin or (running and running.url)
        if not url:
            raise CannotTell("It is not known where production answers. Set platform.url.")
        return url

    def logs(self, deployment_id: str | None = None) -> str:
        """Return what ``logs`` printed. Raises CannotTell, also where that was too much."""
        if not self._settings.logs:
            raise CannotTell("There is no command that shows logs. Set platform.logs.")
        facts = {"PITSTOP_DEPLOYMENT": deployment_id} if deployment_id else {}
        return self._production.ask("logs", self._settings.logs, facts)

    def keep(self, deployment_id: str) -> None:
        """Do nothing: how many deployments stay is a matter of the platform behind."""

    def let_go(self, deployment_id: str) -> None:
        """Do nothing, see ``keep``."""

    # What is put into service

    def deploy(self, release: Release) -> Deployment:
        """Put a release into service, once per key: look, act, look again."""
        note, now = self._memory.note(release.key), self.running()
        if now and now.commit == release.commit:
            return self._done(release, now)
        if note and note.state == DONE:
            raise Refused(self._served_before(note, now))
        if note and note.state == REFUSED:
            raise Refused(note.reason)
        if note and note.state == BEGUN and not self._settings.repeatable:
            return self._awaited(release, note)
        return self._deployed(release, now)

    def return_to(self, deployment_id: str) -> Deployment:
        """Serve users from a deployment again.

        Also where they are, as long as it is not known how a deploy ended: it may still come
        through, and the rollback, which the platform hears after it, sees to it that it does not
        stay.
        """
        target, is_open = self._target(deployment_id), bool(self._memory.unsettled())
        now = self._before_return(target, is_open)
        if now and (now.id, now.commit) == (target.id, target.commit) and not is_open:
            return now
        began = self._now()
        act = self._return(target)
        leaving = now.commit if now and now.commit != target.commit else None
        there = self._production.wait_for(target.commit, _patience(act), leaving)
        if there and there.commit == target.commit and (act.done or not is_open):
            self._memory.settle(f"Users were brought back to {name(target)} meanwhile.")
            return self._memory.remember(replace(there, took=self._since(began)))
        said = f"{act.said} {name(target)} was wanted; {_users(there)}"
        raise (CannotTell if there is None or act.unknown else Refused)(said)

    # The same by hand

    def restore_command(self, deployment_id: str) -> str:
        """Return the team's own command that returns to a deployment, for any plain shell."""
        return " && ".join(self.return_commands(deployment_id))

    def return_commands(self, deployment_id: str) -> list[str]:
        """Return what brings users back to a deployment, line after line."""
        settings, here = self._settings, self._tools.repository
        if not settings.rollback:
            facts = self._facts_of(self._target(deployment_id))
            return by_hand.in_tree(settings.deploy, facts, settings, here)
        try:
            facts = self._facts_of(self._target(deployment_id))
        except (Refused, CannotTell):  # the id is all that most platforms ask for
            facts = self._production.facts() | {"PITSTOP_DEPLOYMENT": deployment_id}
        return by_hand.in_repository(settings.rollback, facts, settings, here)

    def deploy_commands(self, release: Release) -> list[str]:
        """Return what puts a release into service, line after line."""
        settings, here = self._settings, self._tools.repository
        return by_hand.in_tree(settings.deploy, self._facts(release), settings, here)

    def look_commands(self) -> list[str]:
        """Return what says which release users get, and then whether it is healthy."""
        settings, here = self._settings, self._tools.repository
        asked = [settings.current]
        if settings.health:
            fetch = "curl --fail --silent --show-error --max-time 5 "
            url = is_url(settings.health)
            asked.append(fetch + shlex.quote(settings.health) if url else settings.health)
        facts = self._production.facts()
        return [row for one in asked for row in by_hand.in_repository(one, facts, settings, here)]

    # How

    def _deployed(self, release: Release, before: Deployment | None) -> Deployment:
        began = self._now()
        act = self._act_in_tree(
            "deploy", self._settings.deploy, self._facts(release), release, BEGUN
        )
        leaving = before.commit if before else None
        there = self._production.wait_for(release.commit, _patience(act), leaving)
        if there and there.commit == release.commit and (act.done or act.unknown):
            return self._done(release, there, self._since(began))
        said = f"{act.said} {release.commit[:12]} was to go into service; {_users(there)}"
        if there is None or act.unknown or (act.done and there.commit == leaving):
            raise CannotTell(said)
        note = self._memory.begin(release, BEGUN, began)
        self._memory.write(replace(note, state=REFUSED, reason=said))
        raise Refused(said)

    def _awaited(self, release: Release, note: Note) -> Deployment:
        """Ask for a release whose deploy was cut off, for as long as a deploy may take."""
        left = note.since + self._settings.within.total_seconds() - self._now()
        there = self._production.wait_for(release.commit, max(left, _PEEK))
        if there and there.commit == release.commit:
            return self._done(release, there, self._since(note.since))
        raise CannotTell(
            f"A deploy of {release.commit[:12]} was begun and cut off, and it is not begun a second "
            f"time; {_users(there)} To return: pitstop rollback --reason TEXT. Where a deploy may "
            "well be run again, set platform.repeatable."
        )

    def _done(self, release: Release, now: Deployment, took: float | None = None) -> Deployment:
        """Remember that users are served by a release, and since when."""
        at = now.at or self._clock.now().isoformat().replace("+00:00", "Z")
        now = self._memory.remember(replace(now, at=at, took=now.took if took is None else took))
        note = self._memory.note(release.key)
        if not note or note.state != DONE:
            note = note or Note(release.key, release.commit, DONE, self._now())
            self._memory.write(replace(note, state=DONE, deployment_id=now.id, reason=""))
            self._memory.settle(f"{name(now)} went into service meanwhile.")
        return now

    def _before_return(self, target: Deployment, is_open: bool) -> Deployment | None:
        """Return what users get. Raises CannotTell where that is silent and nothing is to be undone.

        A rollback that is needed does not wait for an answer; one that is not is no cure for silence.
        """
        try:
            return self.running()
        except CannotTell:
            if not is_open and self._memory.last() == target.id:
                raise
            return None

    def _return(self, target: Deployment) -> Act:
        facts = self._facts_of(target)
        if self._settings.rollback:
            return Act("rollback", self._team.act("rollback", self._settings.rollback, facts))
        return self._act_in_tree("deploy", self._settings.deploy, facts)

    def _act_in_tree(
        self,
        what: str,
        command: str,
        facts: dict[str, str],
        release: Release | None = None,
        state: str = "",
    ) -> Act:
        def noted() -> None:
            if release:
                self._memory.begin(release, state, self._now())

        return Act(what, self._team.act_in_tree(what, command, facts, noted))

    def _target(self, deployment_id: str) -> Deployment:
        """Return what is to be returned to: remembered, or listed. Raises Refused, CannotTell."""
        if known := self._memory.get(deployment_id):
            return known
        for each in self.deployments():
            if each.id == deployment_id:
                return self._memory.remember(each)
        raise Refused(
            f"There is no deployment {deployment_id} of {self._tools.service} any more; "
            f"{_users(self._production.seen())}"
        )

    def _served_before(self, note: Note, now: Deployment | None) -> str:
        return (
            f"{note.deployment_id} ({note.commit[:12]}) was in service already and users were moved "
            f"away from it; {_users(now)} To serve it again: "
            f"{self.restore_command(note.deployment_id)}"
        )

    def _facts(self, release: Release) -> dict[str, str]:
        note, here = self._memory.note(release.key), self._tools.commit(release.commit)
        facts = self._production.facts() | {
            "PITSTOP_COMMIT": release.commit,
            "PITSTOP_TREE": release.tree or (here[1] if here else ""),
            "PITSTOP_RUN": release.key,
        }
        if note and note.deployment_id:  # it was staged before
            facts["PITSTOP_DEPLOYMENT"] = note.deployment_id
        return facts

    def _facts_of(self, target: Deployment) -> dict[str, str]:
        return self._production.facts() | {
            "PITSTOP_DEPLOYMENT": target.id,
            "PITSTOP_COMMIT": target.commit,
            "PITSTOP_TREE": target.tree,
        }

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _since(self, began: float) -> float:
        return round(self._now() - began, 1)


def _patience(act: Act) -> float:
    """Return for how many seconds ``current`` may still name what was before."""
    return SETTLE if act.done else _PEEK if act.unknown else 0.0


def _users(there: Deployment | None) -> str:
    return f"users are on {name(there)}." if there else "what users get now is not known."
