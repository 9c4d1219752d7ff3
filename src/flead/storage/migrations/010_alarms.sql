-- One event of a device is one alarm: flagged readings that follow closely on each other are a run, and a run that
-- is serious enough is an alarm (see flead.storage.alarms for the rule). Written in the transaction of the anomalies.

CREATE TABLE alarms (
    id              bigint PRIMARY KEY,
    revision        bigint NOT NULL,              -- grows with every change, in the order in which changes are seen
    device_id       text NOT NULL,
    broker_id       int NOT NULL,
    severity        text NOT NULL,                -- 'critical' if any of its readings was, else 'warning'
    state           text NOT NULL DEFAULT 'open', -- 'open', 'acknowledged', 'closed'
    started_at      timestamptz NOT NULL,         -- event time of the first flagged reading
    last_at         timestamptz NOT NULL,         -- and of the last
    anomalies       bigint NOT NULL,              -- flagged readings
    criticals       bigint NOT NULL,
    channel         text NOT NULL,                -- of the reading that was furthest out, as all that follows
    value           double precision NOT NULL,
    z_score         double precision NOT NULL,
    detector        text NOT NULL,
    mean            double precision,
    std             double precision,
    threshold       double precision,
    worst_at        timestamptz NOT NULL,
    acknowledged_at timestamptz,                  -- when somebody did, by the clock on the wall
    closed_at       timestamptz,                  -- closed_by 'user': by the clock on the wall; 'quiet': event time
    closed_by       text
) WITH (fillfactor = 70);
CREATE SEQUENCE alarm_ids OWNED BY alarms.id;
CREATE SEQUENCE alarm_revisions OWNED BY alarms.revision;
CREATE INDEX alarms_started ON alarms (started_at DESC, id DESC);
CREATE INDEX alarms_device ON alarms (device_id, started_at DESC);
CREATE INDEX alarms_revision ON alarms (revision);
CREATE INDEX alarms_not_closed ON alarms (last_at) WHERE state <> 'closed';
CREATE INDEX alarms_not_closed_started ON alarms (started_at DESC, id DESC) WHERE state <> 'closed';

-- The newest run of every device that was ever flagged, alarm or not: what the next flagged reading may belong to.
CREATE TABLE alarm_runs (
    device_id  text PRIMARY KEY,
    broker_id  int NOT NULL,
    alarm_id   bigint,                            -- NULL: not serious enough so far
    newest     timestamptz NOT NULL,              -- event time of the reading that came last
    started_at timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    anomalies  bigint NOT NULL,
    criticals  bigint NOT NULL,
    channel    text NOT NULL,
    value      double precision NOT NULL,
    z_score    double precision NOT NULL,
    detector   text NOT NULL,
    mean       double precision,
    std        double precision,
    threshold  double precision,
    worst_at   timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.5);

-- Critical alarms that a webhook is to be told of. Written with the alarm, delivered by whoever serves the viewer.
CREATE TABLE webhook_deliveries (
    alarm_id     bigint PRIMARY KEY,
    attempts     int NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    given_up_at  timestamptz,
    error        text
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;

-- silent: nothing for an hour. critical, warning: an alarm of this severity that is not closed. learning: not trained
-- yet. The worst that holds is the state. (A single flagged reading is no alarm, and paints no device.)
CREATE OR REPLACE VIEW device_states AS
SELECT devices.*,
       CASE
           WHEN devices.last_seen < clock - interval '1 hour' THEN 'silent'
           WHEN alarm.critical THEN 'critical'
           WHEN alarm.critical IS NOT NULL THEN 'warning'
           WHEN trainings = 0 THEN 'learning'
           ELSE 'normal'
       END AS state
FROM devices
CROSS JOIN data_clock
LEFT JOIN (SELECT device_id, bool_or(criticals > 0) AS critical FROM alarms WHERE state <> 'closed' GROUP BY device_id)
    AS alarm ON alarm.device_id = devices.device_id;

-- What the devices' own alarms were worth on labelled readings, since the store began: reading by reading.
CREATE TABLE detection_counts (
    detector        text PRIMARY KEY,
    true_positives  bigint NOT NULL,
    false_positives bigint NOT NULL,
    true_negatives  bigint NOT NULL,
    false_negatives bigint NOT NULL,
    updated_at      timestamptz NOT NULL
);
