"""``flead agent status``: what an agent's store says, whether the agent runs or not."""

import sqlite3
from typing import Any

import msgspec

from flead.agent.agent import FIGURES
from flead.agent.errors import AgentError
from flead.agent.figures import Figures
from flead.agent.run import directory_of, running_as
from flead.agent.store import FILE
from flead.records import to_text
from flead.settings import Settings

SHOWN_REJECTED = 5


def status(settings: Settings) -> dict[str, Any]:
    """How the agent of this data directory is. AgentError if there is none."""
    directory = directory_of(settings)
    path = directory / FILE
    if not path.exists():
        raise AgentError(f"no agent has run here: there is no {path}; set data_dir to where the agent runs")
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        found = database.execute("SELECT value FROM state WHERE key = ?", (FIGURES,)).fetchone()
        rows, size, oldest = database.execute(
            "SELECT count(*), coalesce(sum(length(record)), 0), min(made) FROM outbox"
        ).fetchone()
        rejected = database.execute(
            "SELECT seen, location, reason, raw FROM rejected ORDER BY id DESC LIMIT ?", (SHOWN_REJECTED,)
        ).fetchall()
        database.close()
    except sqlite3.Error as error:
        raise AgentError(f"{path}: cannot be read: {error}") from None
    figures = msgspec.msgpack.decode(found[0], type=Figures) if found else Figures()
    pid = running_as(directory)
    return {
        "name": figures.name,
        "state": "stopped" if pid is None else "running",
        "pid": pid,
        "source": figures.source,
        "uplink": figures.uplink,
        "connected": pid is not None and figures.connected,
        "learner": figures.learner,
        "started": _time(figures.started),
        "stored": _time(figures.stored),
        "devices": figures.devices,
        "readings": figures.readings,
        "rejected": figures.rejected,
        "updates": figures.updates,
        "alarms": figures.alarms,
        "delivered": figures.delivered,
        "waiting": rows,
        "waiting_bytes": size,
        "waiting_since": _time(oldest),
        "dropped": figures.dropped,
        "refused": figures.refused,
        "left_out": figures.left_out,
        "global_version": figures.global_version,
        "foreign_models": figures.foreign_models,
        "clock_jumps": figures.clock_jumps,
        "public_key": figures.public_key,
        "newest_rejected": [
            {"seen": _time(seen), "location": location, "reason": reason, "raw": raw.decode(errors="replace")}
            for seen, location, reason, raw in rejected
        ],
    }


def as_text(status: dict[str, Any]) -> str:
    """The same for a person, a line each."""
    lines = []
    for name, value in status.items():
        if name == "newest_rejected":
            lines += [f"rejected at {one['seen']}, {one['location']}: {one['reason']}" for one in value]
        elif isinstance(value, dict):
            lines.append(f"{name:<16} {', '.join(f'{count:,} {what}' for what, count in value.items()) or 'nothing'}")
        elif isinstance(value, int) and not isinstance(value, bool) and name != "pid":
            lines.append(f"{name:<16} {value:,}")
        else:
            lines.append(f"{name:<16} {'–' if value is None else value}")
    return "\n".join(lines)


def _time(milliseconds: int | None) -> str | None:
    return to_text(milliseconds) if milliseconds else None
