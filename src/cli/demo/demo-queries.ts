import { askClickHouse, type QueryEndpoint, rowsOf } from '../../control/query-client.ts';
import { tables } from '../../rows/tables.ts';
import type { AlertLine, CampaignLine } from './demo-view.ts';

const campaignsShown = 12;

/** How each campaign's newest flight stands; those in trouble first, so that they are seen. */
export async function readCampaigns(endpoint: QueryEndpoint): Promise<CampaignLine[]> {
  const answer = await askClickHouse(
    endpoint,
    `SELECT campaign_id, argMax(status, evaluated_at) AS status_now, argMax(spend_micros, evaluated_at) AS spend,
       argMax(tuple(expected_micros), evaluated_at).1 AS expected, argMax(tuple(osi_bp), evaluated_at).1 AS osi,
       argMax(budget_micros, evaluated_at) AS budget
     FROM pacing_snapshots FINAL GROUP BY org_id, campaign_id
     ORDER BY status_now IN ('on_track', 'warming_up', 'not_started'), campaign_id LIMIT ${campaignsShown}`,
  );
  return rowsOf(answer).map((row) => {
    const budget = Number(row.budget);
    const share = (micros: unknown): number => (budget > 0 ? Number(micros) / budget : 0);
    return {
      campaign: String(row.campaign_id),
      status: String(row.status_now),
      spentRatio: share(row.spend),
      expectedRatio: row.expected === null ? null : share(row.expected),
      osiPct: row.osi === null ? null : Number(row.osi) / 100,
    };
  });
}

export interface AlertRow extends AlertLine {
  readonly id: string;
}

/** Transitions that a person would be told of, oldest first. */
export async function readAlerts(endpoint: QueryEndpoint): Promise<AlertRow[]> {
  const answer = await askClickHouse(
    endpoint,
    `SELECT alert_id, toUnixTimestamp64Milli(evaluated_at) AS at, to_state, level, rule_id,
       if(campaign_id = '', source, campaign_id) AS subject, summary
     FROM alert_events FINAL WHERE to_state IN ('firing', 'resolved', 'no_data', 'error') AND mode = 'notify'
     ORDER BY at, alert_id LIMIT 5000`,
  );
  return rowsOf(answer).map((row) => ({
    id: String(row.alert_id),
    atMs: Number(row.at),
    state: String(row.to_state),
    level: String(row.level),
    rule: String(row.rule_id),
    subject: String(row.subject),
    summary: String(row.summary),
  }));
}

/** Rows of every table, each counted once. */
export async function countRows(endpoint: QueryEndpoint): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = rowsOf(await askClickHouse(endpoint, `SELECT count() AS rows FROM ${name} FINAL`));
    counts[name] = Number(row.rows);
  }
  return counts;
}
