-- Going back to an older global model: it is published again, as a new version.

ALTER TABLE federated_models ADD COLUMN restored_version int; -- the version whose parameters it has; NULL: a round's

-- What people asked the embedded pipeline for, and what came of it. (The platform's aggregator is asked over Kafka.)
CREATE TABLE rollback_requests (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version      int NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    done_at      timestamptz,
    new_version  int
);
CREATE INDEX rollback_requests_open ON rollback_requests (id) WHERE done_at IS NULL;
