"""The team's hooks: called around the stages, and never between users and the way back."""

from __future__ import annotations

import contextlib
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import given
from cli.test_held import Repository
from pitstop.adapters import simulated
from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands
from pitstop.adapters.hooks import HookFolder
from pitstop.adapters.simulated import BASE, FIX, World
from pitstop.domain.verdict import Outcome
from pitstop.engine.hooked import Hooked
from pitstop.engine.record import RunRecord
from pitstop.engine.recorded import Recorded
from pitstop.flow import Failed
from pitstop.procedures.hotfix import hotfix
from pitstop.steps.hook import HOOKS
from repositories import a_shop

ROOT = Path(__file__).parents[2]


class Both:
    """Hooks are really run; the team's other commands are simulated."""

    def __init__(self, real: Any, simulated: Any) -> None:
        self._real, self._simulated = real, simulated

    def run(self, command: str, **given: Any) -> Any:
        there = self._real if given["name"].startswith("hook ") else self._simulated
        return there.run(command, **given)


class Story(given.Rehearsal):
    """A hotfix with hooks that write down that they were called."""

    def __init__(self, folder: Path, world: World | None = None) -> None:
        super().__init__(world)
        self.folder, self.hooks = folder, folder / ".pitstop/hooks"
        self.hooks.mkdir(parents=True)
        self.ships().approves()

    def hook(self, name: str, more: str = "") -> None:
        """Write a hook."""
        path = self.hooks / name
        seen = "${PITSTOP_COMMIT:-} ${PITSTOP_DEPLOYMENT:-} ${PITSTOP_OUTCOME:-}"
        text = f'echo "$PITSTOP_WHEN-$PITSTOP_STAGE" {seen} >> "{self.folder}/called"'
        path.write_text(f"#!/bin/sh\n{text}\n{more}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def runs(self, procedure: Any = hotfix) -> Outcome:
        """Run the procedure as bootstrap does."""
        pit = Recorded(self.journal, given.ADA, fence=self.world)
        crew = simulated.crew(self.world, self.settings, pit, RunRecord(pit, None))
        output = self.folder / "output"
        output.mkdir(exist_ok=True)
        both = Both(ShellCommands(Runner(), output), crew.commands)
        pit.crew = replace(crew, commands=both, hooks=HookFolder(self.folder))
        hooked = Hooked(pit)
        outcome: Outcome = procedure(hooked, self.incident)
        hooked.ended(outcome)
        pit.close()
        return outcome

    @property
    def called(self) -> list[str]:
        """Return the hooks that were called, in order."""
        path = self.folder / "called"
        return [row.split()[0] for row in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def all_hooks(tmp_path: Path) -> Story:
    """Every hook there can be."""
    story = Story(tmp_path)
    for name in HOOKS:
        story.hook(name)
    return story


ORDER = [name for name in HOOKS if "rolling" not in name]


def test_each_is_called_once_in_the_order_of_the_stages(all_hooks: Story) -> None:
    """With what is known by then; those of a rollback are not."""
    assert all_hooks.runs().status == "fixed"
    assert all_hooks.called == ORDER
    rows = (all_hooks.folder / "called").read_text().splitlines()
    assert rows[0] == "pre-preparing"
    assert f"pre-deploying {FIX}" in rows
    assert f"post-merging {FIX} d2 fixed" in rows


def test_between_the_switch_and_the_verdict_none_is_called(all_hooks: Story) -> None:
    """Hooks of that time come after it; after a bad one they come when users are back."""
    all_hooks.runs()
    steps = all_hooks.steps("started")
    inside = steps[steps.index("deploy.release") : steps.index("validate.errors") + 1]
    assert [name for name in inside if name.startswith("hook.")] == []


def test_a_rollback_is_not_held_up(tmp_path: Path) -> None:
    """The switch back comes before every hook, and each of them may fail."""
    story = Story(tmp_path, World(rate_after=0.9))
    for name in HOOKS:
        story.hook(name, "" if name in ORDER[:7] else "exit 3")
    assert story.runs().status == "rolled_back"
    steps = story.steps("started")
    later = steps[steps.index("deploy.release") : steps.index("learn.close")]
    assert [name for name in later if name.startswith("hook.")] == []
    assert story.called[-3:] == ["post-validating", "pre-rolling_back", "post-rolling_back"]
    assert story.world.live == "d1"


@pytest.mark.parametrize(
    "name", ["pre-preparing", "pre-checking", "pre-approving", "pre-deploying"]
)
def test_before_production_is_changed_a_hook_can_say_no(tmp_path: Path, name: str) -> None:
    """Its words are the reason; nothing was changed."""
    story = Story(tmp_path)
    story.hook(name, "echo the export runs; exit 7")
    outcome = story.runs()
    assert outcome.status == "declined"
    assert f"The hook {name} said no: exit code 7" in outcome.reason
    assert "the export runs" in outcome.reason
    assert (story.world.live, story.world.main) == ("d1", BASE)


@pytest.mark.parametrize("name", ["post-checking", "post-deploying", "pre-merging", "post-merging"])
def test_every_other_one_stops_nothing(tmp_path: Path, name: str) -> None:
    """That it failed stands in the record."""
    story = Story(tmp_path)
    story.hook(name, "exit 7")
    assert story.runs().status == "fixed"
    said = [ln["data"] for ln in story.journal.lines() if ln["step"] == HOOKS[name].name]
    assert "it failed, and nothing follows from that: exit code 7" in said[-1]["value"]


class Killed(BaseException):
    """The process is gone."""


def test_killed_anywhere_hooks_are_not_slipped_in_or_forgotten(tmp_path: Path) -> None:
    """A hook that came or went with the crash changes nothing that is recorded."""
    for count in range(4, 70, 3):
        folder = tmp_path / str(count)
        folder.mkdir()
        story = Story(folder)
        story.hook("pre-checking")
        story.hook("pre-deploying")
        append, left = story.journal.append, [count]

        def dying(*args: Any, append: Any = append, left: list[int] = left, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return append(*args, **kwargs)

        story.journal.append = dying
        with contextlib.suppress(Killed):
            story.runs()
        story.journal.append = append
        done, begun = set(story.steps()), set(story.steps("started"))
        cut_off = "hook.pre_deploying" in begun - done and "pre-deploying" in story.called
        (story.hooks / "pre-checking").unlink()
        story.hook("pre-preparing")
        assert story.runs().status == "fixed", count
        assert story.called.count("pre-preparing") == ("branch.cut" not in done), count
        assert story.called.count("pre-deploying") == 1 + cut_off, count


def test_the_example_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands there: it says no, and then it writes a line."""
    page = (ROOT / "docs/how-to/hooks.md").read_text()
    example = re.search(r"```sh\n(.*?)```", page, re.DOTALL)[1]
    team = Repository(a_shop(tmp_path, monkeypatch))
    hook = team.path / ".pitstop/hooks/pre-deploying"
    hook.parent.mkdir(parents=True)
    hook.write_text(example)
    hook.chmod(0o755)
    (team.path / "export.running").touch()
    began = team.pitstop("start", "It answers 500", "--impact", "i", "--symptom", "critical-bug")
    assert began.returncode == 0, began.stderr
    worktree = next((team.path.parent / f"{team.path.name}.hotfix").glob("it-*"))
    (worktree / "fix.txt").write_text("mended\n")

    refused = team.pitstop("ship", "--fix", "mended", "--yes")
    assert (refused.returncode, "ask Grace" in refused.stdout) == (4, True), refused.stdout
    (team.path / "export.running").unlink()
    shipped = team.pitstop("ship", worktree.name, "--fix", "mended", "--yes")

    assert shipped.returncode == 0, shipped.stdout + shipped.stderr
    assert f"{worktree.name} deploys " in (team.path / "deploys.log").read_text()

    after = hook.with_name("post-rolling_back")
    after.write_text('#!/bin/sh\necho "$PITSTOP_RUN $PITSTOP_OUTCOME" >> back.log; exit 1\n')
    after.chmod(0o755)
    words = ("--service", "shop", "--to", "d1", "--reason", "worse")
    back = team.pitstop("rollback", *words)
    assert back.returncode == 0, back.stdout + back.stderr
    assert re.fullmatch(r"\S+ rolled_back\n", (team.path / "back.log").read_text())


def test_a_hook_that_breaks_is_a_no_only_where_one_can_say_no(tmp_path: Path) -> None:
    """An interpreter that is not there is no yes."""
    story = Story(tmp_path)
    (story.hooks / "pre-deploying").write_text("#!/no/such/interpreter\n")
    (story.hooks / "pre-deploying").chmod(0o755)
    with contextlib.suppress(Failed):
        assert story.runs().status == "declined"
    assert story.world.live == "d1"
