-- Silver, corrected: events with the corrections of them, by counter and day (docs/lakehouse.md, "Corrected").
-- For Spark SQL; the tables lie in the schema `silver` of the current catalog; views over a catalog of Iceberg are temporary. Safe to run again.

CREATE OR REPLACE TEMPORARY VIEW corrected_counters AS
SELECT org_id, campaign_id, date, counter,
  sum(counted) AS from_events, sum(delta) AS from_corrections, sum(counted) + sum(delta) AS value
FROM (
  SELECT org_id, campaign_id, date, counter, CAST(amount AS BIGINT) AS counted, CAST(0 AS BIGINT) AS delta
  FROM (
    SELECT org_id, campaign_id, to_date(to_utc_timestamp(event_time, current_timezone())) AS date, 'impressions' AS counter, batch_count AS amount FROM silver.impressions WHERE NOT coalesce(test, false) AND ivt = 'NONE'
    UNION ALL SELECT org_id, campaign_id, to_date(to_utc_timestamp(event_time, current_timezone())), 'invalid_impressions', batch_count FROM silver.impressions WHERE NOT coalesce(test, false) AND ivt <> 'NONE'
    UNION ALL SELECT org_id, campaign_id, to_date(to_utc_timestamp(event_time, current_timezone())), 'measurable_impressions', batch_count FROM silver.impressions WHERE NOT coalesce(test, false) AND ivt = 'NONE' AND measurable
    UNION ALL SELECT org_id, campaign_id, to_date(to_utc_timestamp(event_time, current_timezone())), 'viewable_impressions', batch_count FROM silver.impressions WHERE NOT coalesce(test, false) AND ivt = 'NONE' AND viewable
    UNION ALL SELECT org_id, campaign_id, to_date(to_utc_timestamp(event_time, current_timezone())), 'clicks', batch_count FROM silver.clicks WHERE NOT coalesce(test, false) AND ivt = 'NONE'
    UNION ALL SELECT org_id, campaign_id, to_date(to_utc_timestamp(event_time, current_timezone())), 'invalid_clicks', batch_count FROM silver.clicks WHERE NOT coalesce(test, false) AND ivt <> 'NONE'
    UNION ALL SELECT org_id, campaign_id, to_date(to_utc_timestamp(event_time, current_timezone())), CASE event WHEN 'START' THEN 'video_starts' WHEN 'FIRST_QUARTILE' THEN 'video_first_quartiles' WHEN 'MIDPOINT' THEN 'video_midpoints' WHEN 'THIRD_QUARTILE' THEN 'video_third_quartiles' ELSE 'video_completes' END, 1 FROM silver.video_progress WHERE NOT coalesce(test, false)
    UNION ALL SELECT org_id, campaign_id, to_date(to_utc_timestamp(minute, current_timezone())), 'auction_requests', requests FROM silver.auction_stats WHERE NOT coalesce(test, false)
    UNION ALL SELECT org_id, campaign_id, to_date(to_utc_timestamp(minute, current_timezone())), 'auction_bids', bids FROM silver.auction_stats WHERE NOT coalesce(test, false)
    UNION ALL SELECT org_id, campaign_id, to_date(to_utc_timestamp(minute, current_timezone())), 'auction_wins', wins FROM silver.auction_stats WHERE NOT coalesce(test, false)
  ) AS events
  UNION ALL
  SELECT org_id, campaign_id, applies_to, name, CAST(0 AS BIGINT), change
  FROM silver.metric_corrections LATERAL VIEW explode(deltas) exploded AS name, change
  WHERE NOT coalesce(test, false) AND size(array_except(map_keys(deltas), array('impressions', 'invalid_impressions', 'measurable_impressions', 'viewable_impressions', 'clicks', 'invalid_clicks', 'video_starts', 'video_first_quartiles', 'video_midpoints', 'video_third_quartiles', 'video_completes', 'auction_requests', 'auction_bids', 'auction_wins'))) = 0
) AS parts
GROUP BY org_id, campaign_id, date, counter;

-- What a source said last of a period counts: a total in place of totals and additions inside it. A report stands on
-- the day that its period begins. An adjustment has neither source nor basis: it counts whichever you choose.
CREATE OR REPLACE TEMPORARY VIEW corrected_spend AS
WITH reports AS (
  SELECT event_id, org_id, campaign_id, source, basis, currency, amount_micros, cumulative, period_start AS since,
    greatest(period_start, least(period_end, timestamp_millis(CAST(ceil(unix_millis(taken) / 60000) * 60000 AS BIGINT)))) AS until, timestamp_millis(CAST(floor(unix_millis(period_start) / 900000) * 900000 AS BIGINT)) AS quarter, said, log_offset
  FROM (SELECT *,
      coalesce(as_of, CASE WHEN event_time >= period_start AND event_time < period_end THEN event_time ELSE period_end END) AS taken,
      coalesce(source_seq, unix_millis(produced_at), unix_millis(event_time)) AS said
    FROM silver.spend WHERE NOT coalesce(test, false)) AS raw
)
SELECT org_id, campaign_id, date, currency, source, basis,
  sum(reported) AS reported_micros, sum(adjusted) AS adjustment_micros, sum(reported) + sum(adjusted) AS spend_micros
FROM (
  SELECT org_id, campaign_id, to_date(to_utc_timestamp(since, current_timezone())) AS date, currency, source, basis, amount_micros AS reported, CAST(0 AS BIGINT) AS adjusted
  FROM reports AS r
  WHERE NOT EXISTS (
    SELECT 1 FROM reports AS t
    WHERE t.cumulative AND t.org_id = r.org_id AND t.campaign_id = r.campaign_id AND t.source = r.source AND t.basis = r.basis
      AND ((r.cumulative AND t.since <= r.since AND r.until <= t.until
          AND (r.since < r.until OR r.since < t.until OR t.since = t.until)
          AND (t.since < r.since OR r.until < t.until OR r.said < t.said OR (r.said = t.said AND r.log_offset < t.log_offset)))
        OR (NOT r.cumulative AND t.since <= r.quarter AND r.quarter < t.until)))
  UNION ALL
  SELECT org_id, campaign_id, applies_to, currency, NULL, NULL, CAST(0 AS BIGINT), delta_micros
  FROM silver.spend_adjustments WHERE NOT coalesce(test, false)
) AS parts
GROUP BY org_id, campaign_id, date, currency, source, basis;
