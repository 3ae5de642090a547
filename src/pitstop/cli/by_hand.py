"""Each step of the procedure as a person types it, when pitstop is not there. Pure.

What is known stands there as it is; what is not yet known is a variable of the shell.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pitstop import messages as say
from pitstop.config import AudienceSettings, Secret, Settings, written

NOT_CONFIGURED = "Nothing is configured for this."


@dataclass(frozen=True)
class Task:
    """What one step asks of a person: words, commands, what is seen then, and what to do if not."""

    commands: tuple[str, ...] = ()
    words: str = ""
    expected: str = ""
    otherwise: str = ""


@dataclass(frozen=True)
class Platform:
    """What a platform's acts are by hand; empty where it has none, and ``words`` say why."""

    deploy: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    look: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True)
class Hand:
    """One team's values and, where there is a hotfix, its own.

    ``values`` are the known ones by their variable's name; ``repro`` is the reporter's command and
    ``targeted`` the team's with the change's tests filled in.
    """

    settings: Settings
    values: Mapping[str, str]
    platform: Platform
    backup: str = ""
    repro: str | None = None
    targeted: str | None = None
    used: set[str] = field(default_factory=set)

    @property
    def settled(self) -> bool:
        """Return whether the change is known, and with it the tests that belong to it."""
        return "COMMIT" in self.values

    def word(self, template: str) -> str:
        """Return one word of a shell: ``{NAME}`` is its value, or ``$NAME`` while that is unknown."""
        parts = re.split(r"\{([A-Z]+)\}", template)
        names = set(parts[1::2])
        unknown = {name for name in names if name not in self.values}
        if not unknown:
            parts[1::2] = [self.values[name] for name in parts[1::2]]
            return shlex.quote("".join(parts))
        self.used.update(unknown)
        parts[::2] = [_within_quotes(part) for part in parts[::2]]
        parts[1::2] = [
            f"${{{name}}}" if name in unknown else _within_quotes(self.values[name])
            for name in parts[1::2]
        ]
        return f'"{"".join(parts)}"'

    def git(self, *templates: str) -> str:
        """Return a git command in the repository."""
        return f"git -C {self.word('{REPOSITORY}')} {' '.join(map(self.word, templates))}"

    def there(self, folder: str, command: str, env: str = "") -> str:
        """Return a team's command as it is run in a folder."""
        ready = command.replace("{junit}", '"$(mktemp)"')
        return f"(cd {self.word(folder)} && {env}sh -c {shlex.quote(ready)})"


def task(name: str, hand: Hand) -> Task:
    """Return what a step asks of a person."""
    known = TASKS.get(name)
    return (
        known(hand) if known else Task(words="pitstop does this; by hand there is nothing to do.")
    )


def names(hand: Hand) -> list[str]:
    """Return the lines that set what the tasks asked for before use and nobody knows yet."""
    known = {
        "ID": "ID=short-name-of-the-trouble",
        "TITLE": "TITLE='what users see'",
        "IMPACT": "IMPACT='who is hurt, and how'",
        "FIX": "FIX='what was changed'",
        "BRANCH": f"BRANCH={hand.word('hotfix/{ID}')}",
        "TAG": 'TAG="hotfix-$(date -u +%Y%m%d-%H%M)"',
        "WORKTREE": f"WORKTREE={hand.word('{WORKTREES}/{ID}')}",
        "BASE": f"BASE=$({hand.git('rev-parse', '{REMOTE}/{MAIN}')})  # or what is deployed",
        "DEPLOYMENT": "DEPLOYMENT=what-users-get-now",
        "URL": "URL=https://where-production-answers",
        "TESTS": "TESTS='the tests of what was changed'",
        "FILES": "FILES='the files that were changed'",
    }
    return [line for name, line in known.items() if name in hand.used]


# -- decide, prepare ----------------------------------------------------------------------------


def _classify(hand: Hand) -> Task:
    return Task(
        words="A critical bug, a security hole, data at risk, or something major that is broken; the "
        "fix is small, and less of a risk than the trouble. Anything else takes the normal path."
    )


def _claim(hand: Hand) -> Task:
    service = hand.settings.service.name
    facts = ['"owner": "%s"', '"since": "%s"', '"reason": "by hand"', '"machine": "by hand"']
    text = "{" + ", ".join([*facts, '"run": "%s"']) + "}"
    who = '"$(git config user.name) <$(git config user.email)>" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"'
    return Task(
        (
            f"cd {hand.word('{REPOSITORY}')}",
            f"said=$(printf {shlex.quote(text)} {who} {hand.word('{ID}')})",
            'claim=$(git commit-tree -m "$said" "$(git hash-object -t tree -w /dev/null)")',
            f"git push {hand.word(f'--force-with-lease=refs/pitstop/{service}:')} "
            f'{hand.word("{REMOTE}")} "$claim":{hand.word(f"refs/pitstop/{service}")}',
        ),
        expected="the remote takes the new ref: the service is yours.",
        otherwise="somebody else is putting a fix into this service; talk to them first.",
    )


