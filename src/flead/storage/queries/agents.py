"""The agents, and what was refused from them."""

from typing import Any

from psycopg import Connection

from flead.storage.queries.common import bounded, fetch
from flead.storage.queries.rows import AgentRow, RejectedReason


def agents(connection: Connection[Any], limit: int = 1000) -> list[AgentRow]:
    """The agents, those that need attention first: silent ones, then those with most refusals, then by name."""
    return fetch(
        connection,
        AgentRow,
        """
        SELECT name, CASE WHEN revoked THEN 'revoked' ELSE state END AS state, coalesce(d.devices, 0) AS devices,
            pending, milliseconds(spoke_at) AS spoke_at, milliseconds(enrolled_at) AS enrolled_at, by_command, revoked,
            public_key, pattern, coalesce(r.refused, '{}') AS refused
        FROM agents
        LEFT JOIN (SELECT agent, count(*) AS devices FROM agent_devices GROUP BY agent) d ON d.agent = name
        LEFT JOIN (
            SELECT agent, jsonb_object_agg(reason, refused) AS refused, sum(refused) AS total
            FROM agent_refusals GROUP BY agent
        ) r ON r.agent = name
        ORDER BY state = 'silent' DESC NULLS LAST, coalesce(r.total, 0) DESC, name LIMIT %(limit)s
        """,
        limit=bounded(limit),
    )


def agents_refused(connection: Connection[Any], limit: int = 100) -> list[RejectedReason]:
    """Why records under an agent's name were refused, and how often; enrolled or not."""
    return fetch(
        connection,
        RejectedReason,
        """
        SELECT reason, sum(refused)::bigint AS rejected FROM agent_refusals
        GROUP BY reason ORDER BY rejected DESC, reason LIMIT %(limit)s
        """,
        limit=bounded(limit),
    )
