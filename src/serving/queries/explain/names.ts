import { nearest } from '../../../model/nearest.ts';
import { dayMs } from '../../../model/time.ts';
import type { RawRow } from '../columns.ts';
import type { OperationContext } from '../operation.ts';
import { inPeriod } from '../paged-rows.ts';

/** Names of an organization, to tell a name that is wrong from one that is silent. */

const namesMax = 20_000;

export interface CampaignNames {
  /** Flights that were ever evaluated. */
  readonly flights: readonly string[];
  readonly partition: number;
}

/** Null = the campaign is in no table. */
export async function namesOfCampaign({ tables }: OperationContext, campaignId: string): Promise<CampaignNames | null> {
  const rows = await tables.rows<RawRow>({
    sql: `SELECT flight_id, partition FROM (
  SELECT flight_id, partition FROM pacing_latest FINAL WHERE org_id = {org:String} AND campaign_id = {campaign:String}
  UNION ALL SELECT '' AS flight_id, partition FROM campaign_metrics_daily WHERE org_id = {org:String} AND campaign_id = {campaign:String}
  LIMIT 1 BY flight_id
) ORDER BY flight_id LIMIT ${namesMax}`,
    parameters: { campaign: campaignId },
  });
  if (rows.length === 0) return null;
  const flights = rows.map(({ flight_id }) => String(flight_id)).filter((each) => each !== '');
  return { flights, partition: Number(rows[0].partition) };
}

/** When a flight that nobody could judge was judged again, ms; null = not yet. */
export async function judgedAgainAt(
  { tables }: OperationContext,
  { campaignId, flightId }: { readonly campaignId: string; readonly flightId: string },
  afterMs: number,
): Promise<number | null> {
  const [row] = await tables.rows<RawRow>({
    sql: `SELECT toUnixTimestamp64Milli(evaluated_at) AS at FROM pacing_snapshots FINAL
WHERE org_id = {org:String} AND campaign_id = {campaign:String} AND flight_id = {flight:String}
  AND evaluated_at > fromUnixTimestamp64Milli({after:Int64}, 'UTC') AND status != 'stale_data'
ORDER BY evaluated_at LIMIT 1`,
    parameters: { campaign: campaignId, flight: flightId, after: afterMs },
  });
  return row === undefined ? null : Number(row.at);
}

/** The campaign that was probably meant. */
export async function nearestCampaign({ tables }: OperationContext, campaignId: string): Promise<string | null> {
  const rows = await tables.rows<RawRow>({
    sql: `SELECT DISTINCT campaign_id FROM (
  SELECT campaign_id FROM pacing_latest WHERE org_id = {org:String}
  UNION ALL SELECT campaign_id FROM campaign_metrics_daily WHERE org_id = {org:String}
) ORDER BY campaign_id LIMIT ${namesMax}`,
    parameters: {},
  });
  return nearestOf(
    campaignId,
    rows.map((row) => String(row.campaign_id)),
  );
}

/** Verdicts look no further back either, and all judgements of years would be many. */
const judgedBackMs = 31 * dayMs;

/** Rules that were judged in the month before a moment, for where no plan can be read. */
export async function rulesJudged({ tables }: OperationContext, atMs: number): Promise<string[]> {
  const rows = await tables.rows<RawRow>({
    sql: `SELECT DISTINCT rule_id FROM rule_evaluations WHERE org_id = {org:String}
  AND ${inPeriod('evaluated_at')} ORDER BY rule_id LIMIT ${namesMax}`,
    parameters: { from: atMs + 1 - judgedBackMs, to: atMs + 1 },
  });
  return rows.map(({ rule_id }) => String(rule_id));
}

export function nearestOf(name: string, known: readonly string[]): string | null {
  return nearest(name, known) ?? known.find((each) => each.startsWith(name)) ?? null;
}
