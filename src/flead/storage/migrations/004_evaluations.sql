-- What the global models were worth on labelled readings that they were not trained on: confusion counts so far, per
-- version and broker, and the measures that follow from them.

CREATE TABLE evaluation_counts (
    model_version   int NOT NULL,
    broker_id       int NOT NULL,
    true_positives  bigint NOT NULL,
    false_positives bigint NOT NULL,
    true_negatives  bigint NOT NULL,
    false_negatives bigint NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (model_version, broker_id)
) WITH (fillfactor = 70);

-- A measure whose denominator is zero is NULL. majority_accuracy is what calling every reading by the more frequent
-- class would have reached: an accuracy means something only above it.
CREATE FUNCTION measures(
    tp numeric, fp numeric, tn numeric, fn numeric,
    OUT readings bigint, OUT accuracy double precision, OUT majority_accuracy double precision,
    OUT "precision" double precision, OUT recall double precision, OUT f1 double precision,
    OUT false_alarm_rate double precision, OUT missed_alarm_rate double precision
) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT tp + fp + tn + fn,
           (tp + tn) / nullif(tp + fp + tn + fn, 0),
           greatest(tp + fn, tn + fp) / nullif(tp + fp + tn + fn, 0),
           tp / nullif(tp + fp, 0),
           tp / nullif(tp + fn, 0),
           2 * tp / nullif(2 * tp + fp + fn, 0),
           fp / nullif(fp + tn, 0),
           fn / nullif(fn + tp, 0)
$$;

CREATE VIEW broker_evaluations AS
SELECT counts.*, m.*
FROM evaluation_counts AS counts,
     measures(true_positives, false_positives, true_negatives, false_negatives) AS m;

CREATE VIEW version_evaluations AS
SELECT counts.*, m.*
FROM (SELECT model_version,
             sum(true_positives)::bigint AS true_positives, sum(false_positives)::bigint AS false_positives,
             sum(true_negatives)::bigint AS true_negatives, sum(false_negatives)::bigint AS false_negatives,
             max(updated_at) AS updated_at
      FROM evaluation_counts
      GROUP BY model_version) AS counts,
     measures(true_positives, false_positives, true_negatives, false_negatives) AS m;
