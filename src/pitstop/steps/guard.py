"""Refuse a change that must not go this way; what may be overridden is, by name and with a reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pitstop import messages as say
from pitstop.domain.change import Change, Patch
from pitstop.domain.incident import Incident
from pitstop.flow import No, override_of, step
from pitstop.guards import RULES, Objection, choice
from pitstop.guards.ride_along import beyond, left_over
from pitstop.guards.untested import untested
from pitstop.ports import CannotTell, Crew, Refused


@dataclass(frozen=True)
class Inspection:
    """What was looked at, and what somebody overrode, each in one sentence."""

    files: tuple[str, ...]
    lines: int
    overridden: tuple[str, ...] = ()


@step("Inspect the change", phase="preparing", attempts=2)
def inspect(
    crew: Crew, incident: Incident, change: Change
) -> Inspection | tuple[str, ...] | No:  # only the files: a version before
    """Refuse what the rules object to, unless every objection is overridden for this very tree."""
    patch = crew.forge.patch(change)
    objections = list(_objections(crew, incident, change, patch))
    gates = {one.gate for one in objections if one.gate}
    given = {gate: found for gate in gates if (found := override_of(crew, gate, change.tree))}
    refused = [one for one in objections if one.gate not in given]
    if refused:
        others = {one["gate"] for one in crew.record.status()["overrides"]} - set(given)
        return No(
            say.objections(incident.id, _told(refused), _gates(refused), others), declined=True
        )
    overridden = [(one, given[one.gate]) for one in objections if one.gate]
    return Inspection(
        tuple(file.path for file in patch.files),
        sum(file.added + file.deleted for file in patch.files),
        tuple(
            say.passed_over(o.gate or "", o.reason, g["by"], g["because"]) for o, g in overridden
        ),
    )


@step("Known-bad commits", phase="preparing", attempts=6)
def known_bad(crew: Crew, change: Change) -> str | No:
    """Refuse what production was returned from before, unless somebody answers for it by name."""
    if crew.known_bad is None:
        return say.NOT_CONFIGURED
    given = override_of(crew, "known-bad", change.tree)
    try:
        bad = crew.known_bad.find(change.commit, change.branch.base_commit)
    except (CannotTell, Refused) as unknown:
        if not given:
            raise
        return say.overridden(str(unknown), given["by"], given["because"])
    if bad is None:
        return say.NONE_KNOWN_BAD
    if given:
        return say.overridden(bad.commit[:12], given["by"], given["because"])
    return No(say.holds_known_bad(bad), declined=True)


def _objections(
    crew: Crew, incident: Incident, change: Change, patch: Patch
) -> Iterator[Objection]:
    service = crew.settings.service
    for rule in RULES:
        yield from rule(patch, crew.settings.guards)
    yield from left_over(patch)
    yield from beyond(change.branch.not_deployed, service.main, service.main_deploys_itself)
    yield from untested(patch, _tests_run(crew, change), bool(incident.repro))


def _tests_run(crew: Crew, change: Change) -> bool:
    """Return whether any of the team's tests would run for this change.

    A team that has configured none is warned by doctor and owes the tests; the contract asks no more.
    """
    checks = crew.settings.checks
    if checks.smoke or not checks.targeted or "{tests}" not in checks.targeted:
        return True
    importing = crew.forge.mentioning(change.commit, choice.stems(change.files))
    everything = crew.forge.files(change.commit)
    return bool(choice.affected(change.files, everything, importing, checks.mapping))


def _told(objections: Iterable[Objection]) -> list[str]:
    return [f"{one.gate or 'never'}: {one.reason}" for one in objections]


def _gates(objections: Iterable[Objection]) -> list[str]:
    """Return the gates to override; none where one of the objections cannot be."""
    gates = [one.gate for one in objections]
    return [] if None in gates else [gate for gate in dict.fromkeys(gates) if gate]
