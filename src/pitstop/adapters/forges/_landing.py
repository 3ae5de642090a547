"""Landing: main, tag and the branch's end in one push; what the remote refuses is owed, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pitstop.adapters.forges._back_merging import BackMerging
from pitstop.adapters.forges._cutting import Cutting, Names
from pitstop.adapters.forges._git import Git, words
from pitstop.adapters.forges._history import History, one_line
from pitstop.adapters.forges._remote import Pushed, Remote
from pitstop.adapters.forges._worktrees import Worktrees
from pitstop.domain.change import Change, Landed
from pitstop.ports import CannotTell, Refused

_ATTEMPTS = 5


@dataclass
class Plan:
    """What one push is to do; empty parts are done already, or cannot be done."""

    merge: str | None = None  # what the remote's main should become
    merges: bool = True  # False: main cannot have the change now
    tag: str | None = None  # the tag object to push
    delete: str | None = None  # the branch's commit on the remote that may go
    owed: list[str] = field(default_factory=list)


class Landing:
    """Brings one change home; made anew for each."""

    def __init__(
        self,
        git: Git,
        remote: Remote,
        cutting: Cutting,
        main: str,
        change: Change,
        tag: str,
        *,
        also: Sequence[str] = (),
        keep: Sequence[str] = (),
    ) -> None:
        """``also`` are the branches that follow main, ``keep`` the files they keep of their own."""
        self._git, self._remote, self._cutting = git, remote, cutting
        self._history, self._change, self._tag = History(git), change, tag
        self._names, self._main = Names(change.branch.name), main
        self._main_ref, self._tag_ref = f"refs/heads/{main}", f"refs/tags/{tag}"
        self._also = [f"refs/heads/{name}" for name in also]
        self._back = BackMerging(self._history, remote, change, keep)
        self._unsigned: list[str] = []

    def land(self, tag_message: str, merge_message: str) -> Landed:
        """Return what the remote holds in the end."""
        self._check()
        for _ in range(_ATTEMPTS):
            self._cutting.fetch()
            tip = self._history.commit(self._cutting.seen_main)
            plan = self._plan(tip, tag_message, merge_message)
            if self._pushed(plan, tip):
                return self._verified(plan, merge_message)
        plan.merges, plan.delete = False, None
        plan.owed.append(
            f"{self._main} moved {_ATTEMPTS} times while the fix was merged. {self._by_hand}"
        )
        self._offer_tag(plan)
        return self._verified(plan, merge_message)

    def _check(self) -> None:
        change = self._change
        if self._history.tree(change.commit) != change.tree:
            raise Refused(f"Commit {change.commit[:12]} does not hold the tree {change.tree[:12]}.")
        if self._tag.startswith("-") or not self._git.true("check-ref-format", self._tag_ref):
            raise Refused(f'"{one_line(self._tag)}" cannot be the name of a tag.')

    # -- what is to be done -------------------------------------------------------------------

    def _plan(self, tip: str, tag_message: str, merge_message: str) -> Plan:
        seen = self._remote.refs(self._names.head, self._tag_ref, f"{self._tag_ref}^{{}}")
        plan = Plan()
        self._plan_main(plan, tip, merge_message)
        self._plan_tag(plan, seen, tag_message)
        there = seen.get(self._names.head)
        if there and plan.merges:
            if self._history.contains(self._change.commit, there):
                plan.delete = there
            else:
                plan.owed.append(
                    f"{self._names.branch} on {self._remote.name} holds commits that were not "
                    "deployed; it was left there"
                )
        return plan

    def _plan_main(self, plan: Plan, tip: str, message: str) -> None:
        commit = self._change.commit
        if self._history.contains(tip, commit):
            return
        if self._history.contains(commit, tip):
            plan.merge = commit
            return
        try:
            merged = self._history.merge(tip, commit)
        except Refused as unrelated:
            plan.merges = False
            plan.owed.append(f"{unrelated} {self._by_hand}")
            return
        if merged.conflicts:
            plan.merges = False
            files = ", ".join(one_line(name) for name in merged.conflicts)
            plan.owed.append(
                f"merging {self._names.branch} into {self._main} conflicts in {files}. {self._by_hand}"
            )
        elif merged.tree != self._history.tree(tip):  # equal: main has the content already
            plan.merge = self._merge_commit(merged.tree, tip, message)

    def _merge_commit(self, tree: str, tip: str, message: str) -> str:
        parents = (tip, self._change.commit)
        if self._signs("commit.gpgSign"):
            try:
                return self._history.write(tree, parents, message, sign=True)
            except (Refused, CannotTell) as failed:
                self._owe_signature("merge", str(failed))
        return self._history.write(tree, parents, message)

    def _plan_tag(self, plan: Plan, seen: dict[str, str], message: str) -> None:
        there = seen.get(f"{self._tag_ref}^{{}}") or seen.get(self._tag_ref)
        here = self._history.find(self._tag_ref)
        taken = there if there else here
        if taken and taken != self._change.commit:
            where = f"on {self._remote.name}" if there else "here"
            plan.owed.append(
                f"the tag {self._tag} is taken {where} by {taken[:12]}. "
                f"Tag {self._change.commit[:12]} by hand under another name"
            )
        elif not there:
            plan.tag = self._tag_object(message)

    def _tag_object(self, message: str) -> str:
        """Return our annotated tag on the deployed commit, made now if it is not here."""
        found = self._history.ref(self._tag_ref)
        if found and self._git.ask("cat-file", "-t", found) == "tag":
            return found
        self._history.drop(self._tag_ref, found)
        said = message.encode(errors="replace")
        asked = ("--cleanup=verbatim", "-F", "-", "--", self._tag, self._change.commit)
        done = self._git.run("tag", *asked, give=said)  # -a would switch tag.gpgSign off
        if done.exit_code != 0:
            self._git.ask("tag", "-a", "--no-sign", *asked, give=said)
        made = self._git.ask("rev-parse", "--verify", self._tag_ref)
        if self._signs("tag.gpgSign") and "-----BEGIN " not in self._git.ask(
            "cat-file", "tag", made
        ):
            # looked at, not believed: with ssh, git exits 0 although it could not sign
            self._owe_signature("tag", words(done))
        return made

    def _signs(self, setting: str) -> bool:
        return self._git.run("config", "--type=bool", "--get", setting).text == "true"

    def _owe_signature(self, what: str, why: str) -> None:
        owed = f"the {what} is not signed: {why}"
        if not any(one.startswith(f"the {what} is") for one in self._unsigned):
            self._unsigned.append(owed)

    # -- doing it -----------------------------------------------------------------------------

    def _pushed(self, plan: Plan, tip: str) -> bool:
        """Push all at once, else part by part; return False if main moved meanwhile."""
        specs, leases = self._specs(plan)
        if not specs:
            return True
        together = self._remote.push(*specs, leases=leases, atomic=True)
        if together.exit_code == 0:
            return True
        if plan.merge and not self._main_alone(plan, tip, together):
            return False
        self._offer_tag(plan)
        if plan.delete:
            lease = {self._names.head: plan.delete}
            gone = self._remote.push(f":{self._names.head}", leases=lease)
            if self._remote.at(self._names.head):
                plan.owed.append(
                    f"{self._names.branch} could not be deleted on {self._remote.name}: {gone.said}"
                )
        return True

    def _specs(self, plan: Plan) -> tuple[list[str], dict[str, str]]:
        specs = [f"{plan.merge}:{self._main_ref}"] if plan.merge else []
        specs += [f"{plan.tag}:{self._tag_ref}"] if plan.tag else []
        if not plan.delete:
            return specs, {}
        return [*specs, f":{self._names.head}"], {self._names.head: plan.delete}

    def _main_alone(self, plan: Plan, tip: str, together: Pushed) -> bool:
        """Push main by itself; a refusal is owed. Return False if main moved meanwhile."""
        if self._remote.at(self._main_ref) not in (tip, plan.merge):
            return False
        pushed = self._remote.push(f"{plan.merge}:{self._main_ref}")
        there = self._remote.at(self._main_ref)
        if there not in (tip, plan.merge) and pushed.exit_code != 0:
            return False
        if there == tip:
            plan.merges, plan.delete = False, None
            said = pushed.said or together.said
            refused = self._main_ref in pushed.refused | together.refused
            why = "is protected" if refused else "could not be pushed"
            plan.owed.append(f"{self._main} {why}: {said}. {self._by_hand}")
        return True

    def _offer_tag(self, plan: Plan) -> None:
        if not plan.tag:
            return
        pushed = self._remote.push(f"{plan.tag}:{self._tag_ref}")
        if self._remote.at(self._tag_ref) != plan.tag:
            plan.owed.append(
                f"{self._remote.name} does not take the tag {self._tag}: {pushed.said}. "
                f"Push it: git push {self._remote.name} {self._tag_ref}"
            )

    @property
    def _by_hand(self) -> str:
        return f"Open a pull request from {self._names.branch} to {self._main}"

    # -- what became of it --------------------------------------------------------------------

    def _verified(self, plan: Plan, message: str) -> Landed:
        """Read the remote again: only what is seen there is said. Then let the branches beside follow."""
        self._cutting.fetch()
        tip = self._history.commit(self._cutting.seen_main)
        merged = plan.merges and self._history.holds(tip, self._change.commit)
        if plan.merges and not merged:
            raise CannotTell(f"{self._remote.name} took the merge, but {self._main} lacks it.")
        there = self._remote.refs(self._names.head, *self._also)
        followed: list[str] = []
        if merged:
            beside = {ref: at for ref, at in there.items() if ref not in self._not_beside()}
            followed, owed = self._back.bring(beside, message)
            plan.owed += owed
        if merged and self._names.head not in there:
            self._forget_branch()
        owed = [*plan.owed, *self._unsigned]
        return Landed(tip if merged else None, owed=tuple(owed), followed=tuple(followed))

    def _not_beside(self) -> tuple[str, str]:
        return self._names.head, self._main_ref

    def _forget_branch(self) -> None:
        """Delete the branch here, unless a worktree stands on it or it has gone on."""
        here = self._history.ref(self._names.head)
        if Worktrees(self._git).holding(self._names.branch):
            return
        if here and self._history.contains(self._change.commit, here):
            self._history.drop(self._names.head, here)
        if self._history.ref(self._names.head) is None:
            for ref in (self._names.begun, self._names.pushed):
                self._history.drop(ref)
