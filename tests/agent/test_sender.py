"""Records leave in order, a bounded number at a time, at a bounded rate, and again if nobody answers."""

from flead.agent.sender import FIRST_PATIENCE, IN_FLIGHT, Sender
from flead.agent.store import UPDATES, Change, Made, Store
from tests.agent.uplinks import Hand


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def filled(directory, count: int) -> Store:
    store = Store(directory)
    store.commit(Change(made=[Made(UPDATES, "a", 0, b"{}")] * count), lambda _: {})
    return store


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
    store.commit(Change(made=[Made(UPDATES, "a", 0, b"{}")] * 1000), lambda _: {})
    sender.pump()
    assert len(uplink.sent) == 1050


def test_no_more_is_on_its_way_than_may_be(tmp_path):
    store, uplink, time = filled(tmp_path, 1000), Hand(answering=False), Time()
    sender = Sender(uplink, store, 10_000, time)
    for _ in range(5):
        time.now += 1
        sender.pump()
    assert len(uplink.sent) == IN_FLIGHT


def test_what_nobody_answers_for_is_sent_again_in_order_with_growing_patience(tmp_path):
    store, uplink, time = filled(tmp_path, 10), Hand(answering=False), Time()
    sender = Sender(uplink, store, 1000, time)
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
    sender = Sender(uplink, store, 1000, time)
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
    sender = Sender(uplink, store, 1000, time)
    uplink.refusing = {2: "foreign"}
    time.now += 1
    sender.pump()
    uplink._unanswered += [1, 99]
    news = sender.pump()
    assert (news.delivered, dict(news.refused), sender.answered) == ([1, 3], {2: "foreign"}, {1, 2, 3})
