-- How every flight stands and how every alert stands, beside the tables of how they stood: a board reads the
-- one row of each, where it had to search all of them. Filled by every insert, the newest by evaluated_at
-- wins; the sink delivers in the order of the log, so of two at one instant the later one does. They have no
-- partitions: a row may replace one of any age.

CREATE TABLE IF NOT EXISTS {db}.pacing_latest{local}{on_cluster} AS {db}.pacing_snapshots{local}
ENGINE = {engine by evaluated_at}
ORDER BY (org_id, campaign_id, flight_id);

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.pacing_latest{on_cluster} AS {db}.pacing_latest_local
ENGINE = Distributed({cluster}, {db}, pacing_latest_local, cityHash64(org_id));

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.to_pacing_latest{on_cluster} TO {db}.pacing_latest{local}
AS SELECT * FROM {db}.pacing_snapshots{local};

-- Rows come sorted by the key of their part, so a block keeps one row a flight and little is written.
INSERT INTO {db}.pacing_latest SELECT * FROM {db}.pacing_snapshots
SETTINGS distributed_foreground_insert = 1;

CREATE TABLE IF NOT EXISTS {db}.alert_latest{local}{on_cluster} AS {db}.alert_events{local}
ENGINE = {engine by evaluated_at}
ORDER BY (org_id, fingerprint);

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.alert_latest{on_cluster} AS {db}.alert_latest_local
ENGINE = Distributed({cluster}, {db}, alert_latest_local, cityHash64(org_id));

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.to_alert_latest{on_cluster} TO {db}.alert_latest{local}
AS SELECT * FROM {db}.alert_events{local};

-- Again: what came meanwhile is there twice, and one row of it stays.
INSERT INTO {db}.alert_latest SELECT * FROM {db}.alert_events
SETTINGS distributed_foreground_insert = 1;
