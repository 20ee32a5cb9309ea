-- What is left of a flight's budget.

ALTER TABLE {db}.pacing_snapshots{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `remaining_micros` Nullable(Int64) CODEC(T64, ZSTD(1)) AFTER `spend_micros`;

-- on a cluster
ALTER TABLE {db}.pacing_snapshots{on_cluster}
ADD COLUMN IF NOT EXISTS `remaining_micros` Nullable(Int64) AFTER `spend_micros`;
