"""Kafka as it is - topics, partitions, leaders, copies, lag, messages - and what was refused on the way in."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from nicegui import ui

from flead.dashboard.api.streams import NO_KAFKA
from flead.dashboard.components.elements import Card, Text, box, set_visible
from flead.dashboard.components.fields import Choice
from flead.dashboard.components.frame import frame, keep_live
from flead.dashboard.components.table import Table, column
from flead.dashboard.formats import NONE, count, plural
from flead.dashboard.site import Site
from flead.dashboard.streams import StreamsError
from flead.storage import queries
from flead.storage.queries.rows import RejectedRow

if TYPE_CHECKING:
    from flead.bus.cluster import Cluster, Glimpse, TopicView

MESSAGES = 20
LETTERS = 20
MOST_SHOWN = 300
"""Characters of a refused record in the table."""


def add_streams(site: Site) -> None:
    """Serve the page."""

    @ui.page("/streams", title="Streams · FLEAD", response_timeout=10)
    async def streams(topic: str = "", partition: str = "") -> None:
        with frame("Streams", "/streams") as status:
            view = _View(site, topic[:249], partition)
        view.update = await keep_live(status, view.refresh)


class _View:
    update: Callable[[], Awaitable[None]]

    def __init__(self, site: Site, topic: str, partition: str) -> None:
        self._site = site
        self._topic = topic
        self._partition = int(partition) if partition.isascii() and partition.isdigit() and len(partition) < 6 else 0
        Text("h1", "Streams")
        self._trouble = Text("p", "", "card empty")
        set_visible(self._trouble, False)
        if site.streams is None:
            Text("p", f"{NO_KAFKA[0].upper()}{NO_KAFKA[1:]}.", "card empty")
        with box("grid"):
            if site.streams is not None:
                self._add_kafka()
            with Card("Dead letters by reason", 4):
                self._reasons = Table("Dead letters by reason", _REASONS, NO_LETTERS)
            with Card("Newest dead letters", 8, "as they came"):
                self._letters = Table("Newest dead letters", _LETTERS, NO_LETTERS)

    def _add_kafka(self) -> None:
        with Card("Topics", 12) as card:
            self._topics_note = card.note
            self._topics = Table("Topics", _TOPICS, NO_TOPICS)
        with Card("Brokers", 5):
            self._brokers = Table("Brokers", _BROKERS, "No broker answers.")
        with Card("Consumers", 7, "what a group has committed, and how far that is behind"):
            self._lags = Table("Consumers", _LAGS, "No group of consumers has committed anything yet.")
        with Card("A topic's partitions and messages", 12).classes("signal"):
            with box("filters"):
                self._choose_topic = Choice("Topic", [(self._topic, self._topic or "Choose a topic")], self._topic,
                                            lambda topic: self._look_at(topic, 0))  # fmt: skip
                self._choose_partition = Choice("Partition", [("0", "Partition 0")], str(self._partition),
                                                self._choose)  # fmt: skip
            self._partitions = Table("Partitions", _PARTITIONS, "Choose a topic to see its partitions.")
            self._messages = Table("Newest messages", _MESSAGES, "No message is kept in this partition.")

    async def refresh(self) -> int | None:
        ask = self._site.store.ask
        totals = await ask(queries.overview)
        reasons = await ask(queries.rejected_reasons, 20)
        self._reasons.show([{"key": r.reason, "reason": r.reason, "count": count(r.rejected)} for r in reasons])
        self._letters.show(
            [_letter(number, row) for number, row in enumerate(await ask(queries.latest_rejected, LETTERS))]
        )
        await self._refresh_kafka()
        return totals.clock

    async def _refresh_kafka(self) -> None:
        if self._site.streams is None:
            return
        try:
            cluster = await self._site.streams.look()
            known = {topic.name: topic for topic in cluster.topics}
            topic = known.get(self._topic)
            messages = []
            if topic is not None and self._partition < len(topic.partitions):
                messages = await self._site.streams.messages(topic.name, self._partition, MESSAGES)
        except StreamsError as error:
            self._trouble.set_text(f"{error}. This page goes on by itself when it does; flead status says how it is.")
            set_visible(self._trouble, True)
            return
        set_visible(self._trouble, False)
        self._show(cluster, topic, messages)

    def _show(self, cluster: "Cluster", topic: "TopicView | None", messages: "list[Glimpse]") -> None:
        lacking = sum(topic.out_of_sync for topic in cluster.topics)
        self._topics_note.set_text(
            f"{plural(lacking, 'partition')} without all copies" if lacking else "every partition has all its copies"
        )
        self._topics.show([_topic(each) for each in cluster.topics])
        self._brokers.show([_broker(broker) for broker in cluster.brokers])
        self._lags.show([_lag(lag) for lag in cluster.lags])
        self._choose_topic.offer([("", "Choose a topic"), *((each.name, each.name) for each in cluster.topics)])
        numbers = [partition.partition for partition in topic.partitions] if topic else [0]
        self._choose_partition.offer([(str(number), f"Partition {number}") for number in numbers])
        self._partitions.show([_partition(partition) for partition in topic.partitions] if topic else [])
        self._messages.show([_message(message) for message in messages])

    async def _choose(self, partition: str) -> None:
        await self._look_at(self._topic, int(partition) if partition.isdigit() else 0)

    async def _look_at(self, topic: str, partition: int) -> None:
        self._topic, self._partition = topic, partition
        ui.navigate.history.replace(f"/streams?topic={topic}&partition={partition}" if topic else "/streams")
        await self.update()


NO_LETTERS = "None: every record could be used."
NO_TOPICS = "No topic yet: flead up makes them."

_REASONS = [column("reason", "Reason", "prose"), column("count", "Records", "number")]
_LETTERS = [
    column("time", "Refused at", "time", narrow=False),
    column("reason", "Why", "prose"),
    column("where", "Where", narrow=False),
    column("raw", "Bytes", "code"),
]
_TOPICS = [
    column("name", "Topic"),
    column("partitions", "Partitions", "number"),
    column("copies", "Copies", "number", narrow=False, hint="Replicas of each partition"),
    column("lacking", "Out of sync", "number", hint="Partitions that lack a replica, or a leader"),
    column("messages", "Messages kept", "number", hint="By offsets: compaction and transactions leave some empty"),
]
_BROKERS = [
    column("id", "Broker", "number"),
    column("address", "Address"),
    column("leads", "Leads", "number", hint="Partitions"),
    column("role", "", narrow=False),
]
_LAGS = [
    column("group", "Group"),
    column("topic", "Topic"),
    column("committed", "Committed", "number", narrow=False),
    column("lag", "Lag", "number", hint="Messages not yet committed"),
]
_PARTITIONS = [
    column("partition", "Partition", "number"),
    column("leader", "Leader", "number"),
    column("replicas", "Replicas", narrow=False),
    column("in_sync", "In sync"),
    column("first", "First offset", "number", narrow=False),
    column("end", "Next offset", "number"),
]
_MESSAGES = [
    column("offset", "Offset", "number"),
    column("time", "Arrived", "time", narrow=False),
    column("key_", "Key"),
    column("value", "Message", "code"),
    column("headers", "Headers", "prose", narrow=False),
]


def _topic(topic: Any) -> dict[str, object]:
    copies = max((len(partition.replicas) for partition in topic.partitions), default=0)
    return {
        "key": topic.name,
        "name": topic.name,
        "partitions": count(len(topic.partitions)),
        "copies": count(copies),
        "lacking": count(topic.out_of_sync),
        "messages": count(topic.messages),
    }


def _broker(broker: Any) -> dict[str, object]:
    role = "controller" if broker.is_controller else ""
    return {"key": broker.id, "id": broker.id, "address": broker.address, "leads": count(broker.leads), "role": role}


def _lag(lag: Any) -> dict[str, object]:
    return {
        "key": f"{lag.group} {lag.topic}",
        "group": lag.group,
        "topic": lag.topic,
        "committed": count(lag.committed),
        "lag": count(lag.lag),
    }


def _partition(partition: Any) -> dict[str, object]:
    return {
        "key": partition.partition,
        "partition": partition.partition,
        "leader": NONE if partition.leader is None else partition.leader,
        "replicas": ", ".join(map(str, partition.replicas)),
        "in_sync": ", ".join(map(str, partition.in_sync)),
        "first": count(partition.first),
        "end": count(partition.end),
    }


def _message(message: Any) -> dict[str, object]:
    return {
        "key": message.offset,
        "offset": count(message.offset),
        "time": message.timestamp,
        "key_": message.key,
        "value": message.text if message.text is not None else message.hex,
        "headers": ", ".join(f"{name}: {value}" for name, value in message.headers.items()) or NONE,
    }


def _letter(number: int, row: RejectedRow) -> dict[str, object]:
    try:
        shown = row.raw.decode()
    except UnicodeDecodeError:
        shown = row.raw.hex(" ")
    return {
        "key": number,
        "time": row.seen_at,
        "reason": row.reason,
        "where": f"{row.source} {row.location}",
        "raw": shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…",
    }
