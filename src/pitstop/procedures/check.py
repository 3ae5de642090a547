"""What can be known of a fix before it is shipped: nothing outside its worktree is changed."""

from pitstop.domain.change import Branch, Change
from pitstop.domain.incident import Incident
from pitstop.flow import Pit
from pitstop.steps import branch, checks, guard, merge, triage


def check(pit: Pit, incident: Incident, cut: Branch) -> Change:
    """Ask triage, guards and tests what they would say of the worktree as it is now."""
    do = pit.do
    do(triage.classify, incident)
    change = do(branch.preview, incident, cut)
    do(triage.passes_calendar, incident)
    do(guard.inspect, incident, change)
    do(guard.known_bad, change)
    do(merge.foresee, change)
    do(checks.prepare, change)
    pit.together((checks.targeted, checks.smoke, checks.proof), change)
    return change
