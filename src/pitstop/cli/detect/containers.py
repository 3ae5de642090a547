"""Procfile, Dockerfile and compose files: what starts the service, and where it listens."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

from pitstop.cli.detect.facts import Fact
from pitstop.cli.detect.tree import Tree, table

COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_WEB = ("web", "app", "api", "server", "backend")  # what the service itself is usually called
_BACKING = r"postgres|mysql|mariadb|redis|mongo|rabbit|kafka|elastic|memcache|nginx|traefik|caddy"


def procfile(tree: Tree) -> Iterator[Fact]:
    """Yield the command of the Procfile's web process."""
    for number, web in tree.lines("Procfile", r"^web:\s*(\S.*)$"):
        yield _fact(web[1].strip(), "", f"Procfile:{number}")


def release_phase(tree: Tree) -> str | None:
    """Say that the Procfile has a command that runs before each release: pitstop has none."""
    number = next((number for number, _ in tree.lines("Procfile", r"^release:\s*\S")), None)
    if not number:
        return None
    return (
        f"Procfile:{number} names a release command; on this machine nothing runs before a release "
        "but platform.build. A migration stays yours to run."
    )


def dockerfile(tree: Tree) -> Iterator[Fact]:
    """Yield the Dockerfile's command: that of the last stage, which is shipped."""
    file = _dockerfile(tree)
    lines = _joined(tree.text(file)).splitlines() if file else []
    said = {
        word: [m[1] for line in lines if (m := re.match(rf"\s*{word}\s+(\S.*)", line))]
        for word in ("ENTRYPOINT", "CMD", "EXPOSE")
    }
    if not (file and said["CMD"]):
        return
    words = [_exec_form(each) for each in (*said["ENTRYPOINT"][-1:], said["CMD"][-1])]
    command = " ".join(word for word in words if word)
    port = re.match(r"\d+", said["EXPOSE"][-1]) if said["EXPOSE"] else None
    if command:
        yield _fact(command, port[0] if port else "", tree.at(file, r"^\s*CMD\b"))


def compose(tree: Tree) -> Iterator[Fact]:
    """Yield the command of the compose file's service; it is often made for development."""
    for name, service in services(tree):
        command = _words(service.get("command"))
        if command and _is_ours(name, service):
            port = next((inner for _, inner in _ports(service)), "")
            where = tree.at(_compose(tree), r"^\s*command:")
            yield _fact(command, port, f"{where}, {name}")


def listen(tree: Tree) -> Iterator[Fact]:
    """Yield the address at which the compose file publishes the service."""
    for name, service in services(tree):
        if not _is_ours(name, service):
            continue
        for outer, _ in _ports(service):
            if 1024 <= int(outer) < 65536:
                where = tree.at(_compose(tree), rf"\b{outer}\b")
                yield Fact(f"127.0.0.1:{outer}", f"{where}, {name}")


def health(tree: Tree) -> Iterator[Fact]:
    """Yield the paths that the containers' own health checks ask for."""
    file, sign = _dockerfile(tree), r"^\s*HEALTHCHECK\b"
    for line in _joined(tree.text(file)).splitlines() if file else []:
        if re.match(sign, line) and (path := _path(line)):
            yield Fact(path, tree.at(file, sign) if file else "")
    for name, service in services(tree):
        asked = _words(table(service, "healthcheck").get("test"))
        if _is_ours(name, service) and (path := _path(asked)):
            yield Fact(path, f"{tree.at(_compose(tree), re.escape(path))}, {name}.healthcheck")


def services(tree: Tree) -> list[tuple[str, dict[str, Any]]]:
    """Return the compose file's services, the one that users are served by first."""
    file = _compose(tree)
    found = table(tree.yaml(file), "services") if file else {}
    tables = [(str(name), one) for name, one in found.items() if isinstance(one, dict)]
    return sorted(tables, key=lambda pair: (pair[0] not in _WEB, "build" not in pair[1]))


def _compose(tree: Tree) -> str:
    return tree.first(*COMPOSE) or ""


def _dockerfile(tree: Tree) -> str | None:
    return tree.first("Dockerfile", "Containerfile", "docker/Dockerfile")


def _is_ours(name: str, service: dict[str, Any]) -> bool:
    image = str(service.get("image", ""))
    return "build" in service or not re.search(_BACKING, f"{name} {image}")


def _fact(command: str, port: str, where: str) -> Fact:
    """Return a command that listens on $PORT where it named its port itself."""
    changed = _on_port(command, port)
    if changed != command:
        return Fact(changed, where, f"there it listens on {port}")
    note = "" if "PORT" in command else "it does not name $PORT: see that it listens there"
    return Fact(command, where, note)


def _on_port(command: str, port: str) -> str:
    command = command.replace("${PORT}", "$PORT")
    return re.sub(rf"(?<![\w.]){port}(?![\w.])", "$PORT", command) if port else command


def _exec_form(said: str) -> str:
    """Return a Dockerfile's command as a shell would take it."""
    if not said.startswith("["):
        return said.strip()
    try:
        words = json.loads(said)
    except (ValueError, RecursionError):
        return ""
    return _words(words)


def _words(said: object) -> str:
    """Return a command that stands as a text or as a list of words."""
    if isinstance(said, str):
        return " ".join(said.split())
    if not isinstance(said, list):
        return ""
    words = [word for word in said if isinstance(word, str)]
    if words[:1] in (["CMD"], ["CMD-SHELL"]):
        words = words[1:]
    if words[:2] in (["sh", "-c"], ["/bin/sh", "-c"], ["bash", "-c"]) and len(words) == 3:
        return words[2]
    return " ".join(w if re.fullmatch(r"[\w$./:=@%+,{}-]+", w) else shlex.quote(w) for w in words)


def _path(command: str) -> str:
    """Return the path of the address that a health check asks for."""
    found = re.search(r"https?://[^/\s\"']+(/[\w./-]*)", command)
    return found[1] if found and len(found[1]) > 1 else ""


def _ports(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the published and the inner port of a compose service, as they are written."""
    listed = service.get("ports")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict):
            outer, inner = str(one.get("published", "")), str(one.get("target", ""))
        else:
            text = re.sub(r"\$\{\w+:-(\d+)\}", r"\1", str(one)).partition("/")[0]
            *_, outer, inner = ["", "", *text.split(":")]
        if outer.isdecimal() and inner.isdecimal() and len(outer) < 6:
            yield outer, inner


def _joined(text: str) -> str:
    """Return a Dockerfile with its continued lines put together."""
    return re.sub(r"\\[ \t\r]*\n", " ", text)
