"""Records leave in order, together, a bounded number at a time, at a bounded rate, and again if nobody answers."""

from flead.agent.sender import ENOUGH, FIRST_PATIENCE, GATHER_SECONDS, IN_FLIGHT, Sender
from flead.agent.store import AgentStore, Change, Made
from flead.topics import ANOMALIES, LOCAL_UPDATES
from tests.agent.uplinks import Hand


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def filled(directory, count: int) -> AgentStore:
    store = AgentStore(directory)
    put(store, LOCAL_UPDATES, count)
    return store


def put(store: AgentStore, topic: str, count: int) -> None:
    store.commit(Change(made=[Made(topic, "a", 0, b"{}")] * count), lambda _: {})


def at_once(uplink: Hand, store: AgentStore, rate: float, time: Time) -> Sender:
    """One whose updates wait for nobody."""
    sender = Sender(uplink, store, rate, time)
    sender.gather = 0.0
    return sender


def test_a_backlog_goes_out_in_order_and_not_in_a_burst(tmp_path):
    store, uplink, time = filled(tmp_path, 1000), Hand(), Time()
    sender = Sender(uplink, store, 50, time)
    for second in range(1, 21):
        time.now += 1
        sender.pump()
        assert len(uplink.sent) == 50 * second
        store.commit(Change(answered=set(sender.answered)), lambda _: {})
        sender.answered.clear()
    assert [one.sequence for one in uplink.sent] == list(range(1, 1001))
    time.now += 1000  # a long rest saves up no burst
    put(store, LOCAL_UPDATES, 1000)
    sender.pump()
    assert len(uplink.sent) == 1050


def test_no_more_is_on_its_way_than_may_be(tmp_path):
    store, uplink, time = filled(tmp_path, 1000), Hand(answering=False), Time()
    sender = Sender(uplink, store, 10_000, time)
    for _ in range(5):
        time.now += 1
        sender.pump()
    assert len(uplink.sent) == IN_FLIGHT
    assert uplink.sendings == [IN_FLIGHT]


def test_updates_wait_for_company_and_alarms_for_nobody(tmp_path):
    """An update alone waits; the next alarm takes it along, at once; enough of them wait for nothing."""
    store, uplink, time = filled(tmp_path, 1), Hand(), Time()
    sender = Sender(uplink, store, 1000, time)

    def pump(seconds: float) -> list[int]:
        before = len(uplink.sendings)
        for _ in range(round(seconds * 10)):
            time.now += 0.1
            sender.pump()
        return uplink.sendings[before:]

    assert pump(GATHER_SECONDS - 1) == []
    put(store, ANOMALIES, 1)
    assert pump(0.1) == [2]
    put(store, LOCAL_UPDATES, 1)
    assert pump(GATHER_SECONDS) == []
    put(store, LOCAL_UPDATES, 1)
    assert pump(0.2) == [2]
    put(store, LOCAL_UPDATES, ENOUGH + 1)
    assert pump(0.1) == [ENOUGH + 1]
    put(store, ANOMALIES, 1)
    put(store, ANOMALIES, 1)
    assert pump(1) == [2]
    assert [one.sequence for one in uplink.sent] == list(range(1, ENOUGH + 8))


def test_what_nobody_answers_for_is_sent_again_in_order_with_growing_patience(tmp_path):
    store, uplink, time = filled(tmp_path, 10), Hand(answering=False), Time()
    sender = at_once(uplink, store, 1000, time)
    times = []
    for _ in range(200):
        time.now += 1
        before = len(uplink.sent)
        sender.pump()
        if len(uplink.sent) > before:
            times.append(time.now - 100)
    assert times == [1, 2 + FIRST_PATIENCE, 3 + 3 * FIRST_PATIENCE, 4 + 7 * FIRST_PATIENCE]
    assert [one.sequence for one in uplink.sent] == list(range(1, 11)) * 4


def test_nothing_is_sent_while_the_uplink_is_away_and_nobody_is_impatient_then(tmp_path):
    store, uplink, time = filled(tmp_path, 10), Hand(answering=False), Time()
    sender = at_once(uplink, store, 1000, time)
    time.now += 1
    sender.pump()
    uplink.up = False
    time.now += 10 * FIRST_PATIENCE
    sender.pump()
    uplink.up = True
    sender.pump()
    assert len(uplink.sent) == 10
    uplink.answering = True
    assert sender.pump().delivered == list(range(1, 11))


def test_an_answer_counts_once_and_for_what_was_sent_only(tmp_path):
    store, uplink, time = filled(tmp_path, 3), Hand(), Time()
    sender = at_once(uplink, store, 1000, time)
    uplink.refusing = {2: "foreign"}
    time.now += 1
    sender.pump()
    uplink._unanswered += [1, 99]
    news = sender.pump()
    assert (news.delivered, dict(news.refused), sender.answered) == ([1, 3], {2: "foreign"}, {1, 2, 3})
