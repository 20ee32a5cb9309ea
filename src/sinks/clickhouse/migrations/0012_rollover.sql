-- What flights left unspent and where it went. Released: never changes.

ALTER TABLE {db}.pacing_snapshots{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `goal_rolled_in` Int64 CODEC(T64, ZSTD(1)) AFTER `advertiser`,
ADD COLUMN IF NOT EXISTS `goal_rolled_out` Int64 CODEC(T64, ZSTD(1)) AFTER `goal_rolled_in`,
ADD COLUMN IF NOT EXISTS `limit_rolled_in` Int64 CODEC(T64, ZSTD(1)) AFTER `goal_rolled_out`,
ADD COLUMN IF NOT EXISTS `limit_rolled_out` Int64 CODEC(T64, ZSTD(1)) AFTER `limit_rolled_in`,
ADD COLUMN IF NOT EXISTS `rolled_from` String AFTER `limit_rolled_out`,
ADD COLUMN IF NOT EXISTS `rolled_to` String AFTER `rolled_from`;

ALTER TABLE {db}.pacing_latest{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `goal_rolled_in` Int64 CODEC(T64, ZSTD(1)) AFTER `advertiser`,
ADD COLUMN IF NOT EXISTS `goal_rolled_out` Int64 CODEC(T64, ZSTD(1)) AFTER `goal_rolled_in`,
ADD COLUMN IF NOT EXISTS `limit_rolled_in` Int64 CODEC(T64, ZSTD(1)) AFTER `goal_rolled_out`,
ADD COLUMN IF NOT EXISTS `limit_rolled_out` Int64 CODEC(T64, ZSTD(1)) AFTER `limit_rolled_in`,
ADD COLUMN IF NOT EXISTS `rolled_from` String AFTER `limit_rolled_out`,
ADD COLUMN IF NOT EXISTS `rolled_to` String AFTER `rolled_from`;

-- on a cluster
ALTER TABLE {db}.pacing_snapshots{on_cluster}
ADD COLUMN IF NOT EXISTS `goal_rolled_in` Int64 AFTER `advertiser`,
ADD COLUMN IF NOT EXISTS `goal_rolled_out` Int64 AFTER `goal_rolled_in`,
ADD COLUMN IF NOT EXISTS `limit_rolled_in` Int64 AFTER `goal_rolled_out`,
ADD COLUMN IF NOT EXISTS `limit_rolled_out` Int64 AFTER `limit_rolled_in`,
ADD COLUMN IF NOT EXISTS `rolled_from` String AFTER `limit_rolled_out`,
ADD COLUMN IF NOT EXISTS `rolled_to` String AFTER `rolled_from`;

-- on a cluster
ALTER TABLE {db}.pacing_latest{on_cluster}
ADD COLUMN IF NOT EXISTS `goal_rolled_in` Int64 AFTER `advertiser`,
ADD COLUMN IF NOT EXISTS `goal_rolled_out` Int64 AFTER `goal_rolled_in`,
ADD COLUMN IF NOT EXISTS `limit_rolled_in` Int64 AFTER `goal_rolled_out`,
ADD COLUMN IF NOT EXISTS `limit_rolled_out` Int64 AFTER `limit_rolled_in`,
ADD COLUMN IF NOT EXISTS `rolled_from` String AFTER `limit_rolled_out`,
ADD COLUMN IF NOT EXISTS `rolled_to` String AFTER `rolled_from`;

-- What fills the newest ones fills these too.
ALTER TABLE {db}.to_pacing_latest{on_cluster} MODIFY QUERY SELECT * FROM {db}.pacing_snapshots{local};
