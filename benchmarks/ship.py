"""A ship's wall time against the longest chain of its own commands: at most 1.1x."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 1.1
SETUP, TARGETED, SMOKE, BUILD, SOAK = 8, 30, 20, 12, 10  # seconds


def main() -> int:
    """Ship the demo's fix with commands that take known times."""
    from pitstop.demo import play
    from pitstop.demo.customers import Customers

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop, port = folder / "shop", play._free_port()
        play.build(folder, shop, port)
        _configure(shop)
        os.environ["NO_COLOR"] = "1"
        customers = Customers(port)
        try:
            _pitstop(shop, "local", "up")
            customers.start()
            time.sleep(2)
            _pitstop(shop, "start", "Bench", "--impact", "i", "--symptom", "critical-bug")
            (folder / "shop.hotfix/bench/shipping.py").write_text(play.GOOD)
            began = time.perf_counter()
            _pitstop(shop, "ship", "--fix", "x", "--override", "approval", "--because", "bench")
            wall = time.perf_counter() - began
        finally:
            customers.stop()
            play._wait_for_the_watch(shop)
            _pitstop(shop, "local", "down")
    chain = SETUP + max(TARGETED, SMOKE) + BUILD + SOAK
    print(
        f"chain: setup {SETUP} + targeted {TARGETED} (smoke {SMOKE} beside it) + build {BUILD} + soak {SOAK}"
    )
    print(f"chain {chain} s, ship {wall:.1f} s: {wall / chain:.2f} x (held to {LIMIT:g} x)")
    print(f"customers: {customers.requests} orders, {customers.lost} lost")
    return int(wall / chain > LIMIT or customers.lost > 0)


def _configure(shop: Path) -> None:
    text = (shop / "pitstop.toml").read_text()
    rows = [
        row
        for row in text.splitlines()
        if not row.startswith(("targeted", "smoke", "soak", "warmup"))
    ]
    text = "\n".join(rows) + "\n"
    checks = f'setup = "sleep {SETUP}"\ntargeted = "sleep {TARGETED}"\nsmoke = "sleep {SMOKE}"\n'
    text = text.replace("[checks]\n", "[checks]\n" + checks)
    text = text.replace("[gate]\n", f'[gate]\nwarmup = "0s"\nsoak = "{SOAK}s"\n')
    # two releases are built: the first when the service comes up, which is not measured
    text = text.replace(
        'use = "local"\n', f'use = "local"\nbuild = "sleep {BUILD}"\nbuild_within = "60s"\n'
    )
    (shop / "pitstop.toml").write_text(text)


def _pitstop(shop: Path, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pitstop", *words], cwd=shop, check=True, capture_output=True
    )
