"""Completion in a real shell."""

import argparse
import subprocess
import sys

import pytest

from pitstop import __version__
from pitstop.cli import COMMANDS, common

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_shtab_pitstop
echo "${COMPREPLY[@]}"
"""


def script(shell: str) -> str:
    """Return what ``pitstop completion`` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "pitstop", "completion", shell], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["st"], ["start", "status"]),
        (["start", "--severity", "P"], ["P1", "P2", "P3", "P4"]),
        (["ship", "--override", "appr"], ["approval"]),
        (["status", "ch"], ["checkout-one"]),
        (["--vers"], ["--version"]),
        (["start", "--symptom", "d"], ["data-corruption"]),
        (["start", "--scenario", "me"], ["memory-leak"]),
        (["resume", "--override", "v"], ["verdict"]),
        (["local", ""], ["up", "down", "status"]),
        (["local", "d"], ["down"]),
        (["completion", "f"], ["fish"]),
        (["demo", "--fault", "b"], ["bad-fix"]),
        (["init", "--s"], ["--schema"]),
        (["init", "--dry"], ["--dry-run"]),
        (["doctor", "--j"], ["--json"]),
        (["status", "--config", "pitstop.b"], ["pitstop.bash"]),
        (["judge", "--candidate", "pitstop.b"], ["pitstop.bash"]),
        (["approve", "ch"], ["checkout-one"]),
    ],
)
def test_bash_completes_commands_options_and_hotfixes(tmp_path, typed, offered):
    """What bash itself offers, in a repository with one hotfix."""
    (tmp_path / "pitstop.bash").write_text(script("bash"))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".git/pitstop/runs/checkout-one").mkdir(parents=True)

    done = subprocess.run(
        ["bash", "-c", ASK, "bash", "pitstop.bash", "pitstop", *typed],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert (done.stdout.split(), done.stderr) == (offered, "")


def test_every_option_of_every_command_is_offered():
    """What --help shows, the shell completes."""
    offered = script("bash")
    for name, (module, _) in COMMANDS.items():
        parser = argparse.ArgumentParser()
        common.describe(name, module, parser)
        for action in parser._actions:
            if action.help != argparse.SUPPRESS:
                assert all(option in offered for option in action.option_strings), name
                assert all(str(one) in offered for one in action.choices or ()), name


def test_version_is_said_by_every_way_in():
    """One line, with the package's own number."""
    for words in (["-m", "pitstop"], ["-c", "import pitstop.cli as c; c.main(['--version'])"]):
        words = [*words, "--version"] if "pitstop" in words else words
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (f"pitstop {__version__}\n", "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_their_own(shell):
    """It names every command."""
    said = script(shell)
    assert "take-over" in said
    assert "--symptom" in said or "-l symptom" in said
