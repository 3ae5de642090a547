"""git itself: one careful call at a time, and its no in words."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from pitstop.adapters._run import Completed, Runner
from pitstop.ports import CannotTell, Refused

NETWORK = 60.0  # seconds for anything that asks the remote
HISTORY = 600.0  # seconds for bringing a whole history, and for the team's own hooks
_LOCAL = 60.0
_SAID = 600  # characters of git's words in one sentence

# Where git should work and on what: said by us with each call, never by whoever started us.
_INHERITED = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_ATTR_SOURCE",
)
_CALM = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_MERGE_AUTOEDIT": "no",
    "GIT_NO_REPLACE_OBJECTS": "1",  # an id names its own content
}
_SETTINGS = (
    "color.ui=false",
    "core.quotePath=false",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "user.useConfigOnly=true",  # an identity made up from the host's name is nobody
)
_LOCK = re.compile(r"Unable to create '([^']+\.lock)': File exists")


class Git:
    """git in one folder."""

    def __init__(self, folder: Path, runner: Runner) -> None:
        self.folder, self.runner = folder, runner

    def at(self, folder: Path) -> Git:
        """Return git in another folder."""
        return Git(folder, self.runner)

    def run(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        give: bytes = b"",
        within: float = _LOCAL,
    ) -> Completed:
        """Run git to its end; a lock that a killed git left in the way is removed once."""
        done = self._once(args, env, give, within)
        if done.exit_code != 0 and self._unlock(done.said):
            done = self._once(args, env, give, within)
        return done

    def ask(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        give: bytes = b"",
        within: float = _LOCAL,
    ) -> str:
        """Return what git prints. Raises Refused with its words."""
        done = self.run(*args, env=env, give=give, within=within)
        if done.timed_out:
            raise CannotTell(f"git {args[0]} did not come to an end within {within:.0f} s.")
        if done.exit_code != 0:
            raise Refused(f"git {args[0]} said no: {words(done)}")
        return done.text

    def listed(self, *args: str) -> list[str]:
        """Return git's answer to a question asked with ``-z``, part by part."""
        done = self.run(*args)
        if done.exit_code != 0:
            raise Refused(f"git {args[0]} said no: {words(done)}")
        return [part.decode(errors="replace") for part in done.out.split(b"\0") if part]

    def true(self, *args: str) -> bool:
        """Return whether git answers yes (exit code 0)."""
        return self.run(*args).exit_code == 0

    def setting(self, name: str) -> str:
        """Return the user's setting, empty if there is none."""
        return self.run("config", "--get", name).text

    @cached_property
    def common(self) -> Path:
        """Return the folder that all worktrees of the repository share."""
        return Path(self.ask("rev-parse", "--path-format=absolute", "--git-common-dir"))

    @cached_property
    def quiet_ssh(self) -> dict[str, str]:
        """Return what keeps ssh from asking a terminal, unless the user chose an ssh."""
        own = "GIT_SSH_COMMAND" in os.environ or "GIT_SSH" in os.environ
        if own or self.setting("core.sshCommand"):
            return {}
        return {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}

    def _once(
        self, args: tuple[str, ...], env: Mapping[str, str] | None, give: bytes, within: float
    ) -> Completed:
        given = env or {}
        dropped = [name for name in _INHERITED if name in os.environ and name not in given]
        argv = ["env", *(f"-u{name}" for name in dropped)] if dropped else []
        argv += ["git", "-C", str(self.folder), "--no-pager"]
        argv += [part for setting in _SETTINGS for part in ("-c", setting)]
        try:
            return self.runner.run([*argv, *args], env={**_CALM, **given}, give=give, within=within)
        except OSError as error:
            raise Refused(f"git cannot be started: {error}. Install git 2.38 or newer.") from error
        except ValueError as error:  # a NUL in an argument
            raise Refused(f"git cannot be asked that: {error}.") from error

    def _unlock(self, said: str) -> bool:
        """Remove the lock that git stumbled over, if nobody who could hold it is alive."""
        found = _LOCK.search(said)
        if not found:
            return False
        lock = Path(found[1])
        common = Path(self._once(_COMMON, None, b"", _LOCAL).text)
        if not lock.resolve().is_relative_to(common.resolve()):
            return False
        for _ in range(30):
            if not lock.exists():
                return True
            if time.time() - lock.stat().st_mtime > 1.0 and not self._others():
                lock.unlink(missing_ok=True)
                return True
            time.sleep(0.1)
        return False

    def _others(self) -> bool:
        """Return whether another git is at work in one of this repository's folders."""
        import psutil  # seldom needed

        listed = self._once(("worktree", "list", "--porcelain", "-z"), None, b"", _LOCAL).text
        parts = [part[9:] for part in listed.split("\0") if part.startswith("worktree ")]
        folders = [Path(part).resolve() for part in parts]
        for process in psutil.process_iter():
            try:
                if not process.name().startswith("git"):
                    continue
                here = Path(process.cwd())
            except psutil.Error:
                continue
            if any(here.is_relative_to(folder) for folder in folders):
                return True
        return False


_COMMON = ("rev-parse", "--path-format=absolute", "--git-common-dir")


def words(done: Completed) -> str:
    """Return what git, or the remote through it, said: one line, nothing secret, nothing odd."""
    if done.timed_out:
        return f"it did not come to an end within {done.seconds:.0f} s"
    text = "\n".join(filter(None, (done.err.decode(errors="replace"), _rejected(done.text))))
    remote = [line[7:] for line in text.splitlines() if line.startswith("remote:")]
    spoken = [line for line in remote if line.strip()] or text.splitlines()
    line = " ".join(" ".join(spoken).split())
    line = re.sub(r"://[^/@\s]+@", "://", line)  # a token in an address
    line = "".join(c for c in line if c.isprintable())
    return line[:_SAID] or f"exit code {done.exit_code}"


def _rejected(text: str) -> str:
    """Return the reasons in the lines of ``push --porcelain``."""
    lines = [line.split("\t") for line in text.splitlines() if line.startswith("!\t")]
    return "\n".join(f"{line[1].rpartition(':')[2]} {line[-1]}" for line in lines)
