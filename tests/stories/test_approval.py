"""Another person is asked, reminded and heard from any clone; no answer is never a yes."""

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

import given
from pitstop.adapters.simulated import FIX, START, SimulatedAnswers, World
from pitstop.domain.answer import RemoteAnswer
from pitstop.engine.recorded import Waiting
from pitstop.ports import Refused

TREE = f"tree-{FIX}"
YES = RemoteAnswer("approve", TREE, given.GRACE, "2026-01-02T03:04:30.000Z")
NO = replace(YES, decision="reject", reason="this changes prices, too")
LONG = {"approval": {"within": "10m"}}


def asked(world: World | None = None, **tables) -> given.Rehearsal:
    """Return a shipped hotfix that nobody has looked at yet."""
    return given.Rehearsal(world, **(LONG | tables)).ships()


def says(story: given.Rehearsal, answer: RemoteAnswer, run: str = "checkout-500s") -> None:
    """Let a colleague answer in their own clone."""
    SimulatedAnswers(story.world).say(run, answer)


def after(story: given.Rehearsal, seconds: float, act) -> None:
    """Do something once, so long after the world began."""
    done = []

    def tick():
        if not done and story.world.now >= START + timedelta(seconds=seconds):
            done.append(1)
            act()

    story.world.on_tick = tick


def rests(story: given.Rehearsal) -> None:
    """Run until nobody is waited for any more."""
    with pytest.raises(Waiting):
        story.runs()


def answers(story: given.Rehearsal) -> list:
    """Return the answers on record."""
    lines = [line for line in story.journal.lines() if line["event"] == "answered"]
    return [line for line in lines if line["data"]["question"] == "approval"]


def test_a_yes_through_the_remote_lets_the_fix_pass():
    """On record as what it is: from elsewhere, by whom, not proven; cleared when it is over."""
    story = asked()
    after(story, 90, lambda: says(story, YES))

    assert story.runs().status == "fixed"
    [line] = answers(story)
    said = line["data"]
    assert [line["by"], said["remote"], said["proven"]] == [given.GRACE, True, False]
    assert [said["about"], said["claimed"]] == [TREE, False]
    assert story.world.answers == {}


def test_a_no_through_the_remote_declines_with_its_reason():
    """Also where somebody else said yes at the same time."""
    story = asked()

    def both():
        says(story, replace(YES, by="Zoe <zoe@x>"))
        says(story, NO)

    after(story, 90, both)

    outcome = story.runs()
    assert outcome.status == "declined"
    assert "this changes prices, too" in outcome.reason
    assert story.world.answers == {}


@pytest.mark.parametrize(
    ("answer", "run"),
    [
        (replace(YES, tree="tree-other"), "checkout-500s"),
        (replace(YES, by="Ada L. <ADA@example.com>"), "checkout-500s"),
        (YES, "checkout-500"),
    ],
    ids=["another tree", "the author", "another run"],
)
def test_what_does_not_count_is_not_heard(answer, run, monkeypatch):
    """It neither passes nor ends the run; somebody else may still answer."""
    story = asked()
    forge = story.forge

    class Authored(forge):
        def commit(self, branch, message):
            return replace(super().commit(branch, message), authors=("ada@example.com",))

    story.forge = Authored
    says(story, answer, run)
    rests(story)
    assert [answers(story), story.status["waiting_for"]] == [[], "approval"]


def test_the_remote_is_asked_at_once_every_five_seconds_and_at_the_end(monkeypatch):
    """Not more often, however quick the engine looks for answers that are typed here."""
    looks, story = [], asked(approval={"within": "12s"})
    monkeypatch.setattr(
        SimulatedAnswers, "heard", lambda self, *_: looks.append(self._world.now) or []
    )
    rests(story)
    began = looks[0]
    found = [round((look - began).total_seconds()) for look in looks]
    assert found == [0, 5, 10, 12]


