"""What a severity has of its own is decided when the hotfix is declared."""

import pytest


@pytest.mark.parametrize(("severity", "seconds"), [("P1", 420.0), ("P3", 1800.0)])
def test_a_severity_may_have_its_own_budget(open_shop, severity, seconds):
    """The others keep the budget of all."""
    path = open_shop.path / "pitstop.toml"
    path.write_text(path.read_text() + '\n[severity.P1]\nbudget = "7m"\n')
    assert open_shop.start("Slow", "--severity", severity).returncode == 0
    assert open_shop.status()["slo"]["budget_seconds"] == seconds
