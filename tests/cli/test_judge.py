"""``pitstop judge``: recorded traffic gets the verdict it deserves, at the same moment each time."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pitstop.cli import main

QUICK = ("--warmup", "2s", "--soak", "5s", "--deadline", "2m")


def traffic(seconds: int, rate: float, ms: float = 60.0, seed: int = 1) -> Iterator[dict]:
    """Yield 100 requests a second, of which some fail; how long they take varies as it does."""
    chance = random.Random(seed)
    for number in range(100 * seconds):
        status = 500 if chance.random() < rate else 200
        took = round(chance.lognormvariate(0, 0.5) * ms, 2)
        yield {"at": 1_700_000_000 + number / 100, "status": status, "ms": took}


def written(path: Path, rows: Iterator[dict]) -> Path:
    """Write requests down, as the name says: JSON lines or CSV, packed or not."""
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    if ".csv" in path.name:
        lines = (json.loads(line).values() for line in text.splitlines())
        text = "at,status,ms\n" + "".join(",".join(map(str, line)) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """Five minutes with 0.5 % errors."""
    return written(tmp_path_factory.mktemp("before") / "before.jsonl.gz", traffic(300, 0.005))


def judged(capsys, before: Path, after: Path, *words: str) -> tuple[int, dict]:
    """Judge without any repository around; return exit code and what was said as JSON."""
    files = ("--baseline", str(before), "--candidate", str(after))
    code = main(["judge", *files, *QUICK, *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_what_is_as_good_as_before_passes(tmp_path, monkeypatch, capsys, before):
    """Where no repository and no configuration is."""
    monkeypatch.chdir(tmp_path)
    after = written(tmp_path / "after.csv", traffic(120, 0.005, seed=2))
    code, said = judged(capsys, before, after)
    assert [code, said["verdict"]] == [0, "pass"]
    assert said["at"] >= 7  # not before the soak is over
    assert said["after_warmup"] == said["at"] - 2
    assert said["baseline_requests"] == 30_000
    assert said["left_out"] == {"baseline": {}, "candidate": {}}


@pytest.mark.parametrize(("rate", "ms"), [(0.1, 60.0), (0.005, 180.0)])
def test_errors_and_slowness_fail_within_seconds(tmp_path, capsys, before, rate, ms):
    """What it was is said, and the same traffic gets the same verdict at the same moment."""
    after = written(tmp_path / "after.jsonl", traffic(60, rate, ms, seed=3))
    code, said = judged(capsys, before, after)
    assert [code, said["verdict"]] == [3, "fail"]
    assert said["after_warmup"] <= 5
    assert ("error" in said["reason"].lower()) is (rate > 0.01)
    assert judged(capsys, before, after) == (code, said)


@pytest.mark.parametrize("text", ["", "at,status,ms\n"])
def test_no_traffic_after_the_deploy_is_never_a_pass(tmp_path, capsys, before, text):
    """Nor a failure."""
    (tmp_path / "after").write_text(text)
    code, said = judged(capsys, before, tmp_path / "after")
    assert [code, said["verdict"], said["requests"]] == [6, "inconclusive", 0]


def test_ten_seconds_are_too_little_for_a_pass_and_that_is_said_in_words(tmp_path, capsys, before):
    """The recording ends before there was enough to see."""
    after = written(tmp_path / "after.jsonl", traffic(4, 0.005))
    words = ["judge", "--baseline", str(before), "--candidate", str(after)]
    assert main(words) == 6
    said = capsys.readouterr().out
    assert said.startswith("INCONCLUSIVE 3 s after the deploy")
    assert "baseline:  30000 requests" in said
    assert max(map(len, said.splitlines())) <= 80


def test_the_picture_shows_it_and_says_the_same_in_words(tmp_path, capsys, before):
    """One small file, the same for the same traffic, readable without seeing it."""
    after = written(tmp_path / "after.jsonl", traffic(60, 0.1, seed=3))
    drawn = []
    for name in ("one.svg", "two.svg", "page.html"):
        _, said = judged(capsys, before, after, "--plot", str(tmp_path / name))
        assert said["plot"] == str(tmp_path / name)
        drawn.append((tmp_path / name).read_text())
    one, two, page = drawn
    assert one == two
    assert max(map(len, drawn)) < 150_000
    label = re.search(r'<svg role="img" aria-label="([^"]+)"', one)[1]
    assert label.startswith("FAIL")
    assert "evidence for rolling back" in one
    assert "@font-face" not in one
    assert page.startswith("<!doctype html>")
    assert page.count("<svg ") == 1
    assert f"<p>{label}</p>" in page
    assert not re.search(r'(?:src|href)="(?!#)', page)


@pytest.mark.parametrize(
    ("before_text", "words", "said"),
    [
        (None, [], "gone.jsonl"),
        ("this is no traffic\nnor is this\n", [], "gone.jsonl"),
        ('{"time": 1, "code": 200}\n', [], "gone.jsonl"),
        ('{"at": 1, "status": 200, "ms": 1}\n', ["--plot", "verdict.png"], ".svg or .html"),
    ],
)
def test_what_cannot_be_read_or_drawn_is_wrong_input(tmp_path, capsys, before_text, words, said):
    """Exit 2 and the name, whatever is wrong with it."""
    file = tmp_path / "gone.jsonl"
    if before_text is not None:
        file.write_text(before_text)
    after = written(tmp_path / "after.jsonl", traffic(1, 0.0))
    files = ("--baseline", str(file), "--candidate", str(after))
    assert main(["judge", *files, *words]) == 2
    spoken = capsys.readouterr()
    assert said in spoken.err
    assert spoken.out == ""
