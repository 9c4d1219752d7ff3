-- The four published tables, with what they lacked.
--
-- Times are event times: they come from the record, never from now().
--
-- local_models, model_evaluations, anomalies and signal grow with time and become hypertables where TimescaleDB is
-- present. A unique constraint on a hypertable must contain its time column, so these tables have none: their ids are
-- identities without a primary key, and a row is written once because the writer stores its place in the stream in
-- the same transaction.
--
-- Parameters are one flat array, `layout` gives the shapes in it: {"weights":[3],"bias":[1]} is three weights, then a
-- bias.
-- Against jsonb: a third of the size, exact to the last bit, able to hold NaN and infinities, and written without
-- formatting numbers as text. `layout` is text and not jsonb because jsonb would lose the order of the names.

CREATE TABLE local_models (
    id                bigint GENERATED ALWAYS AS IDENTITY (CACHE 100),
    device_id         text NOT NULL,
    broker_id         int NOT NULL,
    model_version     int NOT NULL,
    global_version    int NOT NULL,               -- the global model that this training started from; 0 is none
    accuracy          double precision NOT NULL,  -- of the batch, before it was trained on
    loss              double precision NOT NULL,  -- binary cross-entropy, likewise
    samples_processed int NOT NULL,
    parameters        double precision[] NOT NULL,
    layout            text NOT NULL,
    created_at        timestamptz NOT NULL
);
CREATE INDEX local_models_device ON local_models (device_id, created_at DESC);

-- No hypertable: one row for twenty local models, kept for ever, and a version must stay unique.
CREATE TABLE federated_models (
    id                bigint GENERATED ALWAYS AS IDENTITY,
    global_version    int PRIMARY KEY,
    aggregation_round int NOT NULL,
    num_devices       int NOT NULL,
    accuracy          double precision NOT NULL,  -- mean of the contributors' accuracies, weighted by their samples
    strategy          text NOT NULL,
    parameters        double precision[] NOT NULL,
    layout            text NOT NULL,
    created_at        timestamptz NOT NULL
);

-- Single predictions of global models, up to 1,000 a version; evaluation_counts has the sums over all.
CREATE TABLE model_evaluations (
    id            bigint GENERATED ALWAYS AS IDENTITY (CACHE 100),
    model_version int NOT NULL,
    device_id     text NOT NULL,
    broker_id     int NOT NULL,
    prediction    double precision NOT NULL,      -- probability of an anomaly
    actual_result int NOT NULL,                   -- ground truth: 0 or 1
    is_correct    boolean NOT NULL,
    confidence    double precision NOT NULL,      -- probability of the class that was predicted: max(p, 1 - p)
    created_at    timestamptz NOT NULL
);
CREATE INDEX model_evaluations_version ON model_evaluations (model_version, created_at DESC);

CREATE TABLE anomalies (
    device_id text NOT NULL,
    broker_id int NOT NULL,
    channel   text NOT NULL,
    value     double precision NOT NULL,
    z_score   double precision NOT NULL,          -- or the score of another detector
    severity  text NOT NULL,                      -- 'warning' or 'critical'
    detector  text NOT NULL,
    mean      double precision,                   -- of the channel's window, the reading excluded; NULL: not used
    std       double precision,
    threshold double precision,                   -- the score above which this detector alarms
    timestamp timestamptz NOT NULL
);
CREATE INDEX anomalies_time ON anomalies (timestamp DESC);
-- Criticals are rare: without it the newest of them are looked for among all warnings.
CREATE INDEX anomalies_critical ON anomalies (timestamp DESC) WHERE severity = 'critical';
CREATE INDEX anomalies_device ON anomalies (device_id, timestamp DESC);
