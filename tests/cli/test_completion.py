"""Completion in a real shell."""

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_their_own(shell):
    """It names every command."""
    said = script(shell)
    assert "take-over" in said
    assert "--symptom" in said or "-l symptom" in said
