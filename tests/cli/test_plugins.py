"""Plug-ins by entry point: the how-to's own example, installed, configured and used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from contracts.shell import PAAS

PAGE = (Path(__file__).parents[2] / "docs/how-to/plug-ins.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
TOML = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
# The company's own command line: the platform of the contract tests, in front of it the app's name.
GATE = '[gate]\nbaseline = "1s"\nwarmup = "0s"\nsoak = "0s"\ndeadline = "1s"\n'
ACME = '#!/bin/sh\n[ "$1" = shop ] || { echo "no app $1"; exit 1; }\nexec "$PAAS" "$2"\n'


@pytest.fixture
def acme(shop, tmp_path):
    """A shop whose configuration is the how-to's, and the how-to's package installed beside it."""
    site = tmp_path / "site"
    info = site / "acme_pitstop-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "acme_pitstop.py").write_text("".join(PYTHON))
    groups = tomllib.loads(TOML[0])["project"]["entry-points"]
    rows = [
        f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in g.items())
        for group, g in groups.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(rows))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-pitstop\nVersion: 1.0\n")
    tools = tmp_path / "bin"
    (tools / "releases").mkdir(parents=True)
    page = f'#!/bin/sh\necho "$1: $2" >> "{tmp_path}/paged"\n'
    for name, script in (("acme", ACME), ("paas", PAAS), ("acme-page", page)):
        (tools / name).write_text(script)
        (tools / name).chmod(0o755)
    shop.env |= {
        "PYTHONPATH": str(site),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PAAS": str(tools / "paas"),
    }
    text = f'[service]\nname = "shop"\n[checks]\nsmoke = "true"\n[approval]\nrequired = false\n{GATE}{TOML[1]}'
    (shop.path / "pitstop.toml").write_text(text)
    (shop.path / "check").write_text("true\n")
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "on acme")
    shop.git("push", "-q", "origin", "main")
    deployed = {"PITSTOP_COMMIT": shop.git("rev-parse", "HEAD")}
    subprocess.run(["acme", "shop", "deploy"], cwd=shop.path, env=shop.env | deployed, check=True)
    return shop


def test_a_platform_and_a_pager_that_a_package_brings(acme, tmp_path):
    """Configured by name: plan, doctor and a whole hotfix use them like pitstop's own."""
    planned = acme.pitstop("plan")
    assert "runs no release beside production" in planned.stdout
    looked = {f["name"]: f for f in json.loads(acme.pitstop("doctor", "--json").stdout)}
    assert looked["platform.current"]["status"] == "ok"

    started = acme.start()
    assert started.returncode == 0, started.stderr
    acme.fix()
    shipped = acme.pitstop("ship", "--fix", "mended", "--yes")
    assert shipped.returncode == 6, shipped.stdout + shipped.stderr  # nobody counts requests

    state = acme.status()
    assert state["deployment"]["commit"] != state["base_commit"]
    assert "web: 🚨 HOTFIX ALERT" in (tmp_path / "paged").read_text()
    back = acme.pitstop("rollback", "--reason", "the test is over")
    assert back.returncode == 0, back.stderr
    live = subprocess.run(["acme", "shop", "current"], env=acme.env, capture_output=True, text=True)
    assert json.loads(live.stdout)["commit"] == state["base_commit"]


def test_a_plug_in_s_settings_are_checked_like_our_own(acme):
    """Every mistake at once, each with its line; what is not installed is listed."""
    wrong = (
        TOML[1].replace('app = "shop"', "aap = 1").replace('rota = "web"', "rota = 7, volume = 11")
    )
    (acme.path / "pitstop.toml").write_text(f'[service]\nname = "shop"\n{wrong}')
    said = acme.pitstop("plan")
    assert said.returncode == 2
    for row in (
        "pitstop.toml:3: platform.app: is missing.",
        "pitstop.toml:5: platform.aap: unknown key. Use one of: app.",
        "audiences.on-call.plugin.rota: is 7",
        "audiences.on-call.plugin.volume: unknown key. Use one of: rota.",
    ):
        assert row in said.stderr, said.stderr

    (acme.path / "pitstop.toml").write_text('[service]\nname = "shop"\n[platform]\nuse = "acne"\n')
    said = acme.pitstop("plan")
    assert said.stderr == (
        "pitstop.toml:4: platform.use: is 'acne'. Use one of: 'acme', 'local', 'railway', 'shell', 'simulated'.\n"
    )


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise ImportError('no acme here')", "cannot be loaded: ImportError: no acme here"),
        ("class Acme:\n    pass\n", "has no Settings"),
        ("Acme = 7", "has no Settings"),
    ],
)
def test_a_broken_plug_in_is_said_in_words(acme, tmp_path, code, why):
    """With where it comes from; nothing was done."""
    (tmp_path / "site" / "acme_pitstop.py").write_text(code)
    said = acme.pitstop("start", "x", "--impact", "i", "--symptom", "critical-bug")
    assert (said.returncode, why in said.stderr) == (2, True), said.stderr
    assert "pitstop.toml" in said.stderr


def test_a_platform_that_is_built_in_looks_for_no_plug_in(acme):
    """Looking through what is installed takes time that a start does not have."""
    code = (
        "from pitstop import bootstrap; from pitstop.adapters import plugins; plugins.metadata = None; bootstrap.check("
        "{'service': {'name': 's'}, 'platform': {'use': 'local', 'start': 'x'}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=acme.env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
