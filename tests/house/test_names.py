"""Whatever a folder is called, init writes a name that loads."""

from hypothesis import example, given
from hypothesis import strategies as st

from pitstop import config


@given(st.text())
@example("my__shop")
@example("_shop")
@example("a.lock")
@example("-" * 300 + "x" * 300)
@example("🚨")
def test_a_name_made_from_any_folder_is_a_name(text):
    """What one part writes the other one takes."""
    name = config.service_name(text)
    tables = {"service": {"name": name}, "platform": {"use": "simulated"}}
    assert config.parse(tables)[1] == []
