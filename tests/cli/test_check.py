"""pitstop check: what ship would say, said before."""

import json
from pathlib import Path


def worktree(shop) -> Path:
    """Return where the fix is made."""
    return Path(shop.status()["worktree"])


def test_a_good_fix_is_tried_and_nothing_is_changed(open_shop):
    """Neither branch nor remote nor record; a second look says the same."""
    open_shop.configure(targeted='"python3 -m pytest -q -p no:cacheprovider {tests}"')
    open_shop.start()
    open_shop.fix()
    (worktree(open_shop) / "tests/test_shipping.py").write_text(
        "from pathlib import Path\n\n\ndef test_it():\n"
        "    assert 'mended' in (Path(__file__).parents[1] / 'shipping.py').read_text()\n"
    )
    refs = open_shop.git("for-each-ref", "refs/heads", "refs/tags")
    lines = open_shop.pitstop("log", "--json").stdout

    for _ in range(2):
        done = open_shop.pitstop("check", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)

    assert told["verdict"] == "ok"
    steps = {one["step"]: one.get("value") for one in told["steps"]}
    assert steps["checks.targeted"]["tests"]["passed"] == 1
    assert steps["checks.proof"]["verdict"] == "pass", steps["checks.proof"]
    assert open_shop.git("for-each-ref", "refs/heads", "refs/tags") == refs
    assert open_shop.pitstop("log", "--json").stdout == lines
    assert open_shop.git("status", "--porcelain", cwd=worktree(open_shop)) != ""


def test_a_guard_says_no_with_its_reason_and_the_way_on(open_shop):
    """Exit 4; a red test is exit 1; an untouched worktree is nothing to ship."""
    open_shop.configure(smoke='"test ! -e red"')
    open_shop.start()
    assert open_shop.pitstop("check").returncode == 4
    open_shop.fix()
    (worktree(open_shop) / "Dockerfile").write_text("FROM scratch\n")
    done = open_shop.pitstop("check")
    assert done.returncode == 4
    assert "delivery-config: Dockerfile" in done.stderr
    (worktree(open_shop) / "Dockerfile").unlink()
    (worktree(open_shop) / "red").write_text("")
    assert open_shop.pitstop("check").returncode == 1
    (worktree(open_shop) / "red").unlink()
    done = open_shop.pitstop("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing stands against it" in done.stdout


def test_a_secret_in_the_worktree_is_never_shipped(open_shop):
    """Nor is it repeated."""
    open_shop.start()
    key = "AKIA" + "QWERTYUIOPASDFGH"
    open_shop.fix(f"\nKEY = '{key}'\n")
    done = open_shop.pitstop("check")
    assert done.returncode == 4
    assert "never: shipping.py" in done.stderr
    assert key not in done.stdout + done.stderr
    refused = open_shop.pitstop(
        "ship", "--fix", "x", "--override", "secrets", "--because", "it is fine"
    )
    assert refused.returncode == 2
