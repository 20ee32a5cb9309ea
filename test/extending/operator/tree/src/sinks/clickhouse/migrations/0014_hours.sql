-- Valid impressions by campaign and hour.

CREATE TABLE IF NOT EXISTS {db}.campaign_hours{local}{on_cluster} (
  `org_id` LowCardinality(String),
  `campaign_id` String,
  `hour` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  `impressions` Int64 CODEC(T64, ZSTD(1)),
  `partition` UInt16 CODEC(T64, ZSTD(1)),
  `version` UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine}
PARTITION BY {bucketed toYYYYMM(hour)}
ORDER BY (org_id, campaign_id, hour);

-- on a cluster
CREATE TABLE IF NOT EXISTS {db}.campaign_hours{on_cluster} AS {db}.campaign_hours_local
ENGINE = Distributed({cluster}, {db}, campaign_hours_local, cityHash64(org_id));
