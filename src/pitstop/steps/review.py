"""Another person looks at the exact tree; silence is never a yes."""

from datetime import timedelta

from pitstop import messages as say
from pitstop.domain.change import Change
from pitstop.domain.incident import Incident
from pitstop.flow import Answer, No, step
from pitstop.ports import CannotTell, Crew, Refused

WINDOW_MINUTES = {"P1": 5, "P2": 10, "P3": 30, "P4": 60}
"""How long an approval is waited for, by severity, where the configuration does not say."""

LOOKS = timedelta(seconds=5)
"""How often the remote is asked what colleagues said in their own clones."""


LAST_CALL = timedelta(minutes=1)
"""How long before the end it is escalated; in a short window a quarter of it."""


@step("Ask for approval", phase="approving")
def request(crew: Crew, incident: Incident, change: Change) -> float | None:
    """Return for how many seconds an approval is waited for; None where none is required."""
    approval = crew.settings.approval
    if not approval.required:
        return None
    within = crew.settings.severity.of(incident.severity).approval or approval.within
    if within is not None:
        return within.total_seconds()
    return 60.0 * WINDOW_MINUTES[incident.severity]


@step("Listen to colleagues", phase="approving")
def listen(crew: Crew, incident: Incident, change: Change) -> None:
    """Put on record what was said through the remote; from a silent one nothing is heard.

    What is about another tree, or by somebody who wrote the change, does not count.
    """
    if crew.answers is None:
        return
    try:
        said = crew.answers.heard(incident.id, change.tree)
    except (CannotTell, Refused):
        return
    for one in said:
        mail = say.mail_of(one.by)
        if one.tree != change.tree or mail in change.authors:
            continue
        data = {
            "question": "approval",
            "said": one.decision,
            "about": one.tree,
            "reason": one.reason,
            "proven": False,
            "claimed": one.claimed,
            "remote": True,
        }
        crew.record.answered(one.by, data, once=f"approval:{mail}:{one.tree}:{one.decision}")


@step("Approval", phase="approving")
def admit(crew: Crew, change: Change, answer: Answer) -> str | No:
    """Let the change pass with another person's yes to this tree, or a recorded override."""
    if answer.kind == "override":
        return say.overridden("approval", answer.by, answer.said)
    if answer.said == "reject":
        reason = (answer.data or {}).get("reason", "")
        return No(say.rejected(answer.by, reason), declined=True)
    if (answer.data or {}).get("about") != change.tree:
        return No(say.OTHER_TREE_APPROVED, declined=True)
    if say.mail_of(answer.by) in change.authors:
        return No(say.own_approval(answer.by), declined=True)
    return say.approved(answer.by)
