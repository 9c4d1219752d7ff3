-- Differential privacy: what the device that has told most may have told by then (at delta 1e-5); NULL: not private.
ALTER TABLE federated_models ADD COLUMN epsilon double precision;
