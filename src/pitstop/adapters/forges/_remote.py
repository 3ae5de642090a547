"""The remote: what it has, what we bring from it, and what we ask it to take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pitstop.adapters._run import Completed
from pitstop.adapters.forges._git import NETWORK, Git, words
from pitstop.ports import CannotTell, Refused


@dataclass(frozen=True)
class Pushed:
    """What a push reported; what became of the refs is only known by reading them again."""

    exit_code: int
    said: str
    created: frozenset[str]
    refused: frozenset[str]


class Remote:
    """One named remote of a repository."""

    def __init__(self, git: Git, name: str, *, within: float = NETWORK) -> None:
        self.git, self.name = git, name
        self._within = within

    def refs(self, *wanted: str) -> dict[str, str]:
        """Return what the remote has of these full names (``*`` at an end matches any)."""
        done = self.git.run(
            "ls-remote",
            "--quiet",
            "--",
            self.name,
            *wanted,
            env=self.git.quiet_ssh,
            within=self._within,
        )
        if done.exit_code != 0:
            raise self.silence(done)
        pairs = [line.split("\t", 1) for line in done.text.splitlines() if "\t" in line]
        stems = tuple(name[:-1] for name in wanted if name.endswith("*"))
        return {
            name: sha for sha, name in pairs if name in wanted or (stems and name.startswith(stems))
        }

    def at(self, ref: str) -> str | None:
        """Return the commit or object that a ref of the remote names."""
        return self.refs(ref).get(ref)

    def fetch(
        self, *refspecs: str, options: tuple[str, ...] = (), within: float | None = None
    ) -> None:
        """Bring objects and refs. Raises CannotTell; another fetch at the same time is waited out."""
        args = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        for _ in range(3):
            done = self.git.run(
                *args,
                *options,
                "--",
                self.name,
                *refspecs,
                env=self.git.quiet_ssh,
                within=within or self._within,
            )
            if done.exit_code == 0:
                return
            if b"lock" not in done.err:
                break
        raise self.silence(done)

    def push(
        self, *refspecs: str, leases: Mapping[str, str] | None = None, atomic: bool = False
    ) -> Pushed:
        """Offer exactly these refs; a lease of ``""`` says that the ref must not exist."""
        done = self.git.run(
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--recurse-submodules=no",
            "--atomic" if atomic else "--no-atomic",
            *(f"--force-with-lease={ref}:{sha}" for ref, sha in (leases or {}).items()),
            "--",
            self.name,
            *refspecs,
            env=self.git.quiet_ssh,
            within=self._within,
        )
        return Pushed(done.exit_code, words(done), _marked(done, "*"), _marked(done, "!"))

    def silence(self, done: Completed) -> Refused | CannotTell:
        """Return why there is no answer, as an exception to raise."""
        if not self.git.true("rev-parse", "--git-dir"):
            return Refused(f"{self.git.folder} is not a git repository.")
        if not self.git.setting(f"remote.{self.name}.url"):
            return Refused(
                f"The repository has no remote called {self.name}. Add it: "
                f"git remote add {self.name} URL"
            )
        return CannotTell(f"The remote {self.name} did not answer: {words(done).rstrip('.')}.")


def _marked(done: Completed, mark: str) -> frozenset[str]:
    """Return the refs that ``push --porcelain`` reports with this mark."""
    lines = [line.split("\t") for line in done.text.splitlines()]
    return frozenset(
        line[1].rpartition(":")[2] for line in lines if line[0] == mark and len(line) > 1
    )
