"""What is ready in the repository and on its remote, and what is not; nothing is changed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from pitstop.adapters.forges._git import NETWORK, Git, words
from pitstop.adapters.forges._history import NOBODY, History
from pitstop.adapters.forges._remote import Remote
from pitstop.adapters.forges._worktrees import half_done
from pitstop.domain.change import Finding
from pitstop.ports import CannotTell, Refused

_OLDEST = (2, 38)  # merge-tree --write-tree
_SIGNING = 20.0  # seconds; a passphrase that nobody can type would wait for ever


class Preflight:
    """Looks at everything a hotfix needs from git, before it is needed."""

    def __init__(self, git: Git, remote: Remote, main: str, worktrees: Path) -> None:
        self._git, self._remote, self._main, self._folder = git, remote, main, worktrees
        self._history = History(git)

    def findings(self) -> list[Finding]:
        """Return every finding; what cannot be asked without a repository is left out."""
        try:
            first = [self._version(), self._repository()]
            if any(one.status == "failed" for one in first):
                return first
            return first + [one for look in self._looks() if (one := look())]
        except (Refused, CannotTell) as broken:
            remedy = f"Look at it: git -C {self._git.folder} status"
            return [Finding("repository", "failed", str(broken), remedy)]

    def identity(self) -> str:
        """Return ``Name <mail>``. Raises Refused when git does not know who this is."""
        done = self._git.run("var", "GIT_COMMITTER_IDENT")
        found = re.match(r"(.+ <[^<>@\s]+@[^<>\s]+>) \d+ [+-]\d+$", done.text)
        if done.exit_code != 0 or not found:
            raise Refused(
                "git does not know who you are. Say it: git config --global user.name NAME, "
                "git config --global user.email ADDRESS"
            )
        return found[1]

    def _looks(self) -> list[Callable[[], Finding | None]]:
        return [
            self._answers,
            self._claims,
            self._who,
            self._signing,
            self._shallow,
            self._writable,
            self._checkout,
            self._submodules,
            self._lfs,
        ]

    def _version(self) -> Finding:
        said = self._git.at(Path("/")).ask("version")
        number = re.search(r"(\d+)\.(\d+)", said)
        if number and (int(number[1]), int(number[2])) >= _OLDEST:
            return Finding("git", "ok", said)
        return Finding("git", "failed", f"{said} is too old.", "Install git 2.38 or newer.")

    def _repository(self) -> Finding:
        done = self._git.run("rev-parse", "--is-bare-repository")
        if done.exit_code != 0:
            said = f"{self._git.folder} is not a usable git repository: {words(done)}."
            return Finding(
                "repository", "failed", said, "Run pitstop inside a clone, or give -C DIR."
            )
        if done.text == "true":
            said = f"{self._git.folder} is a bare repository."
            return Finding(
                "repository", "failed", said, "Run pitstop inside a clone: git clone URL"
            )
        return Finding("repository", "ok", str(self._git.folder))

    def _answers(self) -> Finding:
        name, ref = self._remote.name, f"refs/heads/{self._main}"
        try:
            found = self._remote.at(ref)
        except (Refused, CannotTell) as silent:
            return Finding("remote", "failed", str(silent), f"Try it: git ls-remote {name}")
        if found:
            return Finding("remote", "ok", f"{name} answers; {self._main} is at {found[:12]}")
        remedy = f"Push it, or set [service] main: git push {name} {self._main}"
        return Finding("main", "failed", f"{name} has no branch {self._main}.", remedy)

    def _claims(self) -> Finding | None:
        """Try a ref of our own without pushing it; the server's rules are not run by that."""
        head = self._history.find("HEAD")
        if not head:
            return None
        ref = "refs/pitstop/doctor"
        args = ("push", "--dry-run", "--porcelain", "--no-verify", "--no-follow-tags", "--")
        spec = f"{head}:{ref}"
        done = self._git.run(
            *args, self._remote.name, spec, env=self._git.quiet_ssh, within=NETWORK
        )
        if done.exit_code == 0:
            said = "a dry run took refs/pitstop; the server's own rules are only seen at the first claim"
            return Finding("claims", "ok", said)
        return Finding(
            "claims",
            "warning",
            f"{self._remote.name} does not take refs/pitstop: {words(done)}.",
            "Claims fall back to branches called pitstop-lock/SERVICE.",
        )

    def _who(self) -> Finding:
        try:
            return Finding("identity", "ok", self.identity())
        except Refused as nobody:
            said, _, remedy = str(nobody).partition(". ")
            return Finding("identity", "failed", f"{said}.", remedy)

    def _signing(self) -> Finding | None:
        commits, tags = self._on("commit.gpgSign"), self._on("tag.gpgSign")
        if not (commits or tags):
            return None
        tree = self._history.empty_tree()
        args = ("commit-tree", "-S", "-m", "pitstop tries to sign", tree)
        done = self._git.run(*args, env=NOBODY | self._signer(), within=_SIGNING)
        if done.exit_code == 0:
            return Finding("signing", "ok", "a throw-away commit could be signed")
        remedy = (
            "Unlock or set the key (user.signingKey), or switch signing off for this repository."
        )
        status = "failed" if commits else "warning"
        return Finding("signing", status, f"Signing does not work: {words(done)}.", remedy)

    def _signer(self) -> dict[str, str]:
        """Return the user as committer: without a key of its own, gpg looks for that address."""
        name, _, mail = self.identity().partition(" <")
        return {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": mail.rstrip(">")}

    def _on(self, name: str) -> bool:
        return self._git.run("config", "--type=bool", "--get", name).text == "true"

    def _shallow(self) -> Finding:
        if self._git.ask("rev-parse", "--is-shallow-repository") == "true":
            said = "The clone is shallow; its history is fetched when a hotfix starts, which takes time."
            remedy = f"Fetch it now: git fetch --unshallow {self._remote.name}"
            return Finding("history", "warning", said, remedy)
        return Finding("history", "ok", "the clone is whole")

    def _writable(self) -> Finding:
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return Finding("worktrees", "ok", str(self._folder))
        said = f"{self._folder} cannot be made: {folder} is not a folder that you may write to."
        return Finding("worktrees", "failed", said, f"Make it: mkdir -p {self._folder}")

    def _checkout(self) -> Finding | None:
        what = half_done(self._git)
        if not what:
            return None
        said = (
            f"A {what} is not finished in {self._git.folder}; hotfixes have worktrees of their own."
        )
        return Finding("checkout", "ok", said)

    def _submodules(self) -> Finding | None:
        if not self._history.find("HEAD"):
            return None
        entries = self._git.listed("ls-tree", "-r", "-z", "--full-tree", "HEAD")
        if not any(entry.startswith("160000") for entry in entries):
            return None
        said = "The repository has submodules; pitstop ships only what a commit itself holds."
        return Finding("submodules", "warning", said, "Build releases without submodules.")

    def _lfs(self) -> Finding | None:
        done = self._git.run("grep", "-q", "filter=lfs", "HEAD", "--", ":(glob)**/.gitattributes")
        if done.exit_code != 0 or self._git.setting("filter.lfs.smudge"):
            return None
        said = "The repository uses Git LFS, which is not set up here: its files would be pointers."
        return Finding("lfs", "warning", said, "Install git-lfs, then: git lfs install")
