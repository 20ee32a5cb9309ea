-- How orders stand, and alerts about them. Released: never changes.

CREATE TABLE IF NOT EXISTS {db}.order_snapshots{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `order_id` String CODEC(ZSTD(1)),
  `name` String CODEC(ZSTD(1)),
  `advertiser` LowCardinality(String),
  `as_of` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `evaluated_at` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `status` LowCardinality(String),
  `persisted_for` LowCardinality(String),
  `mode` LowCardinality(String),
  `currency` LowCardinality(String),
  `campaigns` UInt32 CODEC(T64, ZSTD(1)),
  `campaigns_left_out` UInt32 CODEC(T64, ZSTD(1)),
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
  `spend_2h_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `expected_2h_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `unseen_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `money_at_risk_micros` Nullable(Int64) CODEC(T64, ZSTD(1)),
  `completeness` String CODEC(ZSTD(1)),
  `plan_number` UInt32 CODEC(T64, ZSTD(1)),
  `partition` UInt16 CODEC(ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(evaluated_at)}
ORDER BY (org_id, order_id, as_of, evaluated_at);

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.order_snapshots{on_cluster} AS {db}.order_snapshots_local
ENGINE = Distributed({cluster}, {db}, order_snapshots_local, cityHash64(org_id));

-- Several orders are judged by one rule at one instant: the column belongs to what a row is known by.
ALTER TABLE {db}.rule_evaluations{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `group_id` String AFTER `rule_hash`,
MODIFY ORDER BY (org_id, rule_id, campaign_id, flight_id, source, evaluated_at, group_id);

ALTER TABLE {db}.alert_events{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `group_id` String CODEC(ZSTD(1)) AFTER `rule_hash`;

ALTER TABLE {db}.alert_latest{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `group_id` String CODEC(ZSTD(1)) AFTER `rule_hash`;

-- on a cluster
ALTER TABLE {db}.rule_evaluations{on_cluster}
ADD COLUMN IF NOT EXISTS `group_id` String AFTER `rule_hash`;

-- on a cluster
ALTER TABLE {db}.alert_events{on_cluster}
ADD COLUMN IF NOT EXISTS `group_id` String AFTER `rule_hash`;

-- on a cluster
ALTER TABLE {db}.alert_latest{on_cluster}
ADD COLUMN IF NOT EXISTS `group_id` String AFTER `rule_hash`;

-- What fills the newest ones fills these too.
ALTER TABLE {db}.to_alert_latest{on_cluster} MODIFY QUERY SELECT * FROM {db}.alert_events{local};
