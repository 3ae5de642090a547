"""Ships many hotfixes with random trouble, and checks what can be seen from outside.

    python tests/durability/outside.py --runs 50 --seed 7

It knows pitstop only by its contract: commands, exit codes and ``--json``; git, HTTP and signals do the
rest. It never imports pitstop. Prints a JSON summary; exits 1 if anything that must always hold did not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from floor import ANSWERS, GRACE, SICK, WELL, Client, Floor, Said, until

CODES = {"fixed": 0, "rolled_back": 3, "declined": 4, "failed": 1, "errored": 1, "aborted": 1}
SILENT_FOR = 7.0  # a process that was stopped is known to hang after this long
BY_NATURE = ("kill process", "kill client", "kill both", "stop process", "hang up client")
BY_PERSON = ("abort", "rollback", "reject")
LONGEST = 5.0  # seconds after which the last trouble comes; a ship takes about that long


@dataclass
class Plan:
    """What is to happen in one run."""

    good: bool
    troubles: list[tuple[float, str]]
    rejected: bool = False

    def __str__(self) -> str:
        said = [f"{what} at {at:.2f} s" for at, what in self.troubles]
        said += ["rejected"] if self.rejected else []
        return f"{'good' if self.good else 'bad'}: {', '.join(said) or 'no trouble'}"

    @property
    def decided_by_person(self) -> bool:
        return self.rejected or any(what in BY_PERSON for _, what in self.troubles)


@dataclass
class Seen:
    """What the world is like around one run."""

    main: str
    refs: dict[str, str]
    version: str


@dataclass
class Run:
    """One hotfix, from its start to its end."""

    floor: Floor
    plan: Plan
    version: str
    before: Seen
    id: str = ""
    found: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    stopped_at: float | None = None

    # -- acting ------------------------------------------------------------------------------

    def go(self) -> dict[str, Any]:
        """Go from start to end; return the last status."""
        words = ("--impact", "some", "--symptom", "critical-bug", "--json")
        said = self.floor.pitstop("start", f"Outside {self.version}", *words)
        if said.code:
            raise AssertionError(f"start: {said}")
        self.found = said.json
        self.id = self.found["id"]
        text = ANSWERS.format(version=self.version, status=WELL if self.plan.good else SICK)
        (Path(self.found["worktree"]) / "answers.py").write_text(text)
        client = self.ship()
        self.trouble(client)
        said = self.bring_to_an_end(client)
        state = self.status()
        wanted = CODES.get(state["outcome"] or "")
        self.must(said.code == wanted, f"exit code {said.code} for {state['outcome']}: {said.err}")
        return state

    def revert(self, state: dict[str, Any]) -> None:
        """Do what is owed after a rollback in the watch: the next fix meets main as it was."""
        if state["outcome"] != "rolled_back" or not state["merged"]["main"]:
            return
        floor, name = self.floor, f"revert/{self.id}"
        revert = look(floor).refs.get(f"refs/heads/{name}")
        if not revert:
            self.must(False, "the revert was not prepared")
            return
        trees = {floor.git("rev-parse", f"{one}^{{tree}}", folder=floor.remote)
                 for one in (revert, self.before.main)}  # fmt: skip
        self.must(len(trees) == 1, "the revert does not bring main back")
        floor.git("branch", "-f", "main", revert, folder=floor.remote)

    def ship(self) -> Client:
        words = ("ship", self.id, "--fix", f"version {self.version}", "--yes")
        return self.floor.client(*words, stdout=-3, stderr=-3)

    def trouble(self, client: Client) -> None:
        """Answer what is asked, and do the planned harm at its moments."""
        began, left = time.monotonic(), list(self.plan.troubles)
        while left or (client.running() and time.monotonic() - began < LONGEST * 2):
            if left and time.monotonic() - began >= left[0][0]:
                self.harm(left.pop(0)[1], client)
            self.answer()
            if self.stopped_at and not left:
                break
            if not client.running() and self.status()["closed_at"]:
                break
            time.sleep(0.05)

    def answer(self) -> None:
        if self.status()["waiting_for"] != "approval":
            return
        more = ("--reason", "no") if self.plan.rejected else ()
        word = "reject" if self.plan.rejected else "approve"
        self.floor.pitstop(word, self.id, "--as", GRACE, *more)

    def harm(self, what: str, client: Client) -> None:
        process = self.status()["process"]
        if what in ("kill client", "kill both"):
            send(client.pid if client.running() else None, signal.SIGKILL)
        if what == "hang up client":
            send(client.pid if client.running() else None, signal.SIGHUP)
        if what in ("kill process", "kill both"):
            send(process and process["pid"], signal.SIGKILL)
        if what == "stop process" and process:
            send(process["pid"], signal.SIGSTOP)
            self.stopped_at = time.monotonic()
        if what in ("abort", "rollback"):
            if what == "abort":
                self.wait_if_stopped()
            said = self.floor.pitstop(what, self.id, "--reason", "outside says so")
            # 2: nothing was deployed yet, or it has ended already
            self.must(said.code in (0, 2), f"{what} exits {said.code}: {said.err}")

    def wait_if_stopped(self) -> None:
        if self.stopped_at:
            time.sleep(max(0.0, self.stopped_at + SILENT_FOR - time.monotonic()))
            self.stopped_at = None

    def bring_to_an_end(self, client: Client) -> Said:
        """Do what the exit codes tell a person to do, until the hotfix has ended."""
        self.wait_if_stopped()
        said = Said(-1, "", "")
        for _ in range(20):
            said = self.followed(self.floor.client("resume", self.id, "--wait"))
            if said.code == 2:  # killed before the fix was on record
                said = self.followed(self.ship())
            elif said.code == 6:
                accepted = ("--override", "verdict", "--because", "outside")
                said = self.floor.pitstop("resume", self.id, "--wait", *accepted)
            if said.code in (0, 1, 3, 4, 5) and self.status()["closed_at"]:
                break
            time.sleep(0.1)
        if client.running():
            with contextlib.suppress(AssertionError):
                client.end(within=15)
        return said

    def followed(self, client: Client) -> Said:
        """Wait for a command that may need an answer."""
        began = time.monotonic()
        while client.running() and time.monotonic() - began < 90:
            self.answer()
            time.sleep(0.1)
        self.must(not client.running(), f"{client.words[3]} did not end within 90 s")
        return client.end(within=1)

    def status(self) -> dict[str, Any]:
        said = self.floor.pitstop("status", self.id, "--json")
        if said.code:
            raise AssertionError(f"status: {said}")
        found: dict[str, Any] = said.json
        return found

    # -- checking ----------------------------------------------------------------------------

    def must(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)

    def check(self, state: dict[str, Any]) -> None:
        """Check all that must hold however it went."""
        outcome = state["outcome"]
        natural = "fixed" if self.plan.good else "rolled_back"
        allowed = {natural}
        if self.plan.decided_by_person:
            allowed |= {"aborted", "rolled_back", "declined"}
        self.must(outcome in allowed, f"ended {outcome} ({state.get('reason')}), not {allowed}")
        self.must(state["closed_at"] is not None, "is not closed")
        self.check_users(outcome)
        self.check_git(state)
        self.check_record(state)

    def check_users(self, outcome: str) -> None:
        users, version = self.floor.users, self.version
        assert users
        wanted = version if outcome == "fixed" else self.before.version
        with contextlib.suppress(AssertionError):
            until(lambda: users.version == wanted, within=5)
        self.must(users.version == wanted, f"users are on {users.version}, not {wanted}")
        self.must(not users.lost, f"users lost requests: {users.lost[:3]}")
        if self.plan.good:
            self.must(not users.errors, f"users got {users.errors} errors of a good fix")

    def check_git(self, state: dict[str, Any]) -> None:
        """Main, tag, branch, worktree and claim."""
        floor, after = self.floor, look(self.floor)
        new = {name for name in after.refs if name not in self.before.refs}
        branch, tags = f"refs/heads/{state['branch']}", {n for n in new if "refs/tags/" in n}
        here = floor.git("for-each-ref", "--format=%(refname)").splitlines()
        claims = ("refs/pitstop/", "refs/heads/pitstop-lock/")
        self.must(not any(name.startswith(claims) for name in after.refs), "a claim is left")
        if state["merged"]["main"]:
            # where a late rollback was reverted before, main has gone on and the fix is merged into it
            straight = self.before.main == state["base_commit"]
            self.must(after.main == state["merged"]["main"], f"main is {after.main}")
            self.must(straight == (after.main == state["commit"]), "not merged as it stood")
            between = f"{self.before.main}..{after.main}"
            moved = floor.git("rev-list", between, folder=floor.remote).split()
            self.must(state["commit"] in moved, "main lacks the fix")
            self.must(len(moved) == (1 if straight else 2), f"main moved by {len(moved)}")
            self.must(tags == {f"refs/tags/{state['tag']}"}, f"tags: {tags}")
            tagged = floor.git("rev-parse", f"{state['tag']}^{{tree}}", folder=floor.remote)
            self.must(tagged == state["tree"], "another tree is tagged")
        else:
            self.must(after.main == self.before.main, "main moved")
            self.must(not tags, f"tags: {tags}")
        if state["outcome"] in ("fixed", "aborted"):
            self.must(branch not in {*after.refs, *here}, "the branch is left")
            self.must(not Path(self.found["worktree"]).exists(), "the worktree is left")

    def check_record(self, state: dict[str, Any]) -> None:
        """The journal holds, nothing in it was done twice, each audience heard each word once."""
        floor = self.floor
        verified = floor.pitstop("log", self.id, "--verify")
        self.must(verified.code == 0, f"log --verify: {verified}")
        lines = [json.loads(x) for x in floor.pitstop("log", self.id, "--json").out.splitlines()]
        self.must([ln["seq"] for ln in lines] == [*range(1, len(lines) + 1)], "seq has gaps")
        finished = Counter(ln["step"] for ln in lines if ln["event"] == "finished")
        twice = [step for step, count in finished.items() if count > 1]
        self.must(not twice, f"finished twice: {twice}")
        kept = floor.pitstop("local", "status", "--json").json["deployments"]
        ours = [each for each in kept if each["commit"] == state["commit"]]
        self.must(len(ours) <= 1, f"{len(ours)} deployments")
        log = floor.folder / "announcements.log"
        text = log.read_text() if log.exists() else ""
        for moment in ("starting", "deploying", "ended", "regressed"):
            mark = f"{self.id}/{moment}"
            self.must(text.count(f"[{mark}]") <= 1, f"{mark} was announced twice")
            self.must(floor.chat.heard[mark] <= 1, f"{mark} was posted twice")
        with contextlib.suppress(AssertionError):
            until(lambda: self.status()["process"] is None, within=20)
        self.must(self.status()["process"] is None, "its process still runs")


def send(pid: int | None, number: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def look(floor: Floor) -> Seen:
    """Return what git and users say."""
    listed = floor.git("for-each-ref", "--format=%(refname) %(objectname)", folder=floor.remote)
    refs = dict(line.split(" ") for line in listed.splitlines())
    return Seen(refs["refs/heads/main"], refs, floor.users.version if floor.users else "")


def plans(runs: int, seed: int) -> Iterator[Plan]:
    """Think of trouble."""
    chance = random.Random(seed)
    for _ in range(runs):
        count = chance.choice((0, 1, 1, 1, 1, 2, 2, 3))
        at = sorted(chance.uniform(0.0, LONGEST) for _ in range(count))
        kinds = [chance.choice((*BY_NATURE, *BY_NATURE, *BY_PERSON[:2])) for _ in at]
        yield Plan(chance.random() < 0.6, list(zip(at, kinds, strict=True)), chance.random() < 0.1)


def campaign(runs: int, seed: int, aloud: bool) -> dict[str, Any]:
    """Ship as many hotfixes as asked; return the summary."""
    began, floor = time.monotonic(), Floor().opens()
    ended: Counter[str] = Counter()
    wrong: list[dict[str, Any]] = []
    asked = 0
    try:
        for number, plan in enumerate(plans(runs, seed), 1):
            assert floor.users
            floor.users.forget()
            run = Run(floor, plan, str(number + 1), look(floor))
            try:
                state = run.go()
                ended[str(state["outcome"])] += 1
                run.check(state)
                run.revert(state)
            except AssertionError as broken:
                run.wrong.append(str(broken))
            asked += floor.users.asked
            if run.wrong:
                wrong.append({"run": number, "plan": str(plan), "violations": run.wrong})
            if aloud:
                print(f"{number}: {plan}: {run.wrong or 'holds'}", file=sys.stderr, flush=True)
    finally:
        left = floor.close()
    if left:
        wrong.append({"run": None, "plan": "the end", "violations": [f"left: {left}"]})
    seconds = round(time.monotonic() - began, 1)
    return {
        "runs": runs,
        "seed": seed,
        "seconds": seconds,
        "outcomes": dict(ended),
        "requests": asked,
        "violations": wrong,
    }


def main() -> int:
    """Read the words, run the campaign, print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument(
        "--seed", type=int, default=None, help="the same seed plans the same trouble"
    )
    parser.add_argument("--quiet", action="store_true", help="only the summary")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.randrange(1_000_000)
    summary = campaign(args.runs, seed, not args.quiet)
    assert not any(name.partition(".")[0] == "pitstop" for name in sys.modules)
    print(json.dumps(summary, indent=1))
    return 1 if summary["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
