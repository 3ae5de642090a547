"""Each rule by what it objects to, and by what it lets pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitstop.config import Guards
from pitstop.domain.change import Commit, FileChange, Patch
from pitstop.guards import RULES, Objection, choice, kinds
from pitstop.guards.ride_along import beyond, left_over
from pitstop.guards.untested import untested

USUAL = Guards.model_validate({})
KEY = "AKIA" + "QWERTYUIOPASDFGH"


def patch(*files: FileChange | str, text: str = "", messages: tuple[str, ...] = ("hotfix: x",)):
    """Return a patch of these files, and commits of these messages."""
    made = tuple(FileChange(one, added=1) if isinstance(one, str) else one for one in files)
    commits = tuple(Commit(f"{n:040x}", message) for n, message in enumerate(messages))
    return Patch(made, commits, text)


def adding(*lines: str, file: str = "app.py") -> str:
    """Return the text of a patch that adds lines to a file."""
    rows = "".join(f"+{line}\n" for line in lines)
    return f"--- a/{file}\n+++ b/{file}\n@@ -0,0 +1,{len(lines)} @@\n{rows}"


def objections(made: Patch, guards: Guards = USUAL) -> list[Objection]:
    """Return what all rules say against a patch."""
    return [one for rule in RULES for one in rule(made, guards)]


def gates(made: Patch, guards: Guards = USUAL) -> list[str | None]:
    """Return the gates that a patch runs into."""
    return [one.gate for one in objections(made, guards)]


def test_a_small_fix_passes_every_rule():
    """One file, one line, one commit."""
    assert objections(patch("shop/prices.py", text=adding("price = 1"))) == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([FileChange("a.py", added=150, deleted=51)], "201 changed lines"),
        ([f"src/f{n}.py" for n in range(11)], "11 changed files"),
        ([f"d{n}/f.py" for n in range(6)], "6 folders"),
        ([FileChange("logo.png", binary=True)], "binary"),
    ],
)
def test_what_is_not_small_is_out_of_scope(files, said):
    """Each measure has its own sentence, with its limit."""
    found = objections(patch(*files))
    assert [one.gate for one in found] == ["scope"]
    assert said in found[0].reason


def test_tests_and_generated_files_do_not_count():
    """A fix with thorough tests stays small."""
    made = patch(
        FileChange("app.py", added=3),
        FileChange("tests/test_app.py", added=900),
        FileChange("web/app.min.js", added=4000),
        FileChange("schema_pb2.py", added=4000),
        FileChange("client/api.gen.ts", added=4000, generated=True),
        FileChange("models.gen.py", added=4000),
    )
    assert gates(made, Guards.model_validate({"generated": ["*.gen.py"]})) == []


def test_the_limits_are_the_teams():
    """What is small is theirs to say."""
    made = patch(FileChange("a.py", added=500))
    assert gates(made, Guards.model_validate({"max_lines": 500})) == []


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (("hotfix: 1", "hotfix: 2", "hotfix: 3", "hotfix: 4"), "4 commits"),
        (("fix #12", "fix #13"), "#12, #13"),
        (("fix SHOP-1", "fix PAY-2"), "PAY-2, SHOP-1"),
        (("feat(cart): vouchers",), "feat"),
        (("refactor: split the cart",), "refactor"),
    ],
)
def test_several_things_in_one_are_a_bundle(messages, said):
    """One hotfix, one fix."""
    found = objections(patch("a.py", messages=messages))
    assert [one.gate for one in found] == ["bundle"]
    assert said in found[0].reason


def test_standards_and_lookalikes_are_no_issues():
    """UTF-8 and SHA-256 in a message name no second issue."""
    assert gates(patch("a.py", messages=("fix #12: UTF-8 and SHA-256 per RFC-8785",))) == []


@pytest.mark.parametrize(
    ("path", "gate"),
    [
        ("shop/migrations/0007_total.py", "migrations"),
        ("db/migrate/20260101_add.rb", "migrations"),
        ("alembic/versions/ab12.py", "migrations"),
        ("prisma/schema.prisma", "migrations"),
        ("sql/V7__total.sql", "migrations"),
        ("requirements.txt", "dependencies"),
        ("web/package-lock.json", "dependencies"),
        ("go.mod", "dependencies"),
        (".gitmodules", "dependencies"),
        (".github/workflows/deploy.yml", "delivery-config"),
        ("Dockerfile", "delivery-config"),
        ("infra/main.tf", "delivery-config"),
        ("pitstop.toml", "delivery-config"),
        (".pitstop/hooks/pre-deploying", "delivery-config"),
    ],
)
def test_what_changes_more_than_code_is_a_gate(path, gate):
    """Schema, dependencies, and the way to production."""
    assert gates(patch(path)) == [gate]


@pytest.mark.parametrize(
    "path", ["shop/migrations/__init__.py", "docs/migrate.md", "immigration.py", "Dockerfiles.py"]
)
def test_names_that_only_sound_alike_pass(path):
    """A gate that cries wolf is overridden without a thought."""
    assert gates(patch(path)) == []


def test_a_file_that_is_moved_out_of_a_watched_place_is_seen():
    """A rename has two names."""
    assert gates(patch(FileChange("old.py", was="shop/migrations/0007_total.py"))) == ["migrations"]


def test_a_submodule_that_moves_brings_other_code():
    """Whatever is in it."""
    assert gates(patch(FileChange("third/lib", submodule=True))) == ["dependencies"]


def test_the_teams_own_patterns_add_to_the_known_ones():
    """Both count."""
    own = Guards.model_validate({"migrations": ["sql/changes/**"]})
    assert gates(patch("sql/changes/1.sql"), own) == ["migrations"]
    assert gates(patch("db/migrate/1.rb"), own) == ["migrations"]


@pytest.mark.parametrize(
    "line",
    [
        f"key = '{KEY}'",
        "password = 'hunter2hunter2'",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "url = 'postgres://shop:s3cr3t" + "pw@db/shop'",
        f"{'x' * 20_000} {KEY}",
        f"\x0c\u2028{KEY}\r",
    ],
)
def test_a_secret_cannot_be_overridden_and_is_not_repeated(line):
    """Its place is said, its value is not."""
    found = objections(patch("app.py", text=adding("x = 1", line)))
    assert found[0].gate is None
    assert "app.py:2" in found[0].reason
    assert KEY not in found[0].reason


@pytest.mark.parametrize(
    "line",
    [
        "password = os.environ['PASSWORD']",
        "sha = '3f786850e387550fdab836ed7e6dc881de23001b'",
        'token = "${TOKEN}"',
        '"forgotPassword": "Passwort vergessen?"',
        'PASSWORD_RESET_URL = "https://example.org/reset2"',
        'password_field = "password"',
        f"key = '{KEY}'  # pragma: allowlist secret",
    ],
)
def test_what_is_no_secret_passes(line):
    """A name, a hash, a template, and what somebody looked at and marked."""
    assert objections(patch("app.py", text=adding(line))) == []


def test_a_conflict_marker_cannot_be_overridden_and_a_heading_is_none():
    """A row of = under a title is fine as long as nothing else says conflict."""
    bad = adding("<<<<<<< HEAD", "a", "=======", "b", ">>>>>>> fix")
    assert objections(patch("app.py", text=bad))[0] == Objection(
        None, "app.py:1 has a conflict marker"
    )
    assert objections(patch("a.rst", text=adding("Title", "=======", file="a.rst"))) == []


def test_a_merge_and_an_empty_change_cannot_be_overridden():
    """A merge brings more than the fix."""
    merge = Patch((FileChange("a.py", added=1),), (Commit("a" * 40, "x", 2),), "")
    assert gates(merge) == [None]
    assert gates(Patch((), (), "")) == [None]


def test_what_is_too_large_to_be_read_is_not_shipped():
    """Not looked through is not clean."""
    made = patch(FileChange("a.py", added=2_000_000), text="")
    assert None in gates(made)
    assert None in gates(Patch((FileChange("a.py", added=1),), (), None))


def test_left_overs_ride_along():
    """Whoever commits all that lies there finds a log in production."""
    assert [one.gate for one in left_over(patch("app.py", "debug.log"))] == ["ride-along"]
    assert list(left_over(patch("app.py", "shop/catalog.py", "core/app.py"))) == []


def test_main_that_deploys_itself_takes_the_rest_along():
    """Where it does not, that is only said."""
    assert [one.gate for one in beyond(3, "main", True)] == ["ride-along"]
    assert list(beyond(3, "main", False)) == list(beyond(0, "main", True)) == []


def test_code_that_nothing_tries_cannot_be_overridden():
    """With a repro it can; text needs no test."""
    assert [one.gate for one in untested(patch("app.py"), False, False)] == [None]
    assert [one.gate for one in untested(patch("app.py"), False, True)] == ["untested"]
    assert list(untested(patch("app.py"), True, False)) == []
    assert list(untested(patch("README.md"), False, False)) == []


NAMES = st.lists(
    st.text(st.characters(exclude_characters="\0/"), min_size=1), min_size=1, max_size=4
)


@settings(max_examples=100, deadline=None)
@given(NAMES, st.text(st.characters(exclude_characters="\n")))
def test_no_name_and_no_text_breaks_a_rule(parts, line):
    """Whatever a file is called and holds."""
    path = "/".join(parts)
    for one in objections(patch(path, text=adding(line))):
        assert one.reason.isprintable()
    kinds.is_test(path)
    choice.affected([path], [path], [], {path: ["t.py"]})


def test_tests_are_chosen_by_name_by_import_and_by_the_teams_mapping():
    """And the change's own."""
    everything = [
        *("shop/prices.py", "tests/test_prices.py", "tests/test_cart.py", "tests/test_pay.py"),
        *("web/cart.ts", "web/cart.spec.ts", "tests/test_new.py", "tests/helper.py"),
    ]
    changed = ["shop/prices.py", "web/cart.ts", "tests/test_new.py", "tests/helper.py", "gone.py"]
    found = choice.affected(
        changed, everything, ["tests/test_cart.py", "app.py"], {"shop/**": ["tests/test_pay.py"]}
    )
    assert found == [
        *("tests/test_cart.py", "tests/test_new.py", "tests/test_pay.py", "tests/test_prices.py"),
        "web/cart.spec.ts",
    ]
    assert choice.stems(changed) == {"prices", "cart", "helper", "gone"}
    assert choice.sources(changed, everything) == ["shop/prices.py", "web/cart.ts"]
    assert choice.changed_tests(changed, everything) == ["tests/test_new.py"]


def test_a_package_is_imported_by_the_name_of_its_folder():
    """Not as ``__init__``."""
    assert choice.stems(["shop/__init__.py", "web/cart/index.ts"]) == {"shop", "cart"}
