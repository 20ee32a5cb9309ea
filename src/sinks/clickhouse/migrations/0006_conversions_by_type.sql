-- Conversions by type and by what brought them about, and how many events a clock ahead of the log told. Released: never changes.

CREATE TABLE IF NOT EXISTS {db}.conversions_daily{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `campaign_id` String CODEC(ZSTD(1)),
  `date` Date32 CODEC(ZSTD(1)),
  `conversion_type` LowCardinality(String),
  `attribution` LowCardinality(String),
  `conversions_by_touch` Decimal(18, 6) CODEC(ZSTD(1)),
  `conversions_by_conversion` Decimal(18, 6) CODEC(ZSTD(1)),
  `plan_number` UInt32 CODEC(T64, ZSTD(1)),
  `partition` UInt16 CODEC(ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(date)}
ORDER BY (org_id, campaign_id, date, conversion_type, attribution);

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.conversions_daily{on_cluster} AS {db}.conversions_daily_local
ENGINE = Distributed({cluster}, {db}, conversions_daily_local, cityHash64(org_id));

ALTER TABLE {db}.campaign_metrics_daily{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `clock_set_right` Int64 CODEC(T64, ZSTD(1)) AFTER `adjustment_micros`;

-- on a cluster
ALTER TABLE {db}.campaign_metrics_daily{on_cluster}
ADD COLUMN IF NOT EXISTS `clock_set_right` Int64 AFTER `adjustment_micros`;