def _cut(hand: Hand) -> Task:
    return Task(
        (
            hand.git("fetch", "{REMOTE}"),
            hand.git("worktree", "add", "-b", "{BRANCH}", "{WORKTREE}", "{BASE}"),
        ),
        words="From what runs in production, not from what the main branch has become.",
        expected="a fresh worktree of what is deployed; make the smallest fix that helps there.",
        otherwise="there is such a branch already: look at it, or take another name.",
    )


def _commit(hand: Hand) -> Task:
    subject = hand.word("hotfix: {TITLE}")
    body = hand.word("Issue: {TITLE}\nImpact: {IMPACT}\nFix: {FIX}")
    inside = f"git -C {hand.word('{WORKTREE}')}"
    return Task(
        (
            f"{inside} add --all",
            f"{inside} diff --cached --quiet || {inside} commit -m {subject} -m {body}",
            f"COMMIT=$({inside} rev-parse HEAD)",
        ),
        expected="one commit with the fix and its test.",
        otherwise="git says what is missing; nothing was pushed.",
    )


def _calendar(hand: Hand) -> Task:
    return Task(words="A hotfix passes windows and freezes; write down which it passed.")


def _inspect(hand: Hand) -> Task:
    guards = hand.settings.guards
    return Task(
        (hand.git("diff", "--stat", "{BASE}", "{COMMIT}"),),
        expected=f"{guards.max_lines} lines, {guards.max_files} files, {guards.max_folders} folders "
        "at most; no migration, no dependency, no secret.",
        otherwise="make it smaller, or take the normal path.",
    )


def _known_bad(hand: Hand) -> Task:
    return Task(words="Not a commit that production was returned from before.")


def _publish(hand: Hand) -> Task:
    return Task(
        (hand.git("push", "{REMOTE}", "{COMMIT}:refs/heads/{BRANCH}"),),
        expected="exactly this branch is pushed, or everything is up to date.",
        otherwise="somebody pushed to the branch: look at it, force nothing.",
    )


def _foresee(hand: Hand) -> Task:
    asked = hand.git("merge-tree", "--write-tree", "--name-only", "{REMOTE}/{MAIN}", "{COMMIT}")
    return Task(
        (f'{asked} || echo "the merge will need a person"',),
        expected="no file that conflicts; the deploy does not wait for it.",
    )


# -- prove, approve -----------------------------------------------------------------------------


def _check(hand: Hand, command: str | None, expected: str) -> Task:
    if not command:
        return Task(words=NOT_CONFIGURED)
    within = written(hand.settings.checks.within)
    open_ = [name for name in ("TESTS", "FILES") if f"${name}" in command and not hand.settled]
    hand.used.update(open_)
    env = "".join(f'{name}="${name}" ' for name in open_)
    return Task(
        (hand.there("{WORKTREE}", command, env),),
        expected=f"{expected}, within {within}.",
        otherwise="the fix does not go live; mend it, commit, and begin again at Prepare.",
    )


def _setup(hand: Hand) -> Task:
    return _check(hand, hand.settings.checks.setup, "the worktree is ready")


def _targeted(hand: Hand) -> Task:
    if hand.settings.checks.targeted and not hand.targeted:
        return Task(words="No test maps to this change; the smoke tests count.")
    return _check(hand, hand.targeted, "the tests of what was changed pass")


def _smoke(hand: Hand) -> Task:
    return _check(hand, hand.settings.checks.smoke, "what must work works")


def _proof(hand: Hand) -> Task:
    return Task(words="The test that comes with the fix fails without the fix.")


def _same_tree(hand: Hand) -> Task:
    return Task(
        (f"git -C {hand.word('{WORKTREE}')} diff --quiet {hand.word('{COMMIT}')}",),
        expected="no output: what was tested is what was committed.",
        otherwise="a test or a person changed files meanwhile; commit them or put them back.",
    )


def _tried(hand: Hand) -> Task:
    return Task(words=hand.settings.checks.manual or NOT_CONFIGURED)


def _approval(hand: Hand) -> Task:
    if not hand.settings.approval.required:
        return Task(words="No approval is required.")
    return Task(
        words=f"Another person than the author reads this, and says yes to this very commit. "
        f"Write down who and when: {hand.git('show', '{COMMIT}')}"
    )


def _admitted(hand: Hand) -> Task:
    asked = hand.settings.approval.required
    return Task(words="Without a yes nothing goes live." if asked else "No approval is required.")


# -- deploy -------------------------------------------------------------------------------------


