import type { OperationContext } from '../operation.ts';
import { moneyText } from './words.ts';

/** What rolled over between the flights of a campaign, in sentences: as the newest snapshot of each by a moment says it. */
export async function rolloverTexts(
  { tables }: OperationContext,
  { campaignId, flights, atMs }: { readonly campaignId: string; readonly flights: readonly string[]; atMs: number },
): Promise<string[]> {
  const newest = (column: string) => `argMax(${column}, (evaluated_at, as_of, version))`;
  const told = await tables.rows<RolledFlight>({
    sql: `SELECT flight_id, ${newest('goal')} AS unit, ${newest('currency')} AS money, ${newest('goal_total')} AS total, ${newest('goal_rolled_in')} AS came,
  ${newest('goal_rolled_out')} AS went, ${newest('rolled_from')} AS givers, ${newest('rolled_to')} AS taker
FROM pacing_snapshots WHERE org_id = {org:String} AND campaign_id = {campaign:String}
  AND evaluated_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
GROUP BY flight_id HAVING came != 0 OR went != 0 ORDER BY flight_id`,
    parameters: { campaign: campaignId, at: atMs },
  });
  return told.filter(({ flight_id }) => flights.includes(flight_id)).map(rolloverSentence);
}

/** As ClickHouse tells it: whole numbers of 64 bits as text. */
interface RolledFlight extends Record<string, unknown> {
  readonly flight_id: string;
  readonly unit: string;
  readonly money: string;
  readonly total: string;
  readonly came: string;
  readonly went: string;
  readonly givers: string;
  readonly taker: string;
}

export function rolloverSentence({ flight_id, unit, money, total, came, went, givers, taker }: RolledFlight): string {
  const amount = (value: string) => amountText(value, unit, money);
  const parts: string[] = [];
  if (came !== '0') {
    const each = givers.split(',').map((giver) => {
      const [id, gave] = giver.split('=');
      return `${id} (${amount(gave)})`;
    });
    const from = givers === '' ? 'flights that are forgotten' : each.join(', ');
    parts.push(`its budget is ${amount(total)}, of which ${amount(came)} were left unspent by ${from}`);
  }
  if (went !== '0') parts.push(`${amount(went)} that it left unspent went to flight ${taker}`);
  return `Flight ${flight_id}: ${parts.join('; ')}`;
}

function amountText(value: string, unit: string, money: string): string {
  if (unit === 'MONEY') return `${moneyText(value)} ${money}`.trimEnd();
  const words = unit.toLowerCase().replaceAll('_', ' ');
  return `${unit === 'CONVERSIONS' ? moneyText(value) : value} ${words}`;
}
