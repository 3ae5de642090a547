"""The how-to about backups can be followed: what it shows loads, and nothing is left out."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pitstop import bootstrap
from pitstop.adapters.backups._store import StoreSettings
from pitstop.adapters.backups.command import CommandSettings
from pitstop.adapters.backups.postgres import PostgresSettings
from pitstop.adapters.backups.sqlite import SqliteSettings

PAGE = (Path(__file__).parents[2] / "docs/how-to/backups.md").read_text()
BLOCKS = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
KINDS = {"postgres": PostgresSettings, "sqlite": SqliteSettings, "command": CommandSettings}
COMMON = next(block for block in BLOCKS if "backup" not in block)
SHOWN = {block["backup"]["use"]: block["backup"] for block in BLOCKS if "backup" in block}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_shown_with_every_key_it_has(kind):
    """And the example is a configuration as it stands."""
    table = SHOWN[kind] | COMMON
    assert set(table) == set(KINDS[kind].model_fields) | {"use"}
    service = {"service": {"name": "shop"}, "platform": {"use": "simulated"}}
    assert bootstrap.check(service | {"backup": table}).backup.use == kind


def test_the_defaults_shown_are_the_defaults():
    """What is not written is as the page says."""
    usual = StoreSettings()
    shown = StoreSettings.model_validate(COMMON)
    assert [shown.keep, shown.keep_for, shown.within] == [usual.keep, usual.keep_for, usual.within]


def test_every_verb_on_the_page_is_one():
    """Its commands are typed as they are meant."""
    said = subprocess.run(
        [sys.executable, "-m", "pitstop", "backup", "--help"], capture_output=True, text=True
    ).stdout
    verbs = set(re.findall(r"^pitstop backup (\S+)", PAGE, re.MULTILINE)) - {"#"}
    assert verbs == {"--emergency", "list", "verify"}
    assert [verb for verb in (*verbs, "open") if verb not in said] == []
