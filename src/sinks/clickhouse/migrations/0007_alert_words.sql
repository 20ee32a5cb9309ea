-- What alerts carry for those who route them, and what people were told. Released: never changes.

ALTER TABLE {db}.alert_events{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `labels` String DEFAULT '{}' CODEC(ZSTD(1)) AFTER `summary`,
ADD COLUMN IF NOT EXISTS `annotations` String DEFAULT '{}' CODEC(ZSTD(1)) AFTER `labels`,
ADD COLUMN IF NOT EXISTS `notified` UInt8 DEFAULT 1 CODEC(ZSTD(1)) AFTER `annotations`,
ADD COLUMN IF NOT EXISTS `told` LowCardinality(String) DEFAULT 'as_state' AFTER `notified`,
ADD COLUMN IF NOT EXISTS `withheld` LowCardinality(String) AFTER `told`;

ALTER TABLE {db}.alert_latest{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `labels` String DEFAULT '{}' CODEC(ZSTD(1)) AFTER `summary`,
ADD COLUMN IF NOT EXISTS `annotations` String DEFAULT '{}' CODEC(ZSTD(1)) AFTER `labels`,
ADD COLUMN IF NOT EXISTS `notified` UInt8 DEFAULT 1 CODEC(ZSTD(1)) AFTER `annotations`,
ADD COLUMN IF NOT EXISTS `told` LowCardinality(String) DEFAULT 'as_state' AFTER `notified`,
ADD COLUMN IF NOT EXISTS `withheld` LowCardinality(String) AFTER `told`;

-- on a cluster
ALTER TABLE {db}.alert_events{on_cluster}
ADD COLUMN IF NOT EXISTS `labels` String DEFAULT '{}' AFTER `summary`,
ADD COLUMN IF NOT EXISTS `annotations` String DEFAULT '{}' AFTER `labels`,
ADD COLUMN IF NOT EXISTS `notified` UInt8 DEFAULT 1 AFTER `annotations`,
ADD COLUMN IF NOT EXISTS `told` LowCardinality(String) DEFAULT 'as_state' AFTER `notified`,
ADD COLUMN IF NOT EXISTS `withheld` LowCardinality(String) AFTER `told`;

-- on a cluster
ALTER TABLE {db}.alert_latest{on_cluster}
ADD COLUMN IF NOT EXISTS `labels` String DEFAULT '{}' AFTER `summary`,
ADD COLUMN IF NOT EXISTS `annotations` String DEFAULT '{}' AFTER `labels`,
ADD COLUMN IF NOT EXISTS `notified` UInt8 DEFAULT 1 AFTER `annotations`,
ADD COLUMN IF NOT EXISTS `told` LowCardinality(String) DEFAULT 'as_state' AFTER `notified`,
ADD COLUMN IF NOT EXISTS `withheld` LowCardinality(String) AFTER `told`;

-- What fills the newest ones fills these too.
ALTER TABLE {db}.to_alert_latest{on_cluster} MODIFY QUERY SELECT * FROM {db}.alert_events{local};
