-- What TimescaleDB (2.14 or newer) adds. On a server without it this file waits; a database that moves to a server with
-- it gets it at the next migration, its rows included.
--
-- Chunks of one day: of an hour compress 2.5 times, of a day 6.5 to 8 times. Policies count from when a chunk was made,
-- not from the times in it: a recording of last year is kept as long as any other data, and is not compressed while it
-- is being written.

SELECT create_hypertable('local_models', by_range('created_at', INTERVAL '1 day'), migrate_data => true);
SELECT create_hypertable('model_evaluations', by_range('created_at', INTERVAL '1 day'), migrate_data => true);
SELECT create_hypertable('anomalies', by_range('timestamp', INTERVAL '1 day'), migrate_data => true);
SELECT create_hypertable('signal', by_range('timestamp', INTERVAL '1 day'), migrate_data => true);
SELECT create_hypertable('device_hours', by_range('hour', INTERVAL '1 day'), migrate_data => true);
SELECT create_hypertable('rejected', by_range('seen_at', INTERVAL '1 day'), migrate_data => true);

-- Rows are only ever added to these four, and none has a unique index: an insert into a compressed chunk decompresses
-- nothing, whatever the version. device_hours stays as it is, because its rows are changed.
ALTER TABLE local_models SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
    timescaledb.compress_orderby = 'created_at DESC');
ALTER TABLE model_evaluations SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
    timescaledb.compress_orderby = 'created_at DESC');
ALTER TABLE anomalies SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
    timescaledb.compress_orderby = '"timestamp" DESC');
ALTER TABLE signal SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
    timescaledb.compress_orderby = '"timestamp" DESC');

-- Compression is called columnstore since 2.18.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['local_models', 'model_evaluations', 'anomalies', 'signal'] LOOP
        IF EXISTS (SELECT FROM pg_proc WHERE proname = 'add_columnstore_policy') THEN
            EXECUTE format('CALL add_columnstore_policy(%L, created_before => INTERVAL ''2 days'')', name);
        ELSE
            PERFORM add_compression_policy(name::regclass, compress_created_before => INTERVAL '2 days');
        END IF;
    END LOOP;
END
$$;

SELECT add_retention_policy('signal', drop_created_before => INTERVAL '30 days');
SELECT add_retention_policy('rejected', drop_created_before => INTERVAL '30 days');
SELECT add_retention_policy('local_models', drop_created_before => INTERVAL '90 days');
SELECT add_retention_policy('model_evaluations', drop_created_before => INTERVAL '90 days');
SELECT add_retention_policy('anomalies', drop_created_before => INTERVAL '90 days');
SELECT add_retention_policy('device_hours', drop_created_before => INTERVAL '400 days');

-- The sums by minute follow from rows that are here, so the server keeps them, and the writer finds views in the place
-- of its tables and leaves them alone. (readings_per_minute stays a table: readings are not stored.) Minutes that are
-- not materialised yet are summed when they are asked for. A refresh begins with the oldest data, so that late and
-- replayed records count too; it only computes what has changed.
DROP TABLE models_per_minute;
CREATE MATERIALIZED VIEW models_per_minute
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 minute', created_at) AS minute, broker_id, count(*) AS models,
       sum(accuracy) AS accuracy_sum
FROM local_models
GROUP BY time_bucket(INTERVAL '1 minute', created_at), broker_id
WITH NO DATA;
SELECT add_continuous_aggregate_policy('models_per_minute', start_offset => NULL, end_offset => INTERVAL '2 minutes',
    schedule_interval => INTERVAL '1 minute');

DROP TABLE anomalies_per_minute;
CREATE MATERIALIZED VIEW anomalies_per_minute
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 minute', "timestamp") AS minute, broker_id, severity, count(*) AS anomalies
FROM anomalies
GROUP BY time_bucket(INTERVAL '1 minute', "timestamp"), broker_id, severity
WITH NO DATA;
SELECT add_continuous_aggregate_policy('anomalies_per_minute', start_offset => NULL, end_offset => INTERVAL '2 minutes',
    schedule_interval => INTERVAL '1 minute');

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'flead_read') THEN
        GRANT SELECT ON models_per_minute, anomalies_per_minute TO flead_read;
    END IF;
END
$$;
