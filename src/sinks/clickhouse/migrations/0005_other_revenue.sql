-- Revenue in other currencies than the campaign's. Released: never changes.

CREATE TABLE IF NOT EXISTS {db}.other_revenue{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `campaign_id` String CODEC(ZSTD(1)),
  `date` Date32 CODEC(ZSTD(1)),
  `currency` LowCardinality(String),
  `revenue_by_touch_micros` Int64 CODEC(T64, ZSTD(1)),
  `revenue_by_conversion_micros` Int64 CODEC(T64, ZSTD(1)),
  `plan_number` UInt32 CODEC(T64, ZSTD(1)),
  `partition` UInt16 CODEC(ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(date)}
ORDER BY (org_id, campaign_id, date, currency);

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.other_revenue{on_cluster} AS {db}.other_revenue_local
ENGINE = Distributed({cluster}, {db}, other_revenue_local, cityHash64(org_id));
