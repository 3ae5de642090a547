"""What else the repository says about itself: where it is deployed, its branch, its remote."""

from __future__ import annotations

from collections.abc import Iterator

from pitstop.cli.detect.facts import Fact
from pitstop.cli.detect.tree import Tree

_SIGNS = {
    "Railway": r"railway\.(toml|json)|nixpacks\.toml",
    "Kubernetes": r"(.*/)?(kustomization\.ya?ml|Chart\.yaml)|(k8s|kubernetes|manifests)/.*\.ya?ml",
    "Fly": r"fly\.toml",
    "Heroku": r"app\.json|heroku\.yml",
    "Kamal": r"config/deploy\.yml",
    "Render": r"render\.yaml",
    "Vercel": r"vercel\.json",
    "App Engine": r"app\.yaml",
    "Capistrano": r"Capfile",
}


def services(tree: Tree) -> Iterator[Fact]:
    """Yield the services whose files are seen."""
    for name, pattern in _SIGNS.items():
        found = tree.matching(pattern)
        if found:
            yield Fact(name, found[0])


def remote(tree: Tree) -> Fact:
    """Return the remote that everybody shares."""
    remotes = (tree.git("remote") or "").split()
    if not remotes:
        return Fact("origin", note="there is no remote yet: git remote add origin URL")
    return Fact("origin" if "origin" in remotes else remotes[0], "git remote")


def main(tree: Tree, remote: str) -> Fact:
    """Return the branch that is normally deployed."""
    head = tree.git("symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD")
    if head:
        return Fact(head.strip().removeprefix(f"{remote}/"), f"the remote's HEAD, {head.strip()}")
    listed = tree.git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes")
    known = {name.removeprefix(f"{remote}/") for name in (listed or "").split()}
    usual = next((name for name in ("main", "master", "production") if name in known), None)
    if usual:
        return Fact(usual, "git branch")
    here = (tree.git("symbolic-ref", "--quiet", "--short", "HEAD") or "").strip()
    return Fact(here, "git branch, where you are") if here else Fact("main")