def _back_up(hand: Hand) -> Task:
    if not hand.backup:
        return Task(words="No backup is configured.")
    return Task(
        (hand.backup,),
        expected="a file that is not empty, and that can be read back.",
        otherwise="without a backup nothing is deployed.",
    )


def _point(hand: Hand) -> Task:
    return Task(
        hand.platform.look[:1],
        words=f"Write down what users get now: {hand.word('{DEPLOYMENT}')}, of commit "
        f"{hand.word('{BASE}')}.",
        expected="that, and nothing else; it is what the way back returns to.",
        otherwise="production has moved: stop, and cut the branch from what is deployed now.",
    )


def _deploy(hand: Hand) -> Task:
    return Task(
        hand.platform.deploy,
        words=hand.platform.words,
        expected=f"users are served by {hand.word('{COMMIT}')}.",
        otherwise="take the way back.",
    )


def _reproduce(hand: Hand) -> Task:
    if not hand.repro:
        return Task(words="No command shows the trouble.")
    asked = hand.there("{REPOSITORY}", hand.repro, f"PITSTOP_URL={hand.word('{URL}')} ")
    return Task(
        (f'if {asked}; then echo "the trouble does not show"; fi',),
        expected="the command fails: the trouble is there.",
    )


# -- validate -----------------------------------------------------------------------------------


def _healthy(hand: Hand) -> Task:
    return Task(
        hand.platform.look,
        words="" if hand.platform.look else "Ask the service whether it is well.",
        expected="three good answers in a row.",
        otherwise="take the way back.",
    )


def _repro(hand: Hand) -> Task:
    if not hand.repro:
        return Task(words="Do what showed the trouble before.", otherwise="take the way back.")
    return Task(
        (hand.there("{REPOSITORY}", hand.repro, f"PITSTOP_URL={hand.word('{URL}')} "),),
        expected="exit code 0: the original trouble is gone.",
        otherwise="take the way back.",
    )


def _errors(hand: Hand) -> Task:
    gate = hand.settings.gate
    return Task(
        words=f"Count users' errors for {written(gate.soak)} at least, of {gate.min_requests} requests "
        "at least, and compare with before the deploy.",
        expected="no more errors than before, and not slower.",
        otherwise="take the way back.",
    )


# -- merge, watch, close ------------------------------------------------------------------------


def _land(hand: Hand) -> Task:
    commit, main = hand.word("{COMMIT}"), hand.word("refs/remotes/{REMOTE}/{MAIN}")
    branch, remote, tag = (
        hand.word("refs/heads/{BRANCH}"),
        hand.word("{REMOTE}"),
        hand.word("{TAG}"),
    )
    ref, lease = hand.word("refs/tags/{TAG}"), hand.word("--force-with-lease=refs/heads/{BRANCH}")
    merge = hand.word("Merge {BRANCH}: {TITLE}")
    message = hand.word("Emergency fix: {TITLE}\n\nRun: {ID}\nMerged by hand.")
    return Task(
        (
            f"cd {hand.word('{REPOSITORY}')}",
            f"git fetch {remote} {hand.word('+refs/heads/{MAIN}:refs/remotes/{REMOTE}/{MAIN}')}",
            f"tip=$(git rev-parse --verify {main})",
            f'if git merge-base --is-ancestor {commit} "$tip"; then',
            "    next=$tip  # main has the fix",
            f'elif git merge-base --is-ancestor "$tip" {commit}; then',
            f"    next={commit}  # fast-forward",
            "else",
            f'    tree=$(git merge-tree --write-tree "$tip" {commit})',
            f'    next=$(git commit-tree "$tree" -p "$tip" -p {commit} -m {merge})',
            "fi",
            f'git push {remote} "$next":{hand.word("refs/heads/{MAIN}")}',
            f"git rev-parse --quiet --verify {ref} || git tag -a {tag} -m {message} {commit}",
            f"git push {remote} {hand.word('refs/tags/{TAG}:refs/tags/{TAG}')}",
            f'if [ -n "$(git ls-remote {remote} {branch})" ]; then',
            f"    git push {lease}:{commit} {remote} {hand.word(':refs/heads/{BRANCH}')}",
            "fi",
        ),
        words="No checkout is touched: the merge is made beside them.",
        expected="main holds the fix, the tag names the deployed commit, the branch is gone.",
        otherwise="a conflict, or a main that is protected: open a pull request from the branch, and "
        "begin again with the tag. Production is fixed; nothing here is in a hurry.",
    )


def _clean_up(hand: Hand) -> Task:
    worktree, branch = hand.word("{WORKTREE}"), hand.word("refs/heads/{BRANCH}")
    return Task(
        (
            f"cd {hand.word('{REPOSITORY}')}",
            f"[ ! -e {worktree} ] || git worktree remove {worktree}",
            f'[ -z "$(git for-each-ref {branch})" ] || '
            f"git update-ref -d {branch} {hand.word('{COMMIT}')}",
        ),
        expected="no worktree and no branch of the hotfix are left here.",
        otherwise="there is work in it that was not committed: look at it first.",
    )


