"""Health routes: what a deployment asks for first, then what is registered, then mere mentions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pitstop.cli.detect import signs
from pitstop.cli.detect.facts import Fact
from pitstop.cli.detect.signs import ROUTE_WORDS as WORDS
from pitstop.cli.detect.tree import Tree

_ROUTE = rf"/?(?:(?:api|actuator|_)/(?:v[0-9]+/)?)?(?:{WORDS})/?"
_QUOTED = re.compile(rf"[\"'`]({_ROUTE})[\"'`]")
# What stands before a route where it is registered, in one framework or another.
_REGISTERS = re.compile(
    r"(?:\.(?:get|route|add_route|add_get|add_url_rule|add_api_route|all|use|Handle|HandleFunc|GET|Get|"
    r"MapGet|MapHealthChecks|HandlerFunc|Path|Methods)|@Get|@RequestMapping|@GetMapping|@Path|"
    r"\b(?:path|re_path|url|Route|Mount)|#\[get|^\s*get)\s*\(?\s*(?:\w+\s*=\s*)?[\"'`]|"
    r"\burl:\s*[\"'`]|\bhealth:\s*[\"'`]"
)
_ASKED = re.compile(
    rf"(?i)\b(?:health_?check_?path|path|http_path)[\"']?\s*[:=]\s*[\"']?({_ROUTE})[\"']?\s*[,}}]?\s*$"
)
_BARE = re.compile(r"(?:\b(?:path|re_path|url)|@Get|@Controller|^\s*get)\s*\(?\s*[\"'`]")
_ASIDE = re.compile(r"(?:^|/)(?:tests?|specs?|__tests__|examples?|docs?|e2e|scripts|benchmarks)/|"
                    r"(?:^|/)test_|[._](?:test|spec)\.|_test\.go$")  # fmt: skip
_COMMENT = re.compile(r"^\s*(?:#(?!\[)|//|\*|--)")


def health(tree: Tree) -> Iterator[Fact]:
    """Yield routes that tell whether the service is well, the most believable first."""
    found = [*_deployed(tree), *_in_files(tree), *_in_sources(tree)]
    for _, path, where in sorted(found):
        yield Fact(path, where)


Hit = tuple[tuple[int, int, int, int], str, str]  # how far from believable; path; where


def _in_sources(tree: Tree) -> Iterator[Hit]:
    for name, number, text in signs.lines(tree, _QUOTED.pattern, *signs.SOURCES):
        found = _QUOTED.search(text)
        if not found or _COMMENT.match(text):
            continue
        before = text[: found.start(1)]
        if not found[1].startswith("/") and not _BARE.search(before):
            continue  # a word like "up" or "status" alone says nothing
        registered = _REGISTERS.search(before)
        rank = 1 if registered and not _is_client(text) else 2
        yield _hit(rank, found[1], name, number)


def _deployed(tree: Tree) -> Iterator[Hit]:
    """Yield what probes of a deployment ask for: Kubernetes, Railway, Fly, Render, Kamal."""
    for name, number, text in signs.lines(tree, _ASKED.pattern, *signs.DEPLOYMENTS):
        found = _ASKED.search(text)
        if found and found[1].startswith("/"):
            yield _hit(0, found[1], name, number)


def _in_files(tree: Tree) -> Iterator[Hit]:
    """Yield the routes that files stand for, and the one that Spring's actuator brings."""
    pages = rf"(?:src/)?(?:pages|app)/(api/(?:{WORDS}))(?:/route|/index)?\.[jt]sx?"
    for name in tree.matching(pages):
        found = re.fullmatch(pages, name)
        if found:
            yield _hit(1, f"/{found[1]}", name, 0)
    for name in ("pom.xml", "build.gradle", "build.gradle.kts"):
        for number, _ in tree.lines(name, "spring-boot-starter-actuator"):
            yield _hit(1, "/actuator/health", name, number)


def _hit(rank: int, path: str, name: str, number: int) -> Hit:
    path = f"/{path.lstrip('/')}"
    liked = next(
        place
        for place, one in enumerate(WORDS.split("|"))
        if re.fullmatch(one, path.rstrip("/").rpartition("/")[2])
    )
    far = 10 * bool(_ASIDE.search(name))
    where = f"{name}:{number}" if number else name
    return (rank + far, path.count("/") - path.endswith("/"), liked, name.count("/")), path, where


def _is_client(text: str) -> bool:
    return bool(re.search(r"\b(?:fetch|axios|requests|httpx|client)\b|\bcurl\b", text))
