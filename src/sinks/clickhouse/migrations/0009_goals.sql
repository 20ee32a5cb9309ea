-- What flights are paced by, and how they stand in its own unit. Released: never changes.

ALTER TABLE {db}.pacing_snapshots{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `goal` LowCardinality(String) DEFAULT 'MONEY' AFTER `money_at_risk_micros`,
ADD COLUMN IF NOT EXISTS `goal_total` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal`,
ADD COLUMN IF NOT EXISTS `goal_delivered` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_total`,
ADD COLUMN IF NOT EXISTS `goal_expected` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_delivered`,
ADD COLUMN IF NOT EXISTS `goal_projected` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_expected`,
ADD COLUMN IF NOT EXISTS `goal_run_rate_per_day` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_projected`,
ADD COLUMN IF NOT EXISTS `goal_required_per_day` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_run_rate_per_day`,
ADD COLUMN IF NOT EXISTS `goal_day_target` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_required_per_day`,
ADD COLUMN IF NOT EXISTS `goal_day_delivered` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_day_target`,
ADD COLUMN IF NOT EXISTS `goal_daily_cap` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_day_delivered`,
ADD COLUMN IF NOT EXISTS `goal_delivered_2h` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_daily_cap`,
ADD COLUMN IF NOT EXISTS `goal_expected_2h` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_delivered_2h`,
ADD COLUMN IF NOT EXISTS `limit_micros` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_expected_2h`,
ADD COLUMN IF NOT EXISTS `limit_reached_at` Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)) AFTER `limit_micros`;

ALTER TABLE {db}.pacing_latest{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `goal` LowCardinality(String) DEFAULT 'MONEY' AFTER `money_at_risk_micros`,
ADD COLUMN IF NOT EXISTS `goal_total` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal`,
ADD COLUMN IF NOT EXISTS `goal_delivered` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_total`,
ADD COLUMN IF NOT EXISTS `goal_expected` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_delivered`,
ADD COLUMN IF NOT EXISTS `goal_projected` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_expected`,
ADD COLUMN IF NOT EXISTS `goal_run_rate_per_day` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_projected`,
ADD COLUMN IF NOT EXISTS `goal_required_per_day` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_run_rate_per_day`,
ADD COLUMN IF NOT EXISTS `goal_day_target` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_required_per_day`,
ADD COLUMN IF NOT EXISTS `goal_day_delivered` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_day_target`,
ADD COLUMN IF NOT EXISTS `goal_daily_cap` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_day_delivered`,
ADD COLUMN IF NOT EXISTS `goal_delivered_2h` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_daily_cap`,
ADD COLUMN IF NOT EXISTS `goal_expected_2h` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_delivered_2h`,
ADD COLUMN IF NOT EXISTS `limit_micros` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `goal_expected_2h`,
ADD COLUMN IF NOT EXISTS `limit_reached_at` Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)) AFTER `limit_micros`;

-- on a cluster
ALTER TABLE {db}.pacing_snapshots{on_cluster}
ADD COLUMN IF NOT EXISTS `goal` LowCardinality(String) DEFAULT 'MONEY' AFTER `money_at_risk_micros`,
ADD COLUMN IF NOT EXISTS `goal_total` Nullable(Int64) AFTER `goal`,
ADD COLUMN IF NOT EXISTS `goal_delivered` Nullable(Int64) AFTER `goal_total`,
ADD COLUMN IF NOT EXISTS `goal_expected` Nullable(Int64) AFTER `goal_delivered`,
ADD COLUMN IF NOT EXISTS `goal_projected` Nullable(Int64) AFTER `goal_expected`,
ADD COLUMN IF NOT EXISTS `goal_run_rate_per_day` Nullable(Int64) AFTER `goal_projected`,
ADD COLUMN IF NOT EXISTS `goal_required_per_day` Nullable(Int64) AFTER `goal_run_rate_per_day`,
ADD COLUMN IF NOT EXISTS `goal_day_target` Nullable(Int64) AFTER `goal_required_per_day`,
ADD COLUMN IF NOT EXISTS `goal_day_delivered` Nullable(Int64) AFTER `goal_day_target`,
ADD COLUMN IF NOT EXISTS `goal_daily_cap` Nullable(Int64) AFTER `goal_day_delivered`,
ADD COLUMN IF NOT EXISTS `goal_delivered_2h` Nullable(Int64) AFTER `goal_daily_cap`,
ADD COLUMN IF NOT EXISTS `goal_expected_2h` Nullable(Int64) AFTER `goal_delivered_2h`,
ADD COLUMN IF NOT EXISTS `limit_micros` Nullable(Int64) AFTER `goal_expected_2h`,
ADD COLUMN IF NOT EXISTS `limit_reached_at` Nullable(DateTime64(3, 'UTC')) AFTER `limit_micros`;

-- on a cluster
ALTER TABLE {db}.pacing_latest{on_cluster}
ADD COLUMN IF NOT EXISTS `goal` LowCardinality(String) DEFAULT 'MONEY' AFTER `money_at_risk_micros`,
ADD COLUMN IF NOT EXISTS `goal_total` Nullable(Int64) AFTER `goal`,
ADD COLUMN IF NOT EXISTS `goal_delivered` Nullable(Int64) AFTER `goal_total`,
ADD COLUMN IF NOT EXISTS `goal_expected` Nullable(Int64) AFTER `goal_delivered`,
ADD COLUMN IF NOT EXISTS `goal_projected` Nullable(Int64) AFTER `goal_expected`,
ADD COLUMN IF NOT EXISTS `goal_run_rate_per_day` Nullable(Int64) AFTER `goal_projected`,
ADD COLUMN IF NOT EXISTS `goal_required_per_day` Nullable(Int64) AFTER `goal_run_rate_per_day`,
ADD COLUMN IF NOT EXISTS `goal_day_target` Nullable(Int64) AFTER `goal_required_per_day`,
ADD COLUMN IF NOT EXISTS `goal_day_delivered` Nullable(Int64) AFTER `goal_day_target`,
ADD COLUMN IF NOT EXISTS `goal_daily_cap` Nullable(Int64) AFTER `goal_day_delivered`,
ADD COLUMN IF NOT EXISTS `goal_delivered_2h` Nullable(Int64) AFTER `goal_daily_cap`,
ADD COLUMN IF NOT EXISTS `goal_expected_2h` Nullable(Int64) AFTER `goal_delivered_2h`,
ADD COLUMN IF NOT EXISTS `limit_micros` Nullable(Int64) AFTER `goal_expected_2h`,
ADD COLUMN IF NOT EXISTS `limit_reached_at` Nullable(DateTime64(3, 'UTC')) AFTER `limit_micros`;

-- What fills the newest ones fills these too.
ALTER TABLE {db}.to_pacing_latest{on_cluster} MODIFY QUERY SELECT * FROM {db}.pacing_snapshots{local};
