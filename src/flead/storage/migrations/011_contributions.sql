-- How much of an anomaly's score each channel is responsible for, {"flow":0.7,"pressure":0.3}; NULL where the detector
-- judges by one channel.
ALTER TABLE anomalies ADD COLUMN contributions jsonb;
