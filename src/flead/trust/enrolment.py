"""Enrolment: what a request changes in the register, or why it changes nothing. The aggregator decides; others ask."""

import re
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from flead.boundary import MalformedError, name_of, record
from flead.records import Enrolment
from flead.topics import CONTROL
from flead.trust.envelope import NAME_PATTERN, Envelope, is_signed_by
from flead.trust.keys import is_public_key
from flead.trust.register import AGENT, DEVICE, TAKEN, Claim, Entry, Register
from flead.trust.verdict import Refusal

CLOSED = "asks to be enrolled, which only flead agents enroll does here"
OTHER_KEY = "comes with another key than the one that its name is enrolled with"
NO_NAME = "is no name of an agent"
NO_KEY = "is no public key"

Changes = list[tuple[str, bytes | None]]
"""Messages for the topic ``agents``: key and value, None takes back."""


class RefusedError(Exception):
    """A request that is not granted; says why."""


class Grant(msgspec.Struct, tag_field="request", tag="enroll"):
    """An operator enrols an agent: with this key, for the devices of this pattern, whatever was before."""

    agent: str
    public_key: str
    devices: str
    timestamp: str


class Revocation(msgspec.Struct, tag_field="request", tag="revoke"):
    """An operator revokes an agent: nothing that it signs is believed. Its devices stay its own."""

    agent: str
    timestamp: str


def enrol(register: Register, envelope: Envelope, enrolment: Literal["first-use", "closed"]) -> Changes:
    """What an agent's own request changes; nothing if it said so before. Raises RefusedError."""
    try:
        request = record(Enrolment, envelope.record)
        for device in request.devices:
            name_of(device)
    except MalformedError as error:
        raise RefusedError(f"not an enrolment: {error}") from None
    _check(request.agent, request.public_key)
    if envelope.agent != request.agent or not is_signed_by(request.public_key, CONTROL, envelope):
        raise RefusedError(Refusal.WRONG)
    entry = register.agents.get(request.agent)
    changes: Changes = []
    if entry is None:
        if enrolment == "closed":
            raise RefusedError(CLOSED)
        entry = Entry(request.public_key, request.timestamp)
        changes.append((AGENT + request.agent, msgspec.json.encode(entry)))
    if entry.revoked:
        raise RefusedError(Refusal.REVOKED)
    if entry.public_key != request.public_key:
        raise RefusedError(OTHER_KEY)
    claim = msgspec.json.encode(Claim(request.agent))
    reserved = register.reserved(request.agent)
    for device in dict.fromkeys(request.devices):
        free = device not in register.owners and not any(fnmatchcase(device, pattern) for pattern in reserved)
        if free and fnmatchcase(device, entry.devices):
            changes.append((DEVICE + device, claim))
    return changes


def grant(register: Register, request: Grant) -> Changes:
    """What an operator's enrolment changes. Raises RefusedError.

    With another key the agent is taken for a new one, whose devices count their versions from the beginning.
    """
    _check(request.agent, request.public_key)
    old = register.agents.get(request.agent)
    entry = Entry(request.public_key, request.timestamp, request.devices, by_command=True)
    changes: Changes = [(AGENT + request.agent, msgspec.json.encode(entry))]
    claim = msgspec.json.encode(Claim(request.agent))
    anew = old is not None and old.public_key != request.public_key
    for device, owner in register.owners.items():
        matches = fnmatchcase(device, request.devices)
        if owner == request.agent:
            changes += [] if matches else [(DEVICE + device, None)]
            changes += [(TAKEN + device, None)] if anew else []
        elif matches and request.devices != "*":
            changes += [(DEVICE + device, claim), (TAKEN + device, None)]
    return changes


def revoke(register: Register, request: Revocation) -> Changes:
    """What a revocation changes. Raises RefusedError."""
    entry = register.agents.get(request.agent)
    if entry is None:
        raise RefusedError(f"{request.agent!r} is not enrolled")
    return [(AGENT + request.agent, msgspec.json.encode(msgspec.structs.replace(entry, revoked=True)))]


def _check(agent: str, public_key: str) -> None:
    if not re.fullmatch(NAME_PATTERN, agent):
        raise RefusedError(f"{agent[:80]!r} {NO_NAME}")
    if not is_public_key(public_key):
        raise RefusedError(f"{public_key[:80]!r} {NO_KEY}")
