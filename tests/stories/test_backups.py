"""The database is copied before production is changed; a rollback says when it has moved on."""

import json
from dataclasses import replace

import pytest

import given
from pitstop.adapters import simulated
from pitstop.adapters.simulated import World
from pitstop.cli.standing import summary
from pitstop.domain.incident import Return
from pitstop.engine.record import RunRecord
from pitstop.engine.recorded import Recorded
from pitstop.journal.status import status
from pitstop.journal.store import Journal
from pitstop.journal.timeline import Timeline
from pitstop.procedures.rollback import roll_back
from pitstop.steps import snapshot

BACKUP = {"use": "simulated"}
KEY = "checkout-500s-20260102T030400000Z"


def ready(**world) -> given.Rehearsal:
    """Return a shipped and approved hotfix of a service with a database."""
    return given.Rehearsal(World(**world), backup=BACKUP).ships().approves()


def test_the_database_is_backed_up_before_anything_is_changed():
    """One backup, read back, named in the rollback point with the migrations of that moment."""
    story = ready()

    assert story.runs().status == "fixed"
    acts = story.world.acts
    assert acts.index("back up") < acts.index("say starting") < acts.index("start d2")
    assert acts.count("back up") == 1
    point = story.status["rollback_point"]
    assert [point["backup_id"], point["migration_head"]] == [KEY, "0001"]
    [backup] = story.world.backups
    assert backup["verified"]
    assert not backup["pinned"], "once the hotfix is closed, its backup ages like the others"


def test_no_backup_configured_is_nothing_to_do():
    """The step says so, and the rollback point names none."""
    story = given.Rehearsal().ships().approves()

    assert story.runs().status == "fixed"
    assert story.status["rollback_point"]["backup_id"] is None
    assert "back up" not in story.world.acts


@pytest.mark.parametrize("trouble", ["backup_works", "backup_reads_back", "database_answers"])
def test_without_a_verified_backup_nothing_goes_live_whatever_is_overridden(trouble):
    """Half-way, unreadable or unreachable: the hotfix failed, and production is as it was."""
    story = ready(**{trouble: False})
    for gate in ("approval", "verdict", "backup", "scope", "migrations"):
        story.says("override", {"gate": gate, "because": "there is no time for that"})

    outcome = story.runs()

    assert outcome.status == "failed"
    assert "There is no verified backup, so nothing was deployed" in outcome.reason
    assert "Production is unchanged." in outcome.reason
    assert [story.world.live, len(story.world.deployments)] == ["d1", 1]
    assert story.status["rollback_point"] is None


def test_a_database_that_is_silent_for_a_moment_is_asked_again():
    """A second later it answers."""
    story = ready(database_answers=False)
    waited = []

    def answer():
        waited.append(story.world.now)
        story.world.database_answers = len(waited) > 3

    story.world.on_tick = answer
    assert story.runs().status == "fixed"


def test_the_backup_of_an_open_hotfix_is_pinned():
    """Retention does not reach what a rollback may need."""
    story = ready(rate_before=0.0, rate_after=0.5)
    seen = []

    def look():
        if story.world.live == "d2":
            seen.append(story.world.backups[0]["pinned"])

    story.world.on_tick = look
    story.runs()
    assert set(seen) == {True}


def moving_on(**world) -> given.Rehearsal:
    """Return a hotfix whose release migrates the database and is bad."""
    story = ready(rate_before=0.0, rate_after=0.5, **world)

    def migrate():
        if story.world.live == "d2":
            story.world.migration = "0002"

    story.world.on_tick = migrate
    return story


def test_a_rollback_says_when_the_database_has_moved_on():
    """In the outcome that people read, in what they are told, and in the record."""
    story = moving_on()

    assert story.runs().status == "rolled_back"

    said = (
        "The database has moved on since the rollback point (head 0002, was 0001); the schema was "
        f"NOT rolled back. Restore by hand, if data since then may be lost:\n    restore {KEY}"
    )
    assert said in summary(story.status)
    assert said in story.world.said["checkout-500s/ended"]
    timeline = Timeline()
    assert said in "\n".join(filter(None, map(timeline.say, story.journal.lines())))


def test_a_rollback_without_migrations_says_nothing_of_the_database():
    """No word too many."""
    story = ready(rate_before=0.0, rate_after=0.5)
    assert story.runs().status == "rolled_back"
    assert story.status["moved_on"] is None
    assert "atabase" not in summary(story.status) + story.world.said["checkout-500s/ended"]


