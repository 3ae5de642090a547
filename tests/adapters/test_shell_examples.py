"""The worked examples of the how-to, each as it stands there, against stand-ins of the tools."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pitstop import bootstrap
from pitstop.adapters.platforms.shell import platform as shell_platform
from pitstop.adapters.platforms.shell import production
from pitstop.domain.change import Release
from pitstop.engine.fence import ServiceFence
from pitstop.engine.place import Place
from pitstop.ports import CannotTell, Refused
from repositories import Shop, a_shop, git, hook, save

PAGE = (Path(__file__).parents[2] / "docs/how-to/shell-platform.md").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"\n### ", PAGE)[1:]}
NAMES = ("Fly", "Heroku", "Kamal", "Kubernetes, with kubectl", "Ansible", "Capistrano")
TOOLS = (
    "fly",
    "heroku",
    "kamal",
    "docker",
    "kubectl",
    "ansible",
    "ansible-playbook",
    "bundle",
    "ssh",
)
SECRETS = {
    "FLY_API_TOKEN": "fly-token",
    "HEROKU_API_KEY": "heroku-key",
    "KAMAL_REGISTRY_PASSWORD": "kamal-password",
}


@dataclass
class Example:
    """A block of the page, in a repository with two commits, the first of them deployed."""

    name: str
    shop: Shop
    state: Path
    first: str
    second: str
    platform: Any

    def release(self, commit: str) -> Release:
        tree = git(self.shop.here, "rev-parse", f"{commit}^{{tree}}")
        return Release(f"run of {commit}", commit, tree)

    def world(self, **changes: Any) -> None:
        """Change what the tool knows."""
        self.state.write_text(json.dumps(json.loads(self.state.read_text()) | changes))


def block(name: str, kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", SECTIONS[name], re.DOTALL)
    assert found
    return found[1]


def test_every_example_of_the_page_is_tried() -> None:
    """No block stands there that nobody ran."""
    assert set(NAMES) == set(SECTIONS)


@pytest.fixture(params=NAMES)
def example(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Example]:
    yield an_example(request.param, tmp_path, monkeypatch)


def an_example(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Example:
    shop, state = a_shop(folder, monkeypatch), folder / "state.json"
    tools = folder / "bin"
    tools.mkdir()
    run = f"{shlex.quote(sys.executable)} -I {shlex.quote(str(Path(__file__).with_name('stand_in.py')))}"
    for tool in TOOLS:
        (tools / tool).write_text(f'#!/bin/sh\nexec {run} {shlex.quote(str(state))} {tool} "$@"\n')
        (tools / tool).chmod(0o755)
    (tools / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for variable, value in SECRETS.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(production, "_LOOK", 0.05)
    monkeypatch.setattr(shell_platform, "SETTLE", 0.5)
    git(folder, "init", "-q", "--bare", "heroku.git")
    hook(
        folder / "heroku.git",
        "post-receive",
        "while read old new ref; do heroku stand-in-push $new; done",
    )
    git(shop.here, "remote", "add", "heroku", str(folder / "heroku.git"))
    files = {"pitstop.toml": f'[service]\nname = "shop"\n\n{block(name, "toml")}'}
    if script := re.search(r"`(\.pitstop/[\w-]+)`", SECTIONS[name]):
        files[script[1]] = block(name, "python")
    first = save(shop.here, {"app.py": "first\n", **files}, "first")
    second = save(shop.here, {"app.py": "second\n"}, "second")
    save(shop.here, {"app.py": "what is worked on\n"}, "third")
    place = Place(shop.here)
    _, tables = bootstrap.load(place.config)
    platform = bootstrap.platform(place, tables, ServiceFence(place.service("shop")))
    found = Example(name, shop, state, first, second, platform)
    for line in platform.deploy_commands(found.release(first))[:-1]:  # type: ignore[attr-defined]
        assert line
    put = "\n".join(platform.deploy_commands(found.release(first)))  # type: ignore[attr-defined]
    assert os.waitstatus_to_exitcode(os.system(f"set -e\n{put}\n")) == 0
    return found


def test_a_release_goes_into_service_and_back(example: Example) -> None:
    """Deploy, look, return: with the very words of the page."""
    platform = example.platform
    before = platform.running()
    assert before.commit == example.first

    deployed = platform.deploy(example.release(example.second))
    assert deployed.commit == example.second == platform.running().commit
    assert [each.commit for each in platform.deployments()][:2] == [example.second, example.first]

    assert platform.return_to(before.id).commit == example.first == platform.running().commit


def test_what_a_person_would_type_works(example: Example) -> None:
    """The printed way back is the team's own command, and it arrives."""
    before = example.platform.running()
    example.platform.deploy(example.release(example.second))

    command = example.platform.restore_command(before.id)

    assert os.waitstatus_to_exitcode(os.system(command)) == 0
    assert example.platform.running().commit == example.first
    assert not any(secret in command for secret in SECRETS.values())


def test_the_preflight_finds_nothing_broken(example: Example) -> None:
    """Every command that looks was understood; that nobody answers at the address is a warning."""
    found = {each.name: each.status for each in example.platform.findings()}
    assert found.pop("platform.health") == "warning"
    assert set(found.values()) == {"ok"}, found
    if "logs" in block(example.name, "toml") and example.name != "Capistrano":
        assert example.platform.logs().strip() == "ok"


def test_kamal_says_yes_to_a_rollback_that_did_not_happen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with 0 where the container is gone; pitstop looks."""
    kamal = an_example("Kamal", tmp_path, monkeypatch)
    before = kamal.platform.running()
    kamal.platform.deploy(kamal.release(kamal.second))
    kamal.world(releases=[], locked=True)

    with pytest.raises(Refused, match="was wanted; users are on"):
        kamal.platform.return_to(before.id)


@pytest.mark.parametrize("name", ["Kamal", "Kubernetes, with kubectl", "Ansible"])
def test_half_a_deploy_is_not_known(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While two releases have users, neither of them is what users get."""
    example = an_example(name, tmp_path, monkeypatch)
    example.world(half="f" * 40)

    with pytest.raises(CannotTell, match="exit code 75"):
        example.platform.running()


def test_heroku_s_other_releases_carry_the_commit_they_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configuration change runs the code that ran; a failed one runs nothing; the unknown is said."""
    heroku = an_example("Heroku", tmp_path, monkeypatch)
    [deployed] = json.loads(heroku.state.read_text())["releases"]
    config = deployed | {"number": 2, "description": "Set FOO config vars"}
    failed = deployed | {
        "number": 3,
        "description": f"Deploy {heroku.second[:8]}",
        "status": "failed",
    }
    heroku.world(releases=[deployed, config, failed], at=3)
    assert (heroku.platform.running().id, heroku.platform.running().commit) == ("v2", heroku.first)

    heroku.world(releases=[config], at=3)
    with pytest.raises(CannotTell, match="v2 unknown"):
        heroku.platform.running()


def test_fly_s_foreign_and_failed_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed never had users; what was deployed without the label is not known."""
    fly = an_example("Fly", tmp_path, monkeypatch)
    [deployed] = json.loads(fly.state.read_text())["releases"]
    failed = deployed | {"number": 2, "label": fly.second, "status": "failed"}
    fly.world(releases=[deployed, failed], at=2)
    assert fly.platform.running().commit == fly.first

    foreign = deployed | {"number": 3, "label": "deployment-01K"}
    fly.world(releases=[deployed, foreign], at=3)
    with pytest.raises(CannotTell, match="deployment-01K"):
        fly.platform.running()
