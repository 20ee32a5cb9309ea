import type { Zone } from '../../../model/zones.ts';
import type { SpendPlan } from '../../../rules/plan.ts';
import type { PastRecord } from '../../ports.ts';
import type { Delivery } from './records.ts';
import type { ValueWindow, WindowOf } from './windows.ts';

/** Which records lie in a window, which of them count nothing, and what the others add up to. Pure. */

type UnusedWhy = 'dead_letter' | 'late' | 'repeated' | 'test' | 'invalid';

export interface RecordsInWindow {
  /** All of the campaign that lie in it and are of what is counted, in the order of the log. */
  readonly found: readonly PastRecord[];
  readonly unused: Readonly<Partial<Record<UnusedWhy, number>>>;
  /** Micros or impressions; null where reports replace each other, so that a sum says nothing. */
  readonly sum: bigint | null;
}

interface Counting {
  readonly window: ValueWindow;
  /** What counts as spend; null = the plan is not known. */
  readonly spend: SpendPlan | null;
  /** Of the campaign's local days. */
  readonly zone: Zone;
}

export function recordsInWindow({ records, unused }: Delivery, counting: Counting): RecordsInWindow {
  const found = records.filter((record) => isAbout(record, counting) && liesIn(record, counting));
  const seen = new Set<string>();
  const counts: Partial<Record<UnusedWhy, number>> = {};
  const used: PastRecord[] = [];
  for (const record of found) {
    const why = whyUnused(record, unused, seen);
    if (why === null) used.push(record);
    else counts[why] = (counts[why] ?? 0) + 1;
  }
  return { found, unused: counts, sum: sumOf(used, counting) };
}

/** A record as it came that says money or impressions of those that the window is of. */
function isAbout({ kind, fields }: PastRecord, { window, spend }: Counting): boolean {
  if (fields === null) return false;
  if (window.of !== 'spend') return isCounted(kind, fields, window.of);
  if (kind === 'spend_adjustment') return true;
  const isItem = kind === 'impression' || kind === 'click';
  const isReport = kind === 'spend' || (kind === 'performance_report' && fields.spend_micros !== null);
  if (!isItem && !isReport) return false;
  if (spend === null) return true;
  if (isItem !== (spend.from === 'impressions')) return false;
  const sources = spend.sources ?? (spend.source === '' ? null : [spend.source]);
  const isOfSource = sources === null || sources.includes(String(fields.source));
  return isOfSource && (kind === 'click' || fields.basis === spend.cost_basis);
}

/** Of which kind the records of a counter are, and what reports and corrections call it. */
const counted: Readonly<Record<Exclude<WindowOf, 'spend'>, { readonly kind: string; readonly name: RegExp }>> = {
  impressions: { kind: 'impression', name: /impressions$/ },
  clicks: { kind: 'click', name: /clicks$/ },
  video: { kind: 'video_progress', name: /^video_/ },
  auctions: { kind: 'auction_stats', name: /^auction_/ },
  conversions: { kind: 'conversion', name: /^(conversions|revenue)_/ },
};

function isCounted(kind: string, fields: Readonly<Record<string, unknown>>, of: Exclude<WindowOf, 'spend'>): boolean {
  const { kind: own, name } = counted[of];
  if (kind === own) return true;
  if (!isCounts(kind)) return false;
  if (Object.keys(countsIn(fields)).some((each) => name.test(each))) return true;
  return of === 'conversions' && Object.entries(fields).some(([each, value]) => name.test(each) && value !== null);
}

function isCounts(kind: string): boolean {
  return kind === 'performance_report' || kind === 'metric_correction';
}

function countsIn(fields: Readonly<Record<string, unknown>>): object {
  return (fields.counts ?? fields.deltas ?? {}) as object;
}

/** An event lies where it happened, a correction at the start of its day, a report over its span (docs/semantics.md §4). */
function liesIn({ kind, fields, eventTimeMs }: PastRecord, { window: { fromMs, toMs }, zone }: Counting): boolean {
  if (kind === 'spend_adjustment' || kind === 'metric_correction') {
    const at = zone.dayStart(Number(fields?.applies_to));
    return at >= fromMs && at < toMs;
  }
  if (kind === 'conversion') {
    // Counted on the day on which it came, and on that of its click or view.
    const at = [fields?.conversion_time, fields?.touch_time ?? fields?.conversion_time].map(Number);
    return at.some((each) => each >= fromMs && each < toMs);
  }
  if (kind !== 'spend' && kind !== 'performance_report') return eventTimeMs >= fromMs && eventTimeMs < toMs;
  const [from, to] = [Number(fields?.period_start), Number(fields?.period_end)];
  return from === to ? from >= fromMs && from < toMs : from < toMs && to > fromMs;
}

function whyUnused({ offset, fields }: PastRecord, unused: Delivery['unused'], seen: Set<string>): UnusedWhy | null {
  const known = unused.get(offset);
  if (known !== undefined) return known;
  const id = String(fields?.event_id);
  if (seen.has(id)) return 'repeated';
  seen.add(id);
  if (fields?.test === true) return 'test';
  return (fields?.ivt ?? 'NONE') === 'NONE' ? null : 'invalid';
}

function sumOf(used: readonly PastRecord[], { window }: Counting): bigint | null {
  let sum = 0n;
  for (const { kind, fields } of used) {
    if (kind === 'spend' || kind === 'performance_report' || fields === null) return null;
    if (window.of !== 'spend' && window.of !== 'impressions') return null;
    if (window.of === 'impressions') {
      // A correction counts for the whole flight at once, and not as delivery of the last hours.
      if (kind === 'metric_correction') return null;
      sum += whole(fields.batch_count);
    } else sum += nanosOf(kind, fields);
  }
  // Floored once, as the tables have it.
  return window.of === 'impressions' ? sum : (sum - (((sum % 1_000n) + 1_000n) % 1_000n)) / 1_000n;
}

function nanosOf(kind: string, fields: Readonly<Record<string, unknown>>): bigint {
  if (kind === 'spend_adjustment') return 1_000n * whole(fields.delta_micros);
  const cost = 1_000n * whole(fields.cost_micros);
  return kind === 'click' ? cost : cost + whole(fields.cpm_micros) * whole(fields.batch_count);
}

function whole(value: unknown): bigint {
  return BigInt(Number(value));
}
