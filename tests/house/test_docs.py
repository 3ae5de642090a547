"""The documents say what is true."""

import argparse
import re
import shlex
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from pitstop import bootstrap, config
from pitstop.adapters.backups.postgres import PostgresSettings
from pitstop.adapters.platforms.local import LocalSettings
from pitstop.adapters.platforms.railway.settings import RailwaySettings
from pitstop.adapters.platforms.shell import ShellSettings
from pitstop.cli import COMMANDS, common, schema
from pitstop.flow import STEPS

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()
ELSEWHERE = {"plugin": "docs/how-to/plug-ins.md"}
EXAMPLE = re.search(r"```toml\n(.*?)```", CONFIGURATION, re.DOTALL)[1]


def pitstop(*words: str, **kwargs) -> subprocess.CompletedProcess:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "pitstop", *words], capture_output=True, text=True, **kwargs
    )


def test_the_annotated_example_loads(tmp_path):
    """What the documentation shows can be used as it stands."""
    (tmp_path / "pitstop.toml").write_text(EXAMPLE)

    settings, _ = bootstrap.load(tmp_path / "pitstop.toml")

    assert settings.service.name == "shop"


def test_the_example_names_every_key():
    """No setting is undocumented."""
    tables = tomllib.loads(EXAMPLE)
    assert set(tables) == set(config.Settings.model_fields)
    for name, field in config.Settings.model_fields.items():
        model = field.annotation
        if name == "platform":
            model = LocalSettings
        if name == "backup":
            model = PostgresSettings  # the others: test_backups.py
        if name == "telemetry":
            model = bootstrap.providers()["telemetry"]["access-log"]  # the others: telemetry.md
        if name == "audiences":
            model, tables[name] = config.AudienceSettings, tables[name]["team"] | ELSEWHERE
        if isinstance(model, type) and issubclass(model, BaseModel):
            assert set(model.model_fields) == set(tables[name]) - {"use"}, name
    freezes = [set(table) for table in tables["calendar"]["freeze"]]
    keys = {field.alias or key for key, field in config.FreezeSettings.model_fields.items()}
    assert set.union(*freezes) == keys


def test_the_example_of_shell_names_every_key():
    """And is what the how-to is about: every key stands there, too."""
    shell = re.findall(r"```toml\n(.*?)```", CONFIGURATION, re.DOTALL)[1]
    tables = tomllib.loads(shell) | {"service": {"name": "shop"}}
    settings = bootstrap.check(tables)

    keys = set(ShellSettings.model_fields)
    assert keys == set(tables["platform"]) - {"use"}
    page = (ROOT / "docs/how-to/shell-platform.md").read_text()
    assert [key for key in keys if f"`{key}`" not in page] == []
    short = ShellSettings(deploy="x", current="x")
    shown = ShellSettings.model_validate(dict(settings.platform.model_extra))
    for name in ("within", "answer_within", "repeatable"):
        assert getattr(short, name) == getattr(shown, name)


def test_the_example_of_railway_names_every_key():
    """Beside the others, with the same words as the source; and its how-to knows each."""
    railway = re.findall(r"```toml\n(.*?)```", CONFIGURATION, re.DOTALL)[2]
    tables = tomllib.loads(railway) | {"service": {"name": "shop"}}
    bootstrap.check(tables)

    assert set(RailwaySettings.model_fields) == set(tables["platform"]) - {"use"}
    page = (ROOT / "docs/how-to/railway.md").read_text()
    assert [key for key in RailwaySettings.model_fields if f"`{key}`" not in page] == []
    short = RailwaySettings.model_validate({"token": {"env": "RAILWAY_TOKEN"}})
    assert (short.api, short.within) == (tables["platform"]["api"], timedelta(minutes=15))
    said = dict(re.findall(r"^(\w+) = .*  # (.*)$", railway, re.MULTILINE))
    described = schema.descriptions(RailwaySettings)
    assert {key: said[key] for key in described} == described


def test_defaults_shown_are_the_defaults():
    """The values of gate and watch in the contract are what a short file gets."""
    shown, _ = config.parse(tomllib.loads(EXAMPLE))
    short, _ = config.parse(tomllib.loads('[service]\nname="s"\n[platform]\nuse="local"'))
    by_severity = dict.fromkeys(("tolerance", "acceptable_rate", "unacceptable_rate"))
    assert shown.gate.model_copy(update=by_severity) == short.gate
    assert [shown.watch, shown.slo] == [short.watch, short.slo]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(command):
    """A tired person can look it up."""
    done = pitstop(command, "--help")

    assert done.returncode == 0
    assert re.search(r"examples?:\n +pitstop " + command, done.stdout)


def test_what_the_first_ten_minutes_type_is_understood():
    """Commands, options and their values, as they stand there."""
    text = (ROOT / "docs/how-to/first-ten-minutes.md").read_text()
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)
    typed = [row for kind, block in blocks if not kind for row in block.splitlines()]
    rows = [row for row in typed if row.startswith("pitstop ")]
    assert len(rows) >= 10
    for row in rows:
        _, name, *words = shlex.split(row.partition(" > ")[0])
        parser = argparse.ArgumentParser(exit_on_error=False)
        common.describe(name, COMMANDS[name][0], parser)
        parser.parse_args(words)  # raises, or exits, where it does not understand


def test_help_lists_every_command():
    """The table is the help."""
    said = pitstop("--help").stdout
    assert [c for c in COMMANDS if not re.search(rf"^  {c} ", said, re.MULTILINE)] == []


def test_help_fits_80_columns():
    """Nothing wraps at 3 a.m."""
    assert max(map(len, pitstop("--help").stdout.splitlines())) <= 80


def test_the_procedure_stays_short():
    """The whole procedure is read in one go."""
    text = (ROOT / "src/pitstop/procedures/hotfix.py").read_text()
    assert len(text.splitlines()) <= 110


def test_every_step_is_asked_for_by_a_procedure():
    """What an older run finished and no procedure asks for any more is a step that is gone."""
    texts = [path.read_text() for path in (ROOT / "src/pitstop/procedures").glob("*.py")]
    assert [
        name
        for name in STEPS
        if not name.startswith("hook.") and not any(name in text for text in texts)
    ] == []


def test_nothing_committed_names_a_machine_or_a_registry():
    """The repository travels."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    hosts = [("py", "pi.org"), ("files.python", "hosted"), ("registry.npm", "js")]
    words = ["".join(parts) for parts in (("/wo", "rk/"), ("/ro", "ot/"), *hosts)]
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            text = path.read_text(errors="replace")
            found += [f"{name}: {word}" for word in words if word in text]
    assert found == []
