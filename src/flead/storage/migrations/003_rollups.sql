-- Sums that the writer keeps up to date in the transaction of the rows, so that no overview ever counts raw rows.
-- Every row belongs to one minute of event time, or to the whole past.

CREATE TABLE models_per_minute (
    minute       timestamptz NOT NULL,
    broker_id    int NOT NULL,
    models       bigint NOT NULL,
    accuracy_sum double precision NOT NULL,
    PRIMARY KEY (minute, broker_id)
) WITH (fillfactor = 70);

CREATE TABLE anomalies_per_minute (
    minute    timestamptz NOT NULL,
    broker_id int NOT NULL,
    severity  text NOT NULL,
    anomalies bigint NOT NULL,
    PRIMARY KEY (minute, broker_id, severity)
) WITH (fillfactor = 70);

CREATE TABLE readings_per_minute (
    minute    timestamptz NOT NULL,
    broker_id int NOT NULL,
    readings  bigint NOT NULL,
    PRIMARY KEY (minute, broker_id)
) WITH (fillfactor = 70);

-- max(newest) is the data's clock: "the last hour" ends there, so that replayed data shows.
CREATE TABLE broker_totals (
    broker_id int PRIMARY KEY,
    readings  bigint NOT NULL,
    models    bigint NOT NULL,
    warnings  bigint NOT NULL,
    criticals bigint NOT NULL,
    newest    timestamptz NOT NULL                -- event time of the newest record
) WITH (fillfactor = 50);

CREATE TABLE rejected_per_reason (
    reason   text PRIMARY KEY,
    rejected bigint NOT NULL
) WITH (fillfactor = 50);
