-- An hour whose anomalies were counted before its readings is shown once they are there, too.
CREATE OR REPLACE VIEW hourly_analytics AS
SELECT hour, device_id, broker_id, channel, readings, mean, sqrt(square_sum / readings) AS std, minimum, maximum,
       anomalies, anomalies::double precision / readings AS anomaly_rate,
       product_sum / nullif(time_square_sum, 0) AS trend
FROM device_hours
WHERE readings > 0;
