"""Node: which package manager, which test runner, how it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pitstop.cli.detect.facts import Fact
from pitstop.cli.detect.tree import Tree, table, word

SOURCES = r".*\.[cm]?[jt]sx?"
FILE = "package.json"
_LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
_INSTALL = {
    "npm": "npm ci",
    "pnpm": "pnpm install --frozen-lockfile",
    "yarn": "yarn install --frozen-lockfile",
    "bun": "bun install --frozen-lockfile",
}
_EXEC = {"npm": "npx", "pnpm": "pnpm exec", "yarn": "yarn", "bun": "bunx"}
_TARGETED = {
    "react-scripts": "react-scripts test --watchAll=false --findRelatedTests {files}",
    "vitest": "vitest related --run {files}",
    "jest": "jest --findRelatedTests {files}",
    "mocha": "mocha {tests}",
    "ava": "ava {tests}",
    "playwright": "playwright test {tests}",
}
_ALL = {"react-scripts": "react-scripts test --watchAll=false", "vitest": "vitest run"}
_PLACEHOLDER = "no test specified"


def strength(tree: Tree) -> int:
    """Return 2 where a test runner is named, 1 where there is a test script, else 0."""
    return 2 if _runner(tree) else int(bool(_script(tree, "test")))


def setup(tree: Tree) -> Iterator[Fact]:
    """Yield what installs the dependencies, exactly as the lock file says."""
    if not tree.has(FILE):
        return
    manager, where = _manager(tree)
    if where == FILE:
        yield Fact(f"{manager} install", where, "there is no lock file: what is installed may vary")
    elif manager == "yarn" and tree.has(".yarnrc.yml"):
        yield Fact("yarn install --immutable", f"{where} and .yarnrc.yml")
    else:
        yield Fact(_INSTALL[manager], where)


def targeted(tree: Tree) -> Iterator[Fact]:
    """Yield the runner's own way to run the tests that belong to changed files."""
    found = _runner(tree)
    if found and found[0] == "node --test":
        yield Fact("node --test {tests}", found[1])
    elif found:
        yield Fact(f"{_EXEC[_manager(tree)[0]]} {_TARGETED[found[0]]}", found[1])


def smoke(tree: Tree) -> Iterator[Fact]:
    """Yield the script that runs a smoke suite, else the one that runs all tests."""
    manager = _manager(tree)[0]
    for name in ("test:smoke", "smoke", "smoke-test", "test:e2e:smoke"):
        if _script(tree, name):
            yield Fact(f"{manager} run {name}", _at(tree, name))
            return
    found = _runner(tree)
    if _script(tree, "test"):
        run = f"{manager} run test" if manager == "bun" else f"{manager} test"
        yield Fact(run, _at(tree, "test"), "all tests; a smaller suite would be quicker")
    elif found and found[0] == "node --test":
        yield Fact("node --test", found[1])
    elif found:
        yield Fact(f"{_EXEC[manager]} {_ALL.get(found[0], found[0])}", found[1])


def start(tree: Tree) -> Iterator[Fact]:
    """Yield the start script, else the file that is named as the entrance."""
    script = _script(tree, "start")
    if script:
        manager = _manager(tree)[0]
        run = f"{manager} start" if manager != "bun" else "bun run start"
        if re.match(r"next start\b", script) and "$PORT" not in script:
            run = f"{_EXEC[manager]} next start --port $PORT"
        yield Fact(run, _at(tree, "start"), *_port(script))
    main = word(tree.json(FILE), "main")
    for name in (main, "server.js", "app.js", "index.js", "src/index.js", "src/server.js"):
        if name and re.search(r"\blisten\(", tree.text(name)):
            note = () if "PORT" in tree.text(name) else (f"{name} does not seem to read PORT",)
            yield Fact(f"node {name}", tree.at(name, r"\blisten\("), *note)


def build(tree: Tree) -> Iterator[Fact]:
    """Yield the build script: a fresh checkout has neither dependencies nor what is compiled."""
    if not tree.has(FILE):
        return
    install = next(setup(tree)).value
    if _script(tree, "build"):
        run = f"{_manager(tree)[0]} run build"
        yield Fact(f"{install} && {run}", _at(tree, "build"))
    elif table(tree.json(FILE), "dependencies"):
        yield Fact(install, tree.at(FILE, r'"dependencies"'))


def _port(script: str) -> tuple[str, ...]:
    fixed = re.search(r"(?:--port|-p)[ =](\d+)", script)
    return (f"it listens on {fixed[1]}: make it $PORT",) if fixed else ()


def _script(tree: Tree, name: str) -> str:
    script = word(tree.json(FILE), "scripts", name)
    return "" if _PLACEHOLDER in script else script


def _at(tree: Tree, script: str) -> str:
    where = tree.at(FILE, rf'"{re.escape(script)}"\s*:')
    return f"{where}, scripts.{script}"


def _manager(tree: Tree) -> tuple[str, str]:
    """Return the package manager, and the file that says so."""
    named = re.match(r"(npm|pnpm|yarn|bun)@", word(tree.json(FILE), "packageManager"))
    locks = {manager: lock for lock, manager in reversed(_LOCKS.items()) if tree.has(lock)}
    if named:
        return named[1], locks.get(named[1], FILE)
    for lock, manager in _LOCKS.items():
        if tree.has(lock):
            return manager, lock
    return "npm", FILE


def _runner(tree: Tree) -> tuple[str, str] | None:
    """Return the test runner and where it is named: in the script first, then in what is installed."""
    script = word(tree.json(FILE), "scripts", "test")
    if re.search(r"\bnode\b[^&|;]*\s--test\b", script):
        return "node --test", _at(tree, "test")
    for name in _TARGETED:
        if re.search(rf"(?<![\w@/-]){name}\b", script):
            return name, _at(tree, "test")
    for name in _TARGETED:
        for section in ("devDependencies", "dependencies"):
            if name in table(tree.json(FILE), section) and name != "playwright":
                where = tree.at(FILE, rf'"{name}"\s*:')
                return name, f"{where}, {section}.{name}"
    for name in ("vitest", "jest"):
        configured = tree.matching(rf"{name}\.config\.[cm]?[jt]s(on)?")
        if configured:
            return name, configured[0]
    return ("jest", tree.at(FILE, '"jest"')) if "jest" in tree.json(FILE) else None
