"""No change without a test run."""

from collections.abc import Iterator

from pitstop.domain.change import Patch
from pitstop.guards.kinds import is_code
from pitstop.guards.objection import Objection


def untested(patch: Patch, tests_run: bool, repro: bool) -> Iterator[Objection]:
    """Object to code that only the repro tries, and, whoever asks, to code that nothing tries."""
    if tests_run or not any(is_code(file.path) for file in patch.files):
        return
    what = "no test maps to the changed files, and there is no smoke suite"
    if repro:
        yield Objection("untested", f"{what}: only the repro tries it")
    else:
        yield Objection(
            None,
            f"{what}: nothing would try it. Write a test for it, map one in checks.mapping, or set "
            "checks.smoke, in pitstop.toml",
        )
