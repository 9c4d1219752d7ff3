-- The data's clock, and the state of every device by it.

-- Milliseconds since the epoch, UTC: what the columns of the pipeline and the charts of the viewer hold.
CREATE FUNCTION milliseconds(moment timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (extract(epoch FROM moment) * 1000)::bigint $$;

-- Event time of the newest record; NULL in an empty store. (A view, for the planner evaluates it once a query; a
-- function it would call for every row.)
CREATE VIEW data_clock AS SELECT max(newest) AS clock FROM broker_totals;

-- silent: nothing for an hour. critical, warning: an anomaly in the last ten minutes or, for a warning, in the last one
-- (of normal readings one in eighty is a warning, so a longer memory would paint a healthy fleet yellow). learning: not
-- trained yet. The worst that holds is the state.
CREATE VIEW device_states AS
SELECT devices.*,
       CASE
           WHEN last_seen < clock - interval '1 hour' THEN 'silent'
           WHEN last_critical > clock - interval '10 minutes' THEN 'critical'
           WHEN last_warning > clock - interval '1 minute' THEN 'warning'
           WHEN trainings = 0 THEN 'learning'
           ELSE 'normal'
       END AS state
FROM devices, data_clock;
