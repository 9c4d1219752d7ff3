-- What the hourly analysis found of a device's channel: one row an hour of event time.
--
-- A row holds moments, not measures, because an hour arrives in parts: two parts merge exactly
-- (flead.storage.hours), two standard deviations do not. hourly_analytics has the measures.

CREATE TABLE device_hours (
    hour        timestamptz NOT NULL,             -- its beginning
    device_id   text NOT NULL,
    channel     text NOT NULL,
    broker_id   int NOT NULL,
    readings    bigint NOT NULL,
    anomalies   bigint NOT NULL,
    minimum     double precision NOT NULL,
    maximum     double precision NOT NULL,
    mean        double precision NOT NULL,
    square_sum  double precision NOT NULL,        -- of the values' distances from their mean, squared
    time_mean   double precision NOT NULL,        -- of the readings' times, in hours since the hour's beginning: 0 to 1
    time_square_sum double precision NOT NULL,
    product_sum double precision NOT NULL,        -- of both distances' products: time's and value's
    PRIMARY KEY (device_id, channel, hour)
);
CREATE INDEX device_hours_hour ON device_hours (hour DESC);

-- std is the population's. trend is the slope of the least-squares line, in units an hour; NULL where all readings are
-- of one moment.
CREATE VIEW hourly_analytics AS
SELECT hour, device_id, broker_id, channel, readings, mean, sqrt(square_sum / readings) AS std, minimum, maximum,
       anomalies, anomalies::double precision / readings AS anomaly_rate,
       product_sum / nullif(time_square_sum, 0) AS trend
FROM device_hours;
