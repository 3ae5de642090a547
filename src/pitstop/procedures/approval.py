"""Another person looks: asked, reminded, heard from any clone; silence is never a yes."""

from datetime import timedelta

from pitstop.domain.change import Change
from pitstop.domain.incident import Incident
from pitstop.flow import Pit
from pitstop.steps import announce, review


def approval(pit: Pit, incident: Incident, change: Change) -> None:
    """Wait for another person's answer about this very tree; who is late is told so twice."""
    seconds = pit.do(review.request, incident, change)
    if not seconds:
        return
    window = timedelta(seconds=seconds)
    answer = pit.ask(
        "approval",
        about=change.tree,
        within=window,
        meanwhile=review.listen.of(incident, change),
        every=review.LOOKS,
        reminders=(
            (window / 2, announce.remind.of(incident, change)),
            (window - min(review.LAST_CALL, window / 4), announce.escalate.of(incident, change)),
        ),
    )
    pit.do(review.admit, change, answer)
