-- The agents, as the platform knows them, and how they are, as they say themselves.

CREATE TABLE agents (
    name        text PRIMARY KEY,
    public_key  text NOT NULL,
    pattern     text NOT NULL,                 -- of the devices that it may claim
    by_command  boolean NOT NULL,              -- enrolled by an operator; false: by its first use
    revoked     boolean NOT NULL,
    enrolled_at timestamptz NOT NULL,
    state       text,                          -- 'online', 'silent' or 'stopped'; NULL: it has not spoken yet
    pending     int NOT NULL DEFAULT 0,        -- messages that it has not delivered
    spoke_at    timestamptz                    -- its last word, by its own clock; its last will has none of its own
);

CREATE TABLE agent_devices (
    device_id text PRIMARY KEY,
    agent     text NOT NULL
);
CREATE INDEX agent_devices_agent ON agent_devices (agent);

-- What was refused of what came under an agent's name, whoever sent it; '' are names that are not enrolled.
CREATE TABLE agent_refusals (
    agent   text NOT NULL,
    reason  text NOT NULL,
    refused bigint NOT NULL,
    PRIMARY KEY (agent, reason)
);