@pytest.mark.parametrize("why", ["silent", "refusing"])
def test_a_remote_that_does_not_answer_is_nothing_heard(why, monkeypatch):
    """The wait goes on; who types here is heard as ever."""
    story = asked()
    if why == "silent":
        after(story, 1, lambda: setattr(story.world, "remote_answers", False))
    else:

        def refuse(*_):
            raise Refused("no such remote")

        monkeypatch.setattr(SimulatedAnswers, "heard", refuse)
    rests(story)
    story.world.remote_answers = True
    story.approves()
    assert story.runs().status == "fixed"


def test_an_answer_that_came_while_nobody_executed_the_run_is_heard_at_its_resumption():
    """The window is long over; the yes is not lost."""
    story = asked()
    rests(story)
    story.world.now += timedelta(hours=3)
    says(story, YES)
    assert story.runs().status == "fixed"


def test_an_answer_typed_here_and_heard_from_there_is_on_record_once():
    """A person's yes to a tree is one yes."""
    story = asked()

    def both():
        said = {"question": "approval", "said": "approve", "about": TREE}
        once = f"approval:grace@example.com:{TREE}:approve"
        story.says("answered", said, by=given.GRACE, once=once)
        says(story, YES)

    after(story, 90, both)
    assert story.runs().status == "fixed"
    assert len(answers(story)) == 1


def test_who_answers_in_time_is_not_reminded():
    """Nor asked through the remote, where the answer is here already."""
    story = asked().approves()
    assert story.runs().status == "fixed"
    assert not {"announce.remind", "announce.escalate"} & set(story.steps("started"))


def moments(story: given.Rehearsal) -> dict[str, float]:
    """Return how long after asking each word was said."""
    at = {line["step"]: line for line in story.journal.lines() if line["event"] == "finished"}
    began = next(line for line in story.journal.lines() if line["event"] == "asked")
    wanted = ("announce.remind", "announce.escalate")
    stamps = {name: at[name]["at"] for name in wanted if name in at}
    return {
        name.partition(".")[2]: round(seconds_between(began["at"], stamp))
        for name, stamp in stamps.items()
    }


def seconds_between(first: str, then: str) -> float:
    """Return the seconds between two stamps."""
    from datetime import datetime

    return (datetime.fromisoformat(then) - datetime.fromisoformat(first)).total_seconds()


@pytest.mark.parametrize(
    ("within", "expected"),
    [("10m", {"remind": 300, "escalate": 540}), ("60s", {"remind": 30, "escalate": 45})],
)
def test_silence_is_reminded_at_half_time_and_escalated_before_the_end(within, expected):
    """Then the run rests, and production is unchanged."""
    story = asked(approval={"within": within})
    rests(story)
    assert moments(story) == expected
    assert story.steps("expired") == [None]
    assert story.world.live == "d1"


def test_what_is_said_names_who_asks_what_until_when_and_what_to_type():
    """Enough to look and answer from wherever one is."""
    story = asked()
    rests(story)
    [first, last] = [
        story.world.said[f"checkout-500s/approval-{k}"] for k in ("wanted", "escalated")
    ]
    deadline = story.status["deadline"][11:19]
    for word in (
        "Checkout answers 500",
        given.ADA,
        "no postcode, no error",
        "1 line in 1 file",
        deadline,
        "pitstop approve checkout-500s",
        "pitstop reject checkout-500s --reason TEXT",
        f"git diff bbbbbbbbbbbb..{FIX[:12]}",
    ):
        assert word in first, word
        assert word in last, word
    assert first.splitlines()[0] != last.splitlines()[0]


def test_it_is_escalated_to_those_who_are_named_only():
    """The reminder is for all."""
    story = asked(
        approval={"within": "10m", "escalate_to": ["leads"]}, audiences={"team": {}, "leads": {}}
    )
    rests(story)
    assert list(story.world.said) == ["checkout-500s/approval-wanted"]
    done = {ln["step"]: ln["data"] for ln in story.journal.lines() if ln["event"] == "finished"}
    assert done["announce.escalate"]["value"]["told"] == []


