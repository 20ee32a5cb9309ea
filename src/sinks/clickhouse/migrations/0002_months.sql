-- Partitions are months: seven years are 84 of them, where weeks were 365. Released: never changes.
-- A partition cannot be changed in place, so each table is copied to one by month, which then takes its
-- name. Rows that came meanwhile are copied once more; a row that comes twice is the same row. Cut off
-- anywhere, it is repeated from its start: each step says when it is still due.

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'campaign_metrics_daily{local}'
CREATE TABLE IF NOT EXISTS {db}.campaign_metrics_daily_by_month{local}{on_cluster} AS {db}.campaign_metrics_daily{local}
ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(date)}
ORDER BY (org_id, campaign_id, date);

-- on a cluster
-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'campaign_metrics_daily{local}'
CREATE TABLE IF NOT EXISTS {db}.campaign_metrics_daily_by_month{on_cluster} AS {db}.campaign_metrics_daily_by_month_local
ENGINE = Distributed({cluster}, {db}, campaign_metrics_daily_by_month_local, cityHash64(org_id));

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'campaign_metrics_daily{local}'
INSERT INTO {db}.campaign_metrics_daily_by_month SELECT * FROM {db}.campaign_metrics_daily
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'campaign_metrics_daily{local}'
EXCHANGE TABLES {db}.campaign_metrics_daily{local} AND {db}.campaign_metrics_daily_by_month{local}{on_cluster};

-- only if: SELECT count() FROM system.tables WHERE database = '{db}' AND name = 'campaign_metrics_daily_by_month{local}'
INSERT INTO {db}.campaign_metrics_daily SELECT * FROM {db}.campaign_metrics_daily_by_month
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

DROP TABLE IF EXISTS {db}.campaign_metrics_daily_by_month{local}{on_cluster} SYNC;

-- on a cluster
DROP TABLE IF EXISTS {db}.campaign_metrics_daily_by_month{on_cluster} SYNC;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'pacing_snapshots{local}'
CREATE TABLE IF NOT EXISTS {db}.pacing_snapshots_by_month{local}{on_cluster} AS {db}.pacing_snapshots{local}
ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(evaluated_at)}
ORDER BY (org_id, campaign_id, flight_id, as_of, evaluated_at);

-- on a cluster
-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'pacing_snapshots{local}'
CREATE TABLE IF NOT EXISTS {db}.pacing_snapshots_by_month{on_cluster} AS {db}.pacing_snapshots_by_month_local
ENGINE = Distributed({cluster}, {db}, pacing_snapshots_by_month_local, cityHash64(org_id));

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'pacing_snapshots{local}'
INSERT INTO {db}.pacing_snapshots_by_month SELECT * FROM {db}.pacing_snapshots
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'pacing_snapshots{local}'
EXCHANGE TABLES {db}.pacing_snapshots{local} AND {db}.pacing_snapshots_by_month{local}{on_cluster};

-- only if: SELECT count() FROM system.tables WHERE database = '{db}' AND name = 'pacing_snapshots_by_month{local}'
INSERT INTO {db}.pacing_snapshots SELECT * FROM {db}.pacing_snapshots_by_month
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

DROP TABLE IF EXISTS {db}.pacing_snapshots_by_month{local}{on_cluster} SYNC;

-- on a cluster
DROP TABLE IF EXISTS {db}.pacing_snapshots_by_month{on_cluster} SYNC;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'rule_evaluations{local}'
CREATE TABLE IF NOT EXISTS {db}.rule_evaluations_by_month{local}{on_cluster} AS {db}.rule_evaluations{local}
ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(evaluated_at)}
ORDER BY (org_id, rule_id, campaign_id, flight_id, source, evaluated_at);

-- on a cluster
-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'rule_evaluations{local}'
CREATE TABLE IF NOT EXISTS {db}.rule_evaluations_by_month{on_cluster} AS {db}.rule_evaluations_by_month_local
ENGINE = Distributed({cluster}, {db}, rule_evaluations_by_month_local, cityHash64(org_id));

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'rule_evaluations{local}'
INSERT INTO {db}.rule_evaluations_by_month SELECT * FROM {db}.rule_evaluations
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'rule_evaluations{local}'
EXCHANGE TABLES {db}.rule_evaluations{local} AND {db}.rule_evaluations_by_month{local}{on_cluster};

