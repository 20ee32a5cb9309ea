-- What flights may have spent unseen, and the part of it that nothing has room for. Released: never changes.

ALTER TABLE {db}.pacing_snapshots{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `unseen_micros` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `expected_2h_micros`,
ADD COLUMN IF NOT EXISTS `money_at_risk_micros` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `unseen_micros`;

ALTER TABLE {db}.pacing_latest{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `unseen_micros` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `expected_2h_micros`,
ADD COLUMN IF NOT EXISTS `money_at_risk_micros` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `unseen_micros`;

-- on a cluster
ALTER TABLE {db}.pacing_snapshots{on_cluster}
ADD COLUMN IF NOT EXISTS `unseen_micros` Nullable(Int64) AFTER `expected_2h_micros`,
ADD COLUMN IF NOT EXISTS `money_at_risk_micros` Nullable(Int64) AFTER `unseen_micros`;

-- on a cluster
ALTER TABLE {db}.pacing_latest{on_cluster}
ADD COLUMN IF NOT EXISTS `unseen_micros` Nullable(Int64) AFTER `expected_2h_micros`,
ADD COLUMN IF NOT EXISTS `money_at_risk_micros` Nullable(Int64) AFTER `unseen_micros`;

-- What fills the newest ones fills these too.
ALTER TABLE {db}.to_pacing_latest{on_cluster} MODIFY QUERY SELECT * FROM {db}.pacing_snapshots{local};