def test_a_run_that_is_resumed_is_not_reminded_again():
    """Once for each, whatever happens to the process; a yes afterwards passes as ever."""
    story = asked()
    rests(story)
    rests(story)
    story.approves()
    assert story.runs().status == "fixed"
    words = [act for act in story.world.acts if act.startswith("say approval")]
    assert words == ["say approval-wanted", "say approval-escalated"]


def test_who_comes_back_late_hears_the_last_word_only():
    """A reminder beside the escalation would be noise."""
    story = asked()

    class Gone(BaseException):
        pass

    def die():
        raise Gone

    after(story, 60, die)
    with pytest.raises(Gone):
        story.runs()
    story.world.now = START + timedelta(minutes=9, seconds=40)
    rests(story)
    assert list(moments(story)) == ["escalate"]


def test_no_trouble_with_a_reminder_ends_a_hotfix(monkeypatch):
    """It is on record as what broke, and the wait goes on."""
    story = asked()
    forge = story.forge

    class Broken(forge):
        def patch(self, change):
            if story.status["waiting_for"]:
                raise OSError("disk on fire")
            return super().patch(change)

    story.forge = Broken
    rests(story)
    story.approves()
    assert story.runs().status == "fixed"


def test_an_abort_is_heard_while_an_approval_is_waited_for():
    """In the middle of reminders as anywhere."""
    story = asked()
    after(story, 301, lambda: story.says("abort", {"reason": "enough"}, once="abort"))
    assert story.runs().status == "aborted"


def of_severity(name: str, /, **tables) -> given.Rehearsal:
    """Return a shipped hotfix of a severity, where P1 has a table of its own."""
    story = asked(**tables)
    story.incident = given.an_incident(severity=name)
    return story


@pytest.mark.parametrize(("severity", "expected"), [("P1", 120), ("P2", 600), ("P3", 600)])
def test_a_severity_may_have_its_own_window(severity, expected):
    """Before the window of all; the others keep that one."""
    story = of_severity(severity, severity={"P1": {"approval": "2m"}})
    rests(story)
    [line] = [line for line in story.journal.lines() if line["step"] == "review.request"][1:]
    assert line["data"]["value"] == expected


@pytest.mark.parametrize(("severity", "heard"), [("P1", False), ("P2", True)])
def test_a_severity_may_have_its_own_audiences(severity, heard):
    """From the first word to the last."""
    story = of_severity(severity, severity={"P1": {"tell": ["leads"]}}).approves()
    assert story.runs().status == "fixed"
    assert bool(story.world.said) == heard


def test_who_is_named_for_escalations_hears_them_whatever_the_severity():
    """The nearest name wins."""
    story = of_severity(
        "P1",
        approval={"within": "10m", "escalate_to": ["team"]},
        severity={"P1": {"tell": ["leads"]}},
    )
    rests(story)
    assert list(story.world.said) == ["checkout-500s/approval-escalated"]


@pytest.mark.parametrize("line", range(1, 13))
def test_killed_anywhere_while_it_waits_each_word_is_said_once_and_the_yes_is_heard_once(line):
    """Before or after any line that is written while an approval is waited for."""
    story = asked()
    rests_at = story.journal.append

    class Killed(BaseException):
        pass

    def dying(*args, **kwargs):
        if story.status["waiting_for"] == "approval" or args[0] == "asked":
            dying.left -= 1
            if dying.left == 0 and line % 2:
                raise Killed
        result = rests_at(*args, **kwargs)
        if dying.left == 0:
            raise Killed
        return result

    dying.left = (line + 1) // 2
    story.journal.append = dying
    after(story, 570, lambda: says(story, YES))
    with contextlib.suppress(Killed):
        story.runs()
    story.journal.append = rests_at

    assert story.runs().status == "fixed"
    assert len(answers(story)) == 1
    words = [act for act in story.world.acts if act.startswith("say approval")]
    assert words == ["say approval-wanted", "say approval-escalated"]
