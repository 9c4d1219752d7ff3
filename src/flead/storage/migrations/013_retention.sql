-- When a row was stored. Rows are kept by that and not by their own time: a recording of last year is not old on its
-- first day. TimescaleDB knows it of its chunks; plain Postgres is told here, and asks an index of a few pages.
DO $$
DECLARE
    name text;
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        RETURN;
    END IF;
    FOREACH name IN ARRAY ARRAY['signal', 'local_models', 'model_evaluations', 'anomalies', 'device_hours'] LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN stored_at timestamptz NOT NULL DEFAULT now()', name);
        EXECUTE format('CREATE INDEX %I ON %I USING brin (stored_at) WITH (autosummarize = on)', name || '_stored', name);
    END LOOP;
END
$$;
