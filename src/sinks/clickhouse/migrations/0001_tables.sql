-- The tables of version 0.1. Released: never changes.
-- One row per key, the highest version wins. The partition is a function of the key, else two versions of
-- a row would never meet; organizations are split by hash where there are several buckets.

CREATE TABLE IF NOT EXISTS {db}.campaign_metrics_daily{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `campaign_id` String CODEC(ZSTD(1)),
  `date` Date32 CODEC(ZSTD(1)),
  `currency` LowCardinality(String),
  `impressions` Int64 CODEC(T64, ZSTD(1)),
  `invalid_impressions` Int64 CODEC(T64, ZSTD(1)),
  `measurable_impressions` Int64 CODEC(T64, ZSTD(1)),
  `viewable_impressions` Int64 CODEC(T64, ZSTD(1)),
  `clicks` Int64 CODEC(T64, ZSTD(1)),
  `invalid_clicks` Int64 CODEC(T64, ZSTD(1)),
  `video_starts` Int64 CODEC(T64, ZSTD(1)),
  `video_first_quartiles` Int64 CODEC(T64, ZSTD(1)),
  `video_midpoints` Int64 CODEC(T64, ZSTD(1)),
  `video_third_quartiles` Int64 CODEC(T64, ZSTD(1)),
  `video_completes` Int64 CODEC(T64, ZSTD(1)),
  `auction_requests` Int64 CODEC(T64, ZSTD(1)),
  `auction_bids` Int64 CODEC(T64, ZSTD(1)),
  `auction_wins` Int64 CODEC(T64, ZSTD(1)),
  `conversions_by_touch` Decimal(18, 6) CODEC(ZSTD(1)),
  `revenue_by_touch_micros` Int64 CODEC(T64, ZSTD(1)),
  `conversions_by_conversion` Decimal(18, 6) CODEC(ZSTD(1)),
  `revenue_by_conversion_micros` Int64 CODEC(T64, ZSTD(1)),
  `spend_micros` Int64 CODEC(T64, ZSTD(1)),
  `adjustment_micros` Int64 CODEC(T64, ZSTD(1)),
  `plan_number` UInt32 CODEC(T64, ZSTD(1)),
  `partition` UInt16 CODEC(ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toMonday(date)}
ORDER BY (org_id, campaign_id, date);

CREATE TABLE IF NOT EXISTS {db}.pacing_snapshots{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `campaign_id` String CODEC(ZSTD(1)),
  `flight_id` String CODEC(ZSTD(1)),
  `as_of` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `evaluated_at` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `status` LowCardinality(String),
  `persisted_for` LowCardinality(String),
  `mode` LowCardinality(String),
  `currency` LowCardinality(String),
  `budget_micros` Int64 CODEC(T64, ZSTD(1)),
  `spend_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `expected_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `delivery_bp` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `elapsed_bp` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `osi_bp` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `projected_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `run_rate_micros_per_day` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `required_micros_per_day` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `lift_bp` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `exhaustion_at` Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)),
  `day_target_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `day_spend_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `day_pacing_bp` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `daily_cap_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `impressions_2h` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `spend_2h_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `expected_2h_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `completeness` String CODEC(ZSTD(1)),
  `ledger_version` Int64 CODEC(T64, ZSTD(1)),
  `plan_number` UInt32 CODEC(T64, ZSTD(1)),
  `partition` UInt16 CODEC(ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toMonday(evaluated_at)}
ORDER BY (org_id, campaign_id, flight_id, as_of, evaluated_at);

CREATE TABLE IF NOT EXISTS {db}.rule_evaluations{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `rule_id` LowCardinality(String),
  `campaign_id` String CODEC(ZSTD(1)),
  `flight_id` String CODEC(ZSTD(1)),
  `source` LowCardinality(String),
  `as_of` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `evaluated_at` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `outcome` LowCardinality(String),
  `state` LowCardinality(String),
  `level` LowCardinality(String),
  `values` String CODEC(ZSTD(1)),
  `rule_hash` String CODEC(ZSTD(1)),
  `plan_number` UInt32 CODEC(T64, ZSTD(1)),
  `partition` UInt16 CODEC(ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toMonday(evaluated_at)}
ORDER BY (org_id, rule_id, campaign_id, flight_id, source, evaluated_at);

CREATE TABLE IF NOT EXISTS {db}.alert_events{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `alert_id` String CODEC(ZSTD(1)),
  `fingerprint` String CODEC(ZSTD(1)),
  `rule_id` LowCardinality(String),
  `campaign_id` String CODEC(ZSTD(1)),
  `flight_id` String CODEC(ZSTD(1)),
  `source` LowCardinality(String),
  `mode` LowCardinality(String),
  `from_state` LowCardinality(String),
  `to_state` LowCardinality(String),
  `level` LowCardinality(String),
  `reason` LowCardinality(String),
  `as_of` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `evaluated_at` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `active_since` Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)),
  `condition` String CODEC(ZSTD(1)),
  `values` String CODEC(ZSTD(1)),
  `completeness` String CODEC(ZSTD(1)),
  `summary` String CODEC(ZSTD(1)),
  `rule_hash` String CODEC(ZSTD(1)),
  `plan_number` UInt32 CODEC(T64, ZSTD(1)),
  `log_offset` UInt64 CODEC(T64, ZSTD(1)),
  `partition` UInt16 CODEC(ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toMonday(evaluated_at)}
ORDER BY (org_id, alert_id, evaluated_at);

CREATE TABLE IF NOT EXISTS {db}.dead_letters{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `topic` LowCardinality(String),
  `partition` UInt16 CODEC(ZSTD(1)),
  `log_offset` UInt64 CODEC(T64, ZSTD(1)),
  `log_time` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `reason` LowCardinality(String),
  `detail` String CODEC(ZSTD(1)),
  `schema_id` Int32 CODEC(T64, ZSTD(1)),
  `key` String CODEC(ZSTD(1)),
  `raw` String CODEC(ZSTD(1)),
  `raw_length` UInt32 CODEC(T64, ZSTD(1)),
  `raw_sha256` String CODEC(ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toMonday(log_time)}
ORDER BY (org_id, topic, partition, log_offset, log_time);

CREATE TABLE IF NOT EXISTS {db}.late_events{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `campaign_id` String CODEC(ZSTD(1)),
  `partition` UInt16 CODEC(ZSTD(1)),
  `log_offset` UInt64 CODEC(T64, ZSTD(1)),
  `log_time` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `kind` LowCardinality(String),
  `event_id` String CODEC(ZSTD(1)),
  `booked_at` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `late_by_ms` Int64 CODEC(T64, ZSTD(1)),
  `amount_micros` Int64 CODEC(T64, ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toMonday(log_time)}
ORDER BY (org_id, campaign_id, partition, log_offset, log_time);

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.campaign_metrics_daily{on_cluster} AS {db}.campaign_metrics_daily_local
ENGINE = Distributed({cluster}, {db}, campaign_metrics_daily_local, cityHash64(org_id));

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.pacing_snapshots{on_cluster} AS {db}.pacing_snapshots_local
ENGINE = Distributed({cluster}, {db}, pacing_snapshots_local, cityHash64(org_id));

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.rule_evaluations{on_cluster} AS {db}.rule_evaluations_local
ENGINE = Distributed({cluster}, {db}, rule_evaluations_local, cityHash64(org_id));

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.alert_events{on_cluster} AS {db}.alert_events_local
ENGINE = Distributed({cluster}, {db}, alert_events_local, cityHash64(org_id));

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.dead_letters{on_cluster} AS {db}.dead_letters_local
ENGINE = Distributed({cluster}, {db}, dead_letters_local, cityHash64(org_id));

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.late_events{on_cluster} AS {db}.late_events_local
ENGINE = Distributed({cluster}, {db}, late_events_local, cityHash64(org_id));
