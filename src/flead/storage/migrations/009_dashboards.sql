-- Global models by when they were made, for charts over time.
CREATE INDEX federated_models_time ON federated_models (created_at);
