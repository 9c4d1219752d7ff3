"""What the register says of a message, and whether an enrolment may still change it."""

import msgspec
import pytest

from flead.trust.envelope import seal
from flead.trust.keys import SigningKey
from flead.trust.register import AGENT, DEVICE, Claim, Entry, Register
from flead.trust.verdict import BELIEVED, Refusal, Verdict

TOPIC = "anomalies"
ENROLLED, OWNED = "agent_1", "pump_1"


@pytest.fixture
def key(tmp_path) -> SigningKey:
    return SigningKey.load_or_create(tmp_path / "key")


@pytest.fixture
def register(key: SigningKey) -> Register:
    register = Register()
    register.take(AGENT + ENROLLED, msgspec.json.encode(Entry(key.public, "2025-11-07T12:00:00.000Z")))
    register.take(DEVICE + OWNED, msgspec.json.encode(Claim(ENROLLED)))
    register.take(DEVICE + "pump_2", msgspec.json.encode(Claim("agent_2")))
    return register


@pytest.mark.parametrize(
    ("agent", "device", "verdict"),
    [
        (ENROLLED, OWNED, BELIEVED),
        (ENROLLED, "pump_2", Verdict(Refusal.FOREIGN)),
        (ENROLLED, "pump_3", Verdict(Refusal.FOREIGN, is_final=False)),  # its claim may be on the way
        ("agent_3", OWNED, Verdict(Refusal.UNKNOWN, is_final=False)),
        (None, OWNED, Verdict(Refusal.UNSIGNED_DEVICE)),
        (None, "pump_3", BELIEVED),
    ],
)
def test_only_what_an_enrolment_may_change_is_not_final(
    register: Register, key: SigningKey, agent: str | None, device: str, verdict: Verdict
) -> None:
    envelope = None if agent is None else seal(key, TOPIC, agent, 1, b"{}")
    assert register.judge(TOPIC, envelope, device) == verdict


def test_a_wrong_signature_stays_wrong(register: Register, key: SigningKey) -> None:
    elsewhere = seal(key, "local-model-updates", ENROLLED, 1, b"{}")
    assert register.judge(TOPIC, elsewhere, "pump_3") == Verdict(Refusal.WRONG)