def test_a_silent_database_does_not_hold_up_a_rollback():
    """Users are moved back all the same; what is not known is said as that."""
    story = ready(rate_before=0.0, rate_after=0.5)

    def fall_silent():
        if story.world.live == "d2":
            story.world.database_answers = False

    story.world.on_tick = fall_silent

    assert story.runs().status == "rolled_back"
    assert story.world.live == "d1"
    assert "is not known: The database does not answer" in story.status["moved_on"]
    assert f"restore {KEY}" in story.status["moved_on"]


def test_a_database_that_breaks_in_any_way_does_not_fail_a_rollback(monkeypatch):
    """Whatever an adapter raises there."""
    story = moving_on()

    def broken(self, backup_id):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(simulated.SimulatedBackup, "restore_command", broken)
    assert story.runs().status == "rolled_back"
    assert "# out of luck" in story.status["moved_on"]


def test_a_late_regression_says_it_too():
    """The way back of the watch is the same step."""
    story = ready(bad_after=30.0)

    def migrate():
        if story.world.live == "d2":
            story.world.migration = "0002"

    story.world.on_tick = migrate
    assert story.runs().status == "rolled_back"
    assert "head 0002, was 0001" in story.world.said["checkout-500s/regressed"]


def by_hand(wanted: Return, world: World) -> dict:
    """Let a person roll back; return the state of that run."""
    journal = Journal(":memory:", wanted.id, create=True)
    declared = {"incident": vars(wanted), "kind": "rollback", "config": {}}
    journal.append("declared", declared, by=given.ADA, once="declared", at=world.now)
    pit = Recorded(journal, given.ADA, fence=world)
    crew = simulated.crew(world, given.settings(backup=BACKUP), pit, RunRecord(pit, None))
    pit.crew = replace(crew, record=RunRecord(pit, None))
    roll_back(pit, wanted)
    return status(journal.lines())


def test_a_rollback_by_hand_says_it_with_the_backup_of_that_hotfix():
    """It is told what was recorded before the deploy that it returns from."""
    story = ready()
    story.runs()
    story.world.migration = "0002"
    wanted = Return(
        "rollback-shop", "shop", "d1", "no", given.ADA, backup_id=KEY, migration_head="0001"
    )

    state = by_hand(wanted, story.world)

    assert state["outcome"] == "rolled_back"
    assert f"restore {KEY}" in state["moved_on"]
    assert f"restore {KEY}" in story.world.said["rollback-shop/returned"]


def test_a_rollback_by_hand_to_where_nothing_is_recorded_says_nothing():
    """What the database was then, nobody knows."""
    story = ready()
    story.runs()
    state = by_hand(Return("rollback-shop", "shop", "d1", "no", given.ADA), story.world)
    assert [state["outcome"], state["moved_on"]] == ["rolled_back", None]


def test_a_rollback_point_of_an_older_version_is_still_one():
    """Its record knows nothing of backups; the watch goes on and can return."""
    story = ready(bad_after=30.0)
    story.runs()
    rows = "DELETE FROM lines WHERE seq > (SELECT seq FROM lines WHERE once = ?)"
    story.journal._db.execute(rows, ("started:validate.hold:1",))
    [line] = [
        ln
        for ln in story.journal.lines()
        if (ln["step"], ln["event"]) == ("snapshot.record", "finished")
    ]
    value = line["data"]["value"]
    del value["migration_head"], value["backup_id"]
    story.journal._db.execute(
        "UPDATE lines SET data = ? WHERE seq = ?", (json.dumps(line["data"]), line["seq"])
    )
    story.world.live, story.world.migration = "d2", "0002"

    assert story.runs().status == "rolled_back"
    assert [story.world.live, story.status["moved_on"]] == ["d1", None]


def test_a_killed_process_leaves_one_backup():
    """The second process finds what the first one took."""
    story = ready()
    append = story.journal.append

    class Killed(BaseException):
        pass

    def dying(event, data, **more):
        if (event, more.get("step")) == ("finished", "snapshot.back_up"):
            story.journal.append = append
            raise Killed
        return append(event, data, **more)

    story.journal.append = dying
    with pytest.raises(Killed):
        story.runs()
    assert story.runs().status == "fixed"
    assert len(story.world.backups) == 1


def test_another_hotfix_of_the_same_name_takes_its_own_backup():
    """Yesterday's data is no backup of today's."""
    world = World()
    journal = Journal(":memory:", "x", create=True)
    journal.append("declared", {"incident": vars(given.an_incident()), "config": {}}, by=given.ADA)
    pit = Recorded(journal, given.ADA, fence=world)
    crew = simulated.crew(world, given.settings(backup=BACKUP), pit, RunRecord(pit, None))
    pit.crew = crew
    first, second = "2026-01-02T03:04:00.000Z", "2026-01-03T03:04:00.000Z"
    for at in (first, second, second):
        snapshot.back_up.function(crew, given.an_incident(declared_at=at))
    assert len(world.backups) == 2
