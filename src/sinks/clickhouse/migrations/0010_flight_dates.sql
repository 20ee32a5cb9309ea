-- When flights begin and end, in which zone, and whose they are. Released: never changes.

ALTER TABLE {db}.pacing_snapshots{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `starts_at` Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)) AFTER `limit_reached_at`,
ADD COLUMN IF NOT EXISTS `ends_at` Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)) AFTER `starts_at`,
ADD COLUMN IF NOT EXISTS `time_zone` LowCardinality(String) AFTER `ends_at`,
ADD COLUMN IF NOT EXISTS `advertiser` LowCardinality(String) AFTER `time_zone`;

ALTER TABLE {db}.pacing_latest{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `starts_at` Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)) AFTER `limit_reached_at`,
ADD COLUMN IF NOT EXISTS `ends_at` Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)) AFTER `starts_at`,
ADD COLUMN IF NOT EXISTS `time_zone` LowCardinality(String) AFTER `ends_at`,
ADD COLUMN IF NOT EXISTS `advertiser` LowCardinality(String) AFTER `time_zone`;

-- on a cluster
ALTER TABLE {db}.pacing_snapshots{on_cluster}
ADD COLUMN IF NOT EXISTS `starts_at` Nullable(DateTime64(3, 'UTC')) AFTER `limit_reached_at`,
ADD COLUMN IF NOT EXISTS `ends_at` Nullable(DateTime64(3, 'UTC')) AFTER `starts_at`,
ADD COLUMN IF NOT EXISTS `time_zone` LowCardinality(String) AFTER `ends_at`,
ADD COLUMN IF NOT EXISTS `advertiser` LowCardinality(String) AFTER `time_zone`;

-- on a cluster
ALTER TABLE {db}.pacing_latest{on_cluster}
ADD COLUMN IF NOT EXISTS `starts_at` Nullable(DateTime64(3, 'UTC')) AFTER `limit_reached_at`,
ADD COLUMN IF NOT EXISTS `ends_at` Nullable(DateTime64(3, 'UTC')) AFTER `starts_at`,
ADD COLUMN IF NOT EXISTS `time_zone` LowCardinality(String) AFTER `ends_at`,
ADD COLUMN IF NOT EXISTS `advertiser` LowCardinality(String) AFTER `time_zone`;

-- What fills the newest ones fills these too.
ALTER TABLE {db}.to_pacing_latest{on_cluster} MODIFY QUERY SELECT * FROM {db}.pacing_snapshots{local};
