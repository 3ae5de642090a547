"""Python: how its tests run, how its dependencies come, how its web frameworks start."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pitstop.cli.detect import signs
from pitstop.cli.detect.facts import Fact
from pitstop.cli.detect.tree import Tree, table

SOURCES = r".*\.py"
# What makes the environment, and what a command needs before it to run there.
_RUNNERS = {
    "uv.lock": ("uv sync --frozen", "uv run "),
    "poetry.lock": ("poetry install --no-interaction", "poetry run "),
    "pdm.lock": ("pdm sync", "pdm run "),
    "Pipfile.lock": ("pipenv sync --dev", "pipenv run "),
}
_REQUIREMENTS = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-test.txt",
    "requirements_dev.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
)
_TEST_FILE = r"(?:.*/)?(?:test_[^/]*|[^/]*_test)\.py"
_CONFIGURED = {
    "pytest.ini": r"^\[pytest\]",
    "pyproject.toml": r"^\[tool\.pytest",
    "tox.ini": r"^\[pytest\]|\bpytest\b",
    "setup.cfg": r"^\[tool:pytest\]",
}


def strength(tree: Tree) -> int:
    """Return 2 where pytest is named, 1 where there are tests that it could run, else 0."""
    return max((1 + sure for _, sure in _pytest(tree)), default=0)


def setup(tree: Tree) -> Iterator[Fact]:
    """Yield what makes a fresh worktree able to run Python's tests."""
    for lock, (command, _) in _RUNNERS.items():
        if tree.has(lock):
            yield Fact(command, lock)
            return
    named = [name for name in _REQUIREMENTS if tree.has(name)]
    if named:
        files = " ".join(f"-r {name}" for name in named)
        yield Fact(f"python3 -m pip install -q {files}", ", ".join(named))


def targeted(tree: Tree) -> Iterator[Fact]:
    """Yield what runs single test files."""
    for where, _ in _pytest(tree):
        yield Fact(f"{_python(tree)} -m pytest -q {{tests}}", where)
        return


def smoke(tree: Tree) -> Iterator[Fact]:
    """Yield what runs the tests that must always pass: a smoke suite if there is one, else all."""
    where = next((where for where, _ in _pytest(tree)), None)
    if not where:
        return
    pytest = f"{_python(tree)} -m pytest -q"
    for name in tree.matching(r"(?:tests?/)?smoke(?:_tests?)?/(?:.*/)?test_[^/]*\.py"):
        folder = name[: name.rindex("smoke")] + name[name.rindex("smoke") :].partition("/")[0]
        yield Fact(f"{pytest} {folder}", f"{folder}/")
        return
    for name in tree.matching(r"(?:tests?/)?test_smoke\.py"):
        yield Fact(f"{pytest} {name}", name)
        return
    for name in _CONFIGURED:
        marked = next(tree.lines(name, r"^\s*[\"']?smoke\b"), None)
        if marked and "markers" in tree.text(name):
            yield Fact(f"{pytest} -m smoke", f"{name}:{marked[0]}")
            return
    tests = next((f for f in ("tests", "test") if tree.matching(f"{f}/{_TEST_FILE}")), "")
    yield Fact(f"{pytest} {tests}".strip(), where, "all tests; a smaller suite would be quicker")


def start(tree: Tree) -> Iterator[Fact]:
    """Yield the usual start of the framework that is really seen, else of a plain script."""
    prefix = _inside(tree)
    manage = tree.first("manage.py")
    if manage and "django" in tree.text(manage):
        yield from _django(tree, prefix)
    made = r"^[A-Za-z_]+\s*(:[^=]*)?=\s*(FastAPI|Starlette|Quart|Flask)\("
    for name, number, text in signs.lines(tree, made, "py"):
        found = re.match(r"(\w+).*?(FastAPI|Starlette|Quart|Flask)\(", text)
        if found and not re.search(r"(^|/)(tests?|examples?|docs)/", name):
            yield Fact(*_serve(tree, prefix, _module(name), found), f"{name}:{number}")
    for name in ("app.py", "main.py", "server.py", "src/main.py"):
        if "__main__" in tree.text(name):
            yield Fact(f"{_python(tree)} {name}", tree.at(name, "__main__"), *_port(tree, name))


def _serve(tree: Tree, prefix: str, module: str, found: re.Match[str]) -> tuple[str]:
    name, kind = found[1], found[2]
    if _named(tree, "gunicorn") and kind == "Flask":
        return (f"{prefix}gunicorn --bind 0.0.0.0:$PORT {module}:{name}",)
    if kind == "Flask":
        return (f"{prefix}flask --app {module}:{name} run --port $PORT",)
    if _named(tree, "hypercorn"):
        return (f"{prefix}hypercorn --bind 0.0.0.0:$PORT {module}:{name}",)
    return (f"{prefix}uvicorn {module}:{name} --host 0.0.0.0 --port $PORT",)


def _django(tree: Tree, prefix: str) -> Iterator[Fact]:
    wsgi = next(iter(tree.matching(r"(?:[^/]+/){1,2}wsgi\.py")), None)
    if wsgi and _named(tree, "gunicorn"):
        yield Fact(f"{prefix}gunicorn --bind 0.0.0.0:$PORT {_module(wsgi)}", wsgi)
    note = "Django's own server is not made for production"
    yield Fact(f"{_python(tree)} manage.py runserver --noreload 0.0.0.0:$PORT", "manage.py", note)


def _port(tree: Tree, name: str) -> tuple[str, ...]:
    return () if "PORT" in tree.text(name) else (f"{name} does not seem to read PORT: let it",)


def _module(name: str) -> str:
    return name.removesuffix(".py").removeprefix("src/").removesuffix("/__init__").replace("/", ".")


def _inside(tree: Tree) -> str:
    """Return the words that run a command in the environment of the tool whose lock is there."""
    return next((run for lock, (_, run) in _RUNNERS.items() if tree.has(lock)), "")


def _python(tree: Tree) -> str:
    return f"{_inside(tree)}python" if _inside(tree) else "python3"


def _named(tree: Tree, package: str) -> bool:
    """Return whether a dependency is named anywhere that names dependencies."""
    places = (*_REQUIREMENTS, "pyproject.toml", "setup.cfg", "setup.py", "Pipfile", *_RUNNERS)
    sign = rf"(?i)(?:^|[\s\"'\[,=]){package}\b"
    return any(next(tree.lines(place, sign), None) for place in places)


def _pytest(tree: Tree) -> Iterator[tuple[str, bool]]:
    """Yield where pytest is seen, and whether it is named there."""
    for name, sign in _CONFIGURED.items():
        if next(tree.lines(name, sign), None):
            yield tree.at(name, sign), True
    if table(tree.toml("pyproject.toml"), "tool", "pytest"):
        yield tree.at("pyproject.toml", "pytest"), True
    for name in (*_REQUIREMENTS, "pyproject.toml", "Pipfile", "setup.py"):
        if next(tree.lines(name, r"^[^#]*\bpytest\b"), None):
            yield tree.at(name, r"^[^#]*\bpytest\b"), True
    for name in ("conftest.py", "tests/conftest.py", "test/conftest.py"):
        if tree.has(name):
            yield name, True
    tests = tree.matching(_TEST_FILE)
    if tests:
        yield tests[0], False
