"""Names of audiences are names of audiences."""

import pytest

from pitstop import bootstrap, config

LEAST = '[service]\nname = "shop"\n[platform]\nuse = "simulated"\n[approval]\n'


def test_an_escalation_to_nobody_is_a_mistake_with_its_line():
    """Else nobody would hear it on the one night that counts; known names are said."""
    text = f'{LEAST}escalate_to = ["team", "leads", "bosses"]\n[audiences.team]\n[audiences.all]\n'
    with pytest.raises(config.ConfigurationError) as found:
        bootstrap.check(config.tomllib.loads(text), text)
    assert found.value.problems == [
        f'pitstop.toml:6: approval.escalate_to: "{name}" is no audience. Known: team, all.'
        for name in ("leads", "bosses")
    ]


def test_where_no_audience_is_configured_it_says_how():
    """One mistake, one remedy."""
    text = f'{LEAST}escalate_to = ["team"]\n'
    with pytest.raises(config.ConfigurationError) as found:
        bootstrap.check(config.tomllib.loads(text), text)
    assert "[audiences.NAME]" in found.value.problems[0]