-- only if: SELECT count() FROM system.tables WHERE database = '{db}' AND name = 'rule_evaluations_by_month{local}'
INSERT INTO {db}.rule_evaluations SELECT * FROM {db}.rule_evaluations_by_month
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

DROP TABLE IF EXISTS {db}.rule_evaluations_by_month{local}{on_cluster} SYNC;

-- on a cluster
DROP TABLE IF EXISTS {db}.rule_evaluations_by_month{on_cluster} SYNC;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'alert_events{local}'
CREATE TABLE IF NOT EXISTS {db}.alert_events_by_month{local}{on_cluster} AS {db}.alert_events{local}
ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(evaluated_at)}
ORDER BY (org_id, alert_id, evaluated_at);

-- on a cluster
-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'alert_events{local}'
CREATE TABLE IF NOT EXISTS {db}.alert_events_by_month{on_cluster} AS {db}.alert_events_by_month_local
ENGINE = Distributed({cluster}, {db}, alert_events_by_month_local, cityHash64(org_id));

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'alert_events{local}'
INSERT INTO {db}.alert_events_by_month SELECT * FROM {db}.alert_events
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'alert_events{local}'
EXCHANGE TABLES {db}.alert_events{local} AND {db}.alert_events_by_month{local}{on_cluster};

-- only if: SELECT count() FROM system.tables WHERE database = '{db}' AND name = 'alert_events_by_month{local}'
INSERT INTO {db}.alert_events SELECT * FROM {db}.alert_events_by_month
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

DROP TABLE IF EXISTS {db}.alert_events_by_month{local}{on_cluster} SYNC;

-- on a cluster
DROP TABLE IF EXISTS {db}.alert_events_by_month{on_cluster} SYNC;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'dead_letters{local}'
CREATE TABLE IF NOT EXISTS {db}.dead_letters_by_month{local}{on_cluster} AS {db}.dead_letters{local}
ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(log_time)}
ORDER BY (org_id, topic, partition, log_offset, log_time);

-- on a cluster
-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'dead_letters{local}'
CREATE TABLE IF NOT EXISTS {db}.dead_letters_by_month{on_cluster} AS {db}.dead_letters_by_month_local
ENGINE = Distributed({cluster}, {db}, dead_letters_by_month_local, cityHash64(org_id));

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'dead_letters{local}'
INSERT INTO {db}.dead_letters_by_month SELECT * FROM {db}.dead_letters
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'dead_letters{local}'
EXCHANGE TABLES {db}.dead_letters{local} AND {db}.dead_letters_by_month{local}{on_cluster};

-- only if: SELECT count() FROM system.tables WHERE database = '{db}' AND name = 'dead_letters_by_month{local}'
INSERT INTO {db}.dead_letters SELECT * FROM {db}.dead_letters_by_month
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

DROP TABLE IF EXISTS {db}.dead_letters_by_month{local}{on_cluster} SYNC;

-- on a cluster
DROP TABLE IF EXISTS {db}.dead_letters_by_month{on_cluster} SYNC;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'late_events{local}'
CREATE TABLE IF NOT EXISTS {db}.late_events_by_month{local}{on_cluster} AS {db}.late_events{local}
ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(log_time)}
ORDER BY (org_id, campaign_id, partition, log_offset, log_time);

-- on a cluster
-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'late_events{local}'
CREATE TABLE IF NOT EXISTS {db}.late_events_by_month{on_cluster} AS {db}.late_events_by_month_local
ENGINE = Distributed({cluster}, {db}, late_events_by_month_local, cityHash64(org_id));

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'late_events{local}'
INSERT INTO {db}.late_events_by_month SELECT * FROM {db}.late_events
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

-- only if: SELECT partition_key NOT LIKE '%toYYYYMM%' FROM system.tables WHERE database = '{db}' AND name = 'late_events{local}'
EXCHANGE TABLES {db}.late_events{local} AND {db}.late_events_by_month{local}{on_cluster};

-- only if: SELECT count() FROM system.tables WHERE database = '{db}' AND name = 'late_events_by_month{local}'
INSERT INTO {db}.late_events SELECT * FROM {db}.late_events_by_month
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;

DROP TABLE IF EXISTS {db}.late_events_by_month{local}{on_cluster} SYNC;

-- on a cluster
DROP TABLE IF EXISTS {db}.late_events_by_month{on_cluster} SYNC;
