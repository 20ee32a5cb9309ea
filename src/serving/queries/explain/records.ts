import { dayMs } from '../../../model/time.ts';
import { findZone } from '../../../model/zones.ts';
import type { PastRecord, Place } from '../../ports.ts';
import type { RawRow } from '../columns.ts';
import type { OperationContext } from '../operation.ts';
import type { FlightSpan } from './windows.ts';
import { instantText, moneyText } from './words.ts';

/** Records of a campaign, asked of bronze, and which of them count nothing, asked of the tables. */

const controlKinds = ['flight_changed', 'budget_changed', 'status_changed', 'creative_status'];
const deliveryKinds = [
  ...['impression', 'click', 'video_progress', 'auction_stats', 'conversion', 'performance_report'],
  ...['spend', 'spend_adjustment', 'metric_correction'],
];
const controlsMax = 4_096;
/** Beyond so many a window is named, and its records are not. */
const deliveryMax = 200_000;

/** What made flight, budget and status what they were at a place of the log; none where records cannot be read. */
export async function controlsOf(
  { ports: { past }, tables }: OperationContext,
  campaignId: string,
  { partition, offset }: Place,
): Promise<readonly PastRecord[]> {
  if (past.whyNoRecords !== null || campaignId === '') return [];
  const orgIds = [tables.orgId];
  return await past.records({
    ...{ orgIds, campaignId, partition, kinds: controlKinds, untilOffset: offset, limit: controlsMax },
  });
}

export interface Delivery {
  readonly records: readonly PastRecord[];
  /** Offsets of records of the organization that count nothing, and why. */
  readonly unused: ReadonlyMap<number, 'dead_letter' | 'late'>;
}

/** Delivery and money of a campaign, or (null) of all, from an instant on, as far as it was there at a place of the log. Null: too many, or not to be read. */
export async function deliveryOf(
  { ports: { past }, tables }: OperationContext,
  campaignId: string | null,
  { partition, offset }: Place,
  fromMs: number,
): Promise<Delivery | null> {
  if (past.whyNoRecords !== null || campaignId === '') return null;
  const records = await past.records({
    ...{ orgIds: [tables.orgId], partition, kinds: deliveryKinds, untilOffset: offset },
    ...(campaignId === null ? {} : { campaignId }),
    // A report may say of its period beforehand when it is told; a day is more than any does.
    ...{ fromEventMs: fromMs - dayMs, limit: deliveryMax },
  });
  if (records.length >= deliveryMax) return null;
  return { records, unused: await unusedOffsets(tables, partition, offset) };
}

const unusedMax = 100_000;

async function unusedOffsets(
  tables: OperationContext['tables'],
  partition: number,
  offset: number,
): Promise<Map<number, 'dead_letter' | 'late'>> {
  const rows = await tables.rows<RawRow>({
    sql: `SELECT log_offset, 'dead_letter' AS why FROM dead_letters FINAL
WHERE org_id = {org:String} AND partition = {partition:UInt16} AND log_offset <= {offset:UInt64}
UNION ALL SELECT log_offset, 'late' FROM late_events FINAL
WHERE org_id = {org:String} AND partition = {partition:UInt16} AND log_offset <= {offset:UInt64}
LIMIT ${unusedMax}`,
    parameters: { partition, offset },
  });
  return new Map(rows.map((row) => [Number(row.log_offset), row.why === 'late' ? 'late' : 'dead_letter'] as const));
}

/** Dates and zone of a flight, as its newest change says. */
export function spanOf(controls: readonly PastRecord[], flightId: string): FlightSpan | null {
  const newest = newestOf(
    controls.filter(({ kind, fields }) => kind === 'flight_changed' && fields?.flight_id === flightId),
  );
  if (newest?.fields == null) return null;
  const { start_local, end_local, tz } = newest.fields;
  const zone = findZone(String(tz));
  if (zone === null) return null;
  return { startMs: zone.dayStart(Number(start_local)), endMs: zone.dayStart(Number(end_local) + 1), zone };
}

/** A change whose ledger version is no higher than that of one before it counts nothing. */
function newestOf(changes: readonly PastRecord[]): PastRecord | undefined {
  let newest: PastRecord | undefined;
  for (const change of changes)
    if (newest === undefined || Number(change.fields?.ledger_version) > Number(newest.fields?.ledger_version))
      newest = change;
  return newest;
}

/** The newest change of the flight, of its budget and of the campaign's status; of a creative where a value speaks of them. */
export function controlsInForce(
  controls: readonly PastRecord[],
  flightId: string,
  valueNames: readonly string[],
): PastRecord[] {
  const newestOfFlight = (kind: string) =>
    newestOf(controls.filter((each) => each.kind === kind && (each.fields?.flight_id ?? flightId) === flightId));
  const newestAt = (kind: string) => controls.filter((each) => each.kind === kind).at(-1);
  const asksCreatives = valueNames.some((name) => /^e\.(creative|disapprovals)/.test(name));
  const found = [
    newestOfFlight('flight_changed'),
    newestOfFlight('budget_changed'),
    newestAt('status_changed'),
    asksCreatives ? newestAt('creative_status') : undefined,
  ];
  return found.filter((each) => each !== undefined).toSorted((a, b) => a.offset - b.offset);
}

export function controlWords({ kind, fields }: PastRecord): string {
  const said = fields ?? {};
  if (kind === 'flight_changed')
    return `flight ${said.flight_id} from ${dateText(said.start_local)} to ${dateText(said.end_local)} in ${said.tz}, ${said.mode}${leftWords(said.rollover)}`;
  if (kind === 'creative_status') {
    const policy = said.policy_code === null ? '' : `, policy ${said.policy_code}`;
    return `creative ${said.creative_id} ${String(said.status).toLowerCase()}${policy}`;
  }
  if (kind === 'status_changed') return `status ${said.status}, cause ${said.cause}`;
  const unit = said.goal ?? 'MONEY';
  if (unit !== 'MONEY') return goalWords(String(unit), said);
  const cap = said.daily_cap_micros === null ? '' : `, at most ${moneyText(said.daily_cap_micros)} a day`;
  const who = said.actor === null ? '' : `, by ${said.actor}`;
  return `budget ${moneyText(said.budget_micros)} ${said.currency}${cap}${who}`;
}

/** Records of before there was rollover say nothing. */
function leftWords(rollover: unknown): string {
  if (rollover === 'NEXT') return ', what it leaves unspent to the next flight';
  return rollover === 'LAST' ? ', what it leaves unspent to the last flight' : '';
}

/** Of a goal that is no money: units, and never micros but of what they may cost. */
function goalWords(unit: string, said: NonNullable<PastRecord['fields']>): string {
  const limit = Number(said.budget_micros) > 0 ? ` for at most ${moneyText(said.budget_micros)} ${said.currency}` : '';
  const cap = said.goal_daily_cap == null ? '' : `, at most ${said.goal_daily_cap} a day`;
  const who = said.actor == null ? '' : `, by ${said.actor}`;
  return `goal ${said.goal_units} ${unit.toLowerCase().replaceAll('_', ' ')}${limit}${cap}${who}`;
}

function dateText(day: unknown): string {
  return instantText(Number(day) * dayMs).slice(0, 10);
}
