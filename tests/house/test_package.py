"""What is installed is whole: the wheel works far from the source tree."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_everything_and_runs_anywhere(tmp_path):
    """Every file of the package, the sample shop too; the command starts from there."""
    tracked = subprocess.run(
        ["git", "ls-files", "src/pitstop"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    source = tmp_path / "source"
    for name in [*tracked, "pyproject.toml", "README.md"]:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    built = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*built, "--no-index", "-w", tmp_path, source], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr

    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        packed.extractall(tmp_path / "site")
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert "pitstop = pitstop.cli:main" in packed.read(entry).decode()
    assert {name.removeprefix("src/") for name in tracked} - names == set()
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import pitstop.cli as c; "
    code += "print(c.__file__); sys.exit(c.main(['--version']))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert said.stdout.startswith(str(tmp_path / "site"))
    assert "pitstop 0" in said.stdout
