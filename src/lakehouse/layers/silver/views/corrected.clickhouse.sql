-- Silver, corrected: events with the corrections of them, by counter and day (docs/lakehouse.md, "Corrected").
-- For ClickHouse; the tables lie in the schema `silver` (a database). Safe to run again.

CREATE OR REPLACE VIEW silver.corrected_counters AS
SELECT org_id, campaign_id, date, counter,
  sum(counted) AS from_events, sum(delta) AS from_corrections, sum(counted) + sum(delta) AS value
FROM (
  SELECT org_id, campaign_id, date, counter, toInt64(assumeNotNull(amount)) AS counted, toInt64(0) AS delta
  FROM (
    SELECT org_id, campaign_id, toDate32(event_time) AS date, 'impressions' AS counter, batch_count AS amount FROM silver.impressions WHERE NOT coalesce(test, false) AND ivt = 'NONE'
    UNION ALL SELECT org_id, campaign_id, toDate32(event_time), 'invalid_impressions', batch_count FROM silver.impressions WHERE NOT coalesce(test, false) AND ivt <> 'NONE'
    UNION ALL SELECT org_id, campaign_id, toDate32(event_time), 'measurable_impressions', batch_count FROM silver.impressions WHERE NOT coalesce(test, false) AND ivt = 'NONE' AND measurable
    UNION ALL SELECT org_id, campaign_id, toDate32(event_time), 'viewable_impressions', batch_count FROM silver.impressions WHERE NOT coalesce(test, false) AND ivt = 'NONE' AND viewable
    UNION ALL SELECT org_id, campaign_id, toDate32(event_time), 'clicks', batch_count FROM silver.clicks WHERE NOT coalesce(test, false) AND ivt = 'NONE'
    UNION ALL SELECT org_id, campaign_id, toDate32(event_time), 'invalid_clicks', batch_count FROM silver.clicks WHERE NOT coalesce(test, false) AND ivt <> 'NONE'
    UNION ALL SELECT org_id, campaign_id, toDate32(event_time), CASE event WHEN 'START' THEN 'video_starts' WHEN 'FIRST_QUARTILE' THEN 'video_first_quartiles' WHEN 'MIDPOINT' THEN 'video_midpoints' WHEN 'THIRD_QUARTILE' THEN 'video_third_quartiles' ELSE 'video_completes' END, 1 FROM silver.video_progress WHERE NOT coalesce(test, false)
    UNION ALL SELECT org_id, campaign_id, toDate32(minute), 'auction_requests', requests FROM silver.auction_stats WHERE NOT coalesce(test, false)
    UNION ALL SELECT org_id, campaign_id, toDate32(minute), 'auction_bids', bids FROM silver.auction_stats WHERE NOT coalesce(test, false)
    UNION ALL SELECT org_id, campaign_id, toDate32(minute), 'auction_wins', wins FROM silver.auction_stats WHERE NOT coalesce(test, false)
  ) AS events
  UNION ALL
  SELECT org_id, campaign_id, assumeNotNull(applies_to) AS date, entry.1 AS counter, toInt64(0) AS counted, entry.2 AS delta
  FROM (SELECT org_id, campaign_id, applies_to, arrayJoin(arrayZip(mapKeys(deltas), mapValues(deltas))) AS entry
    FROM silver.metric_corrections
    WHERE NOT coalesce(test, false) AND hasAll(['impressions', 'invalid_impressions', 'measurable_impressions', 'viewable_impressions', 'clicks', 'invalid_clicks', 'video_starts', 'video_first_quartiles', 'video_midpoints', 'video_third_quartiles', 'video_completes', 'auction_requests', 'auction_bids', 'auction_wins'], mapKeys(deltas))) AS corrections
) AS parts
GROUP BY org_id, campaign_id, date, counter;

-- What a source said last of a period counts: a total in place of totals and additions inside it. A report stands on
-- the day that its period begins. An adjustment has neither source nor basis: it counts whichever you choose.
CREATE OR REPLACE VIEW silver.corrected_spend AS
WITH reports AS (
  SELECT org_id, campaign_id, source, basis, currency, amount_micros,
    coalesce(cumulative, false) AS is_total, assumeNotNull(period_start) AS since,
    assumeNotNull(greatest(period_start, least(period_end, toDateTime64(ceil(toUnixTimestamp64Milli(taken) / 60000) * 60, 6, 'UTC')))) AS until,
    assumeNotNull(coalesce(source_seq, toUnixTimestamp64Milli(produced_at), toUnixTimestamp64Milli(event_time))) AS said, log_offset
  FROM (SELECT *,
      coalesce(as_of, if(event_time >= period_start AND event_time < period_end, event_time, period_end)) AS taken
    FROM silver.spend WHERE NOT coalesce(test, false)) AS raw
), totals AS (
  SELECT org_id, campaign_id, source, basis, groupArray((since, until, (said, log_offset))) AS spans
  FROM reports WHERE is_total GROUP BY org_id, campaign_id, source, basis
)
SELECT org_id, campaign_id, date, currency, source, basis,
  sum(reported) AS reported_micros, sum(adjusted) AS adjustment_micros, sum(reported) + sum(adjusted) AS spend_micros
FROM (
  SELECT r.org_id AS org_id, r.campaign_id AS campaign_id, toDate32(r.since) AS date, r.currency AS currency,
    CAST(r.source, 'Nullable(String)') AS source, CAST(r.basis, 'Nullable(String)') AS basis,
    assumeNotNull(r.amount_micros) AS reported, toInt64(0) AS adjusted
  FROM reports AS r LEFT JOIN totals AS t
    ON t.org_id = r.org_id AND t.campaign_id = r.campaign_id AND t.source = r.source AND t.basis = r.basis
  WHERE NOT arrayExists(
    one -> if(r.is_total,
      one.1 <= r.since AND r.until <= one.2 AND (r.since < r.until OR r.since < one.2 OR one.1 = one.2)
        AND (one.1 < r.since OR r.until < one.2 OR (r.said, r.log_offset) < one.3),
      one.1 <= toStartOfFifteenMinutes(r.since) AND toStartOfFifteenMinutes(r.since) < one.2), t.spans)
  UNION ALL
  SELECT org_id, campaign_id, assumeNotNull(applies_to), currency, NULL, NULL, toInt64(0), assumeNotNull(delta_micros)
  FROM silver.spend_adjustments WHERE NOT coalesce(test, false)
) AS parts
GROUP BY org_id, campaign_id, date, currency, source, basis;
