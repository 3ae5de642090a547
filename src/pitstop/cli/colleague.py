"""An answer to a hotfix that runs in somebody else's clone: shown, then said through the remote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pitstop import bootstrap
from pitstop.adapters._run import Runner
from pitstop.cli import common
from pitstop.domain.answer import RemoteAnswer
from pitstop.engine.place import Place
from pitstop.journal.store import stamp
from pitstop.journal.timeline import plain
from pitstop.messages import mail_of, one_line
from pitstop.ports import CannotTell, Refused

if TYPE_CHECKING:
    from pitstop import config
    from pitstop.adapters.forges.proposals import Proposal


def answer(here: Place, given: str | None, said: str, reason: str, name: str | None) -> int:
    """Answer the hotfix that is meant, for the tree that it has now. Raises Usage: none waits."""
    settings, _ = bootstrap.load(here.config)
    by = common.actor(here, name)
    proposal = _proposal(here, settings, given)
    print(_shown(proposal))
    if mail_of(by) in proposal.authors:
        raise common.CannotDo(
            f"{by} wrote this change; another person has to look at it. Production is unchanged."
        )
    now = stamp(datetime.now(UTC))
    one = RemoteAnswer(said, proposal.tree, by, now, reason, claimed=name is not None)
    new = bootstrap.answers(here, settings, Runner()).say(proposal.run, one)
    recorded = f"{said} of tree {proposal.tree[:12]} by {by}"
    if not new:
        print(f"Recorded already: {recorded}.")
        return 0
    print(
        f"Recorded on {settings.service.remote}: {recorded}. Whoever ships {proposal.run} hears it within "
        f"seconds; if nobody executes it, they type: pitstop resume {proposal.run}"
    )
    return 0


def known(here: Place, given: str) -> bool:
    """Return whether the remote has a hotfix of this name, as far as it answers."""
    try:
        settings, _ = bootstrap.load(here.config)
        found = bootstrap.proposals(here, settings, Runner()).open()
        return any(run.startswith(given) for run in found)
    except (CannotTell, Refused):
        return False


def _proposal(here: Place, settings: config.Settings, given: str | None) -> Proposal:
    """Return the change that waits on the remote."""
    proposals = bootstrap.proposals(here, settings, Runner())
    found, remote = proposals.open(), settings.service.remote
    matching = [run for run in found if run.startswith(given or "")]
    matching = [given] if given in found else matching
    if not matching:
        named = f"There is no hotfix {given!r}" if given else "No hotfix is open"
        raise common.Usage(f"{named}, neither here nor on {remote}. See: pitstop list")
    if len(matching) > 1:
        many = ", ".join(one_line(run) for run in sorted(matching))
        raise common.Usage(f"More than one hotfix is open on {remote}: {many}. Name one.")
    [run] = matching
    _refuse_what_is_over(here, settings, run)
    proposal = proposals.bring(run, found[run])
    if proposal is None:
        raise common.Usage(f"{run} changes nothing yet, so there is nothing to answer.")
    return proposal


def _refuse_what_is_over(here: Place, settings: config.Settings, run: str) -> None:
    """Refuse a branch that was left over: a hotfix under way holds a claim on its service."""
    name = settings.service.name
    try:
        claim = bootstrap.claims(here, settings, Runner()).read(name)
    except (Refused, CannotTell):
        return  # it says nothing; an answer that nobody waits for does no harm
    if claim is None:
        raise common.Usage(
            f"{one_line(run)} does not wait for an approval: nobody has claimed {name}, so no hotfix of "
            "it is under way."
        )


def _shown(one: Proposal) -> str:
    """Return what is answered, in words that move no cursor."""
    return plain(
        f"{one.run}: commit {one.commit[:12]}, tree {one.tree[:12]}, on top of {one.base[:12]}\n{one.stat}\n"
        f"All of it: git diff {one.base[:12]}..{one.commit[:12]}"
    )
