-- Alerts about advertisers. Released: never changes.

-- Several advertisers are judged by one rule at one instant: the column belongs to what a row is known by.
ALTER TABLE {db}.rule_evaluations{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `advertiser` String AFTER `group_id`,
MODIFY ORDER BY (org_id, rule_id, campaign_id, flight_id, source, evaluated_at, group_id, advertiser);

ALTER TABLE {db}.alert_events{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `advertiser` String CODEC(ZSTD(1)) AFTER `group_id`;

ALTER TABLE {db}.alert_latest{local}{on_cluster}
ADD COLUMN IF NOT EXISTS `advertiser` String CODEC(ZSTD(1)) AFTER `group_id`;

-- on a cluster
ALTER TABLE {db}.rule_evaluations{on_cluster}
ADD COLUMN IF NOT EXISTS `advertiser` String AFTER `group_id`;

-- on a cluster
ALTER TABLE {db}.alert_events{on_cluster}
ADD COLUMN IF NOT EXISTS `advertiser` String AFTER `group_id`;

-- on a cluster
ALTER TABLE {db}.alert_latest{on_cluster}
ADD COLUMN IF NOT EXISTS `advertiser` String AFTER `group_id`;

-- What fills the newest ones fills these too.
ALTER TABLE {db}.to_alert_latest{on_cluster} MODIFY QUERY SELECT * FROM {db}.alert_events{local};
