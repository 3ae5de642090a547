"""Own time of a durable step, beside bash, make, invoke and ansible running the same list.

Each peer lives in an environment of its own, made for this run. The list is ``true``, 20 and 40
times; the difference is the cost of a step, start-up apart.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import medians

AIM_IN_ALL = 0.45  # seconds: invoke's, on the machine where the aim was set
PEERS = ("invoke", "ansible-core", "prefect")


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = _ours() | _plain(folder)
        for peer in PEERS:
            commands |= _peer(folder, peer)
        slow = {n: c for n, c in commands.items() if n.startswith(("ansible", "prefect"))}
        quick = {n: c for n, c in commands.items() if n not in slow}
        found = medians(quick, rounds=9, folder=folder) | medians(slow, rounds=2, folder=folder)
    names = sorted({name.rpartition(" ")[0] for name in found})
    print(f"{'':<10} {'20 steps':>10} {'per step':>10}")
    for name in names:
        twenty, forty = found[f"{name} 20"], found[f"{name} 40"]
        print(f"{name:<10} {twenty:8.3f} s {(forty - twenty) / 20 * 1000:7.1f} ms")
    ours = found["pitstop 20"]
    print(f"pitstop in all: {ours:.3f} s (aim: below {AIM_IN_ALL} s)")
    for name in names:
        if name != "pitstop":
            print(f"{name} takes {found[f'{name} 20'] / ours:.1f} x as long")
    return 0  # an aim, and a matter of the machine


def _ours() -> dict[str, list[str]]:
    root = Path(__file__).parents[1]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from benchmarks.twenty_steps import main; main({{}})"
    return {f"pitstop {n}": [sys.executable, "-c", code.format(n)] for n in (20, 40)}


def _plain(folder: Path) -> dict[str, list[str]]:
    commands = {}
    for n in (20, 40):
        (folder / f"{n}.sh").write_text("set -e\n" + "/bin/true\n" * n)
        (folder / f"{n}.mk").write_text("all:\n" + "\t@/bin/true;\n" * n)
        commands[f"bash {n}"] = ["bash", f"{n}.sh"]
        commands[f"make {n}"] = ["make", "-f", f"{n}.mk"]
    return commands


def _peer(folder: Path, peer: str) -> dict[str, list[str]]:
    """Install a peer and write its list; nothing if it cannot be had here."""
    venv = folder / f"venv-{peer}"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    got = subprocess.run(
        [venv / "bin/pip", "install", "-q", peer], capture_output=True, check=False
    )
    if got.returncode:
        print(f"{peer}: cannot be installed here")
        return {}
    lists = {n: _LISTS[peer](folder, venv / "bin", n) for n in (20, 40)}
    tried = subprocess.run(lists[20], cwd=folder, capture_output=True, text=True, check=False)
    if tried.returncode:
        print(f"{peer}: does not run here: {(tried.stderr or tried.stdout).strip()[-200:]}")
        return {}
    return {f"{peer.partition('-')[0]} {n}": words for n, words in lists.items()}


def _invoke(folder: Path, bin_: Path, n: int) -> list[str]:
    where = folder / f"invoke{n}"
    where.mkdir()
    rows = "    c.run('true')\n" * n
    (where / "tasks.py").write_text(f"from invoke import task\n@task\ndef all(c):\n{rows}")
    return [str(bin_ / "invoke"), "--search-root", str(where), "all"]


def _ansible(folder: Path, bin_: Path, n: int) -> list[str]:
    rows = "    - ansible.builtin.command: /bin/true\n" * n
    head = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n"
    (folder / f"ansible{n}.yml").write_text(head + rows)
    python = f"ansible_python_interpreter={bin_ / 'python'}"
    return [str(bin_ / "ansible-playbook"), "-i", "localhost,", "-e", python, f"ansible{n}.yml"]


def _prefect(folder: Path, bin_: Path, n: int) -> list[str]:
    (folder / f"prefect{n}.py").write_text(
        "import subprocess\nfrom prefect import flow, task\n@task\ndef step():\n"
        "    subprocess.run(['true'], check=True)\n@flow\ndef all():\n"
        f"    for _ in range({n}): step()\nall()\n"
    )
    return [str(bin_ / "python"), f"prefect{n}.py"]


_LISTS = {"invoke": _invoke, "ansible-core": _ansible, "prefect": _prefect}
