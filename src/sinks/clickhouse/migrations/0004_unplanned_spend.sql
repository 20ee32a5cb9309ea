-- Money that nobody planned, by campaign and local day. Released: never changes.

CREATE TABLE IF NOT EXISTS {db}.unplanned_spend{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `campaign_id` String CODEC(ZSTD(1)),
  `date` Date32 CODEC(ZSTD(1)),
  `currency` LowCardinality(String),
  `status` LowCardinality(String),
  `spend_micros` Int64 CODEC(T64, ZSTD(1)),
  `unplanned_micros` Int64 CODEC(T64, ZSTD(1)),
  `no_flight_micros` Int64 CODEC(T64, ZSTD(1)),
  `no_budget_micros` Int64 CODEC(T64, ZSTD(1)),
  `before_start_micros` Int64 CODEC(T64, ZSTD(1)),
  `between_flights_micros` Int64 CODEC(T64, ZSTD(1)),
  `after_end_micros` Int64 CODEC(T64, ZSTD(1)),
  `paused_micros` Int64 CODEC(T64, ZSTD(1)),
  `over_budget_micros` Int64 CODEC(T64, ZSTD(1)),
  `plan_number` UInt32 CODEC(T64, ZSTD(1)),
  `partition` UInt16 CODEC(ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(date)}
ORDER BY (org_id, campaign_id, date);

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.unplanned_spend{on_cluster} AS {db}.unplanned_spend_local
ENGINE = Distributed({cluster}, {db}, unplanned_spend_local, cityHash64(org_id));