def _watch(hand: Hand) -> Task:
    return Task(
        hand.platform.look,
        words=f"For {written(hand.settings.watch.duration)}: look now and then.",
        expected="healthy, and no more errors than before.",
        otherwise="take the way back.",
    )


def _close(hand: Hand) -> Task:
    service, remote = hand.settings.service.name, hand.word("{REMOTE}")
    places = f"refs/pitstop/{service} refs/heads/pitstop-lock/{service}"
    return Task(
        (
            f"cd {hand.word('{REPOSITORY}')}",
            f"for ref in {places}; do",
            f'    claim=$(git ls-remote {remote} "$ref" | cut -f1)',
            '    [ -n "$claim" ] || continue',
            f'    git fetch --quiet {remote} "$ref"',
            f'    git show -s --format=%B "$claim" | grep -F {_run_in_claim(hand)}',
            f'    git push --force-with-lease="$ref:$claim" {remote} ":$ref"',
            "done",
        ),
        words="Give the service back to everybody.",
        expected="the claim is gone from the remote.",
        otherwise="the claim is somebody else's by now: leave it to them.",
    )


def _run_in_claim(hand: Hand) -> str:
    return hand.word('"run": "{ID}"')


def _announce(moment: str) -> Callable[[Hand], Task]:
    def told(hand: Hand) -> Task:
        audiences = hand.settings.audiences
        if not audiences:
            return Task(words=f"Tell whoever must hear it: {moment}.")
        said = f"Hotfix of {hand.settings.service.name}: {moment}"
        rows = [row for one in audiences.values() for row in _told(hand, one, said)]
        return Task(
            tuple(rows),
            words=f"Told: {', '.join(audiences)}.",
            expected="they heard it; nobody's silence stops a hotfix.",
        )

    return told


def _told(hand: Hand, audience: AudienceSettings, said: str) -> list[str]:
    rows, text = [], shlex.quote(said)
    if audience.file:
        file = shlex.quote(os.path.join(hand.values["REPOSITORY"], audience.file))
        rows.append(f"printf '%s\\n' {text} >> {file} || echo 'not told'")
    if audience.webhook:
        address = audience.webhook
        url = f'"${{{address.env}}}"' if isinstance(address, Secret) else shlex.quote(address)
        body = shlex.quote(json.dumps({"key": say.one_line(said), "subject": said, "text": said}))
        rows.append(
            f"curl --fail --silent --show-error --max-time 5 -H 'Content-Type: application/json' "
            f"-d {body} {url} || echo 'not told'"
        )
    return rows


def _words(text: str) -> Callable[[Hand], Task]:
    return lambda _: Task(words=text)


TASKS: dict[str, Callable[[Hand], Task]] = {
    "triage.classify": _classify,
    "branch.claim": _claim,
    "branch.cut": _cut,
    "branch.commit": _commit,
    "triage.passes_calendar": _calendar,
    "guard.inspect": _inspect,
    "guard.known_bad": _known_bad,
    "branch.publish": _publish,
    "merge.foresee": _foresee,
    "checks.prepare": _setup,
    "checks.targeted": _targeted,
    "checks.smoke": _smoke,
    "checks.proof": _proof,
    "checks.same_tree": _same_tree,
    "checks.by_hand": _tried,
    "review.request": _approval,
    "review.admit": _admitted,
    "snapshot.back_up": _back_up,
    "snapshot.record": _point,
    "announce.starting": _announce("it starts"),
    "deploy.stage": _words("By hand there is no release beside production."),
    "validate.candidate": _words(
        "By hand the fix is first tried on users: have the way back ready."
    ),
    "validate.reproduce": _reproduce,
    "deploy.split": _words("By hand all users get the fix at once."),
    "validate.canary": _words("Nothing: there are no others to compare with."),
    "deploy.release": _deploy,
    "validate.healthy": _healthy,
    "announce.deploying": _announce("it serves users and is being judged"),
    "validate.repro": _repro,
    "validate.errors": _errors,
    "merge.name_tag": _words("hotfix-YYYYMMDD-HHMM, in UTC; free here and on the remote."),
    "merge.land": _land,
    "branch.clean_up": _clean_up,
    "announce.ended": _announce("it has ended"),
    "validate.begin_watch": _words("Write down when the watch begins."),
    "validate.hold": _watch,
    "deploy.retire": _words("What was kept warm of the previous release may be stopped now."),
    "learn.mark_known_bad": _words("Tell everybody that this commit must not be deployed again."),
    "learn.close": _close,
}


def _within_quotes(text: str) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", text)
