"""Names of audiences are names of audiences."""

import tomllib

import pytest

from pitstop import bootstrap, config

LEAST = '[service]\nname = "shop"\n[platform]\nuse = "simulated"\n[approval]\n'


def test_an_escalation_to_nobody_is_a_mistake_with_its_line():
    """Else nobody would hear it on the one night that counts; known names are said."""
    text = f'{LEAST}escalate_to = ["team", "leads", "bosses"]\n[audiences.team]\n[audiences.all]\n'
    with pytest.raises(config.ConfigurationError) as found:
        bootstrap.check(tomllib.loads(text), text)
    assert found.value.problems == [
        f'pitstop.toml:6: approval.escalate_to: "{name}" is no audience. Known: team, all.'
        for name in ("leads", "bosses")
    ]


def test_where_no_audience_is_configured_it_says_how():
    """One mistake, one remedy."""
    text = f'{LEAST}escalate_to = ["team"]\n'
    with pytest.raises(config.ConfigurationError) as found:
        bootstrap.check(tomllib.loads(text), text)
    assert "[audiences.NAME]" in found.value.problems[0]


def test_a_severity_that_tells_nobody_known_is_a_mistake_with_its_line():
    """As for escalations."""
    text = f'{LEAST}[severity.P3]\ntell = ["team"]\n'
    with pytest.raises(config.ConfigurationError) as found:
        bootstrap.check(tomllib.loads(text), text)
    assert found.value.problems[0].startswith('pitstop.toml:7: severity.P3.tell: "team" is no')


@pytest.mark.parametrize("table", ["P4", "p1"])
def test_there_are_three_severities_with_tables(table):
    """P4 is a normal change."""
    text = f'{LEAST}[severity.{table}]\nbudget = "1m"\n'
    with pytest.raises(config.ConfigurationError) as found:
        bootstrap.check(tomllib.loads(text), text)
    assert "Use one of: P1, P2, P3" in found.value.problems[0]
