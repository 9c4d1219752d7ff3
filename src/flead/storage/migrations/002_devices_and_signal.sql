-- The fleet as it is now, its thinned signals, what was refused, and where the pipeline stands.

-- One row a device, updated in place at every commit: room in the pages and no index on what changes, so that an
-- update touches no index.
CREATE TABLE devices (
    device_id     text PRIMARY KEY,
    broker_id     int NOT NULL,
    channels      text[] NOT NULL,
    first_seen    timestamptz NOT NULL,
    last_seen     timestamptz NOT NULL,
    readings      bigint NOT NULL,
    anomalies     bigint NOT NULL,
    last_warning  timestamptz,
    last_critical timestamptz,
    trainings     bigint NOT NULL,                -- local models made
    accuracy_sum  double precision NOT NULL,      -- over all trainings; mean accuracy = accuracy_sum / trainings
    model_version int NOT NULL,                   -- the newest; 0 is none yet
    accuracy      double precision,               -- of the newest training
    loss          double precision
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.5);

CREATE TABLE signal (
    device_id text NOT NULL,
    channel   text NOT NULL,
    value     double precision NOT NULL,
    mean      double precision,                   -- of the window that the value was judged by; NULL: too few readings
    std       double precision,
    timestamp timestamptz NOT NULL
);
CREATE INDEX signal_device ON signal (device_id, timestamp DESC);

-- What was not a reading. It may have no event time, so seen_at is the clock of the machine that refused it.
CREATE TABLE rejected (
    source   text NOT NULL,
    location text NOT NULL,
    reason   text NOT NULL,
    raw      bytea NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX rejected_time ON rejected (seen_at DESC);

-- What a pipeline needs to go on, in blocks, written in the transaction of the rows that led to it. The blocks are
-- dense binary numbers, replaced as a whole: compressing them would cost time and gain little.
CREATE TABLE pipeline_state (
    key   text PRIMARY KEY,
    value bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.5, toast.autovacuum_vacuum_scale_factor = 0.5);
ALTER TABLE pipeline_state ALTER COLUMN value SET STORAGE EXTERNAL;
