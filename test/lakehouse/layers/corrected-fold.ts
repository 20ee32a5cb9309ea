import type { SilverRow, SilverRows } from './silver-world.ts';

/** What the corrected views must say, folded record by record from the log: `key` to number, nothing that is zero. */
export interface Corrected {
  /** By organization, campaign, day and counter: from events, from corrections. */
  readonly counters: ReadonlyMap<string, readonly [number, number]>;
  /** By organization, campaign, day, currency, source and basis (none of an adjustment): reported, adjusted. */
  readonly spend: ReadonlyMap<string, readonly [number, number]>;
  /** Reports that contradict others, which a lane refuses and a view cannot know of. */
  readonly overlapping: number;
}

const dayMs = 86_400_000;
const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
const known = new Set(
  `impressions invalid_impressions measurable_impressions viewable_impressions clicks invalid_clicks video_starts
   video_first_quartiles video_midpoints video_third_quartiles video_completes auction_requests auction_bids auction_wins`.split(
    /\s+/,
  ),
);

export function foldCorrected(silver: SilverRows): Corrected {
  const counters = new Map<string, [number, number]>();
  const rows = (table: string) => (silver.get(table) ?? []).filter((row) => row.test !== true);
  const add = (to: Map<string, [number, number]>, key: string, at: 0 | 1, amount: number): void => {
    const sums = to.get(key) ?? [0, 0];
    sums[at] += amount;
    to.set(key, sums);
  };
  const count = (row: SilverRow, day: number, counter: string, at: 0 | 1, amount: unknown) =>
    add(counters, [row.org_id, row.campaign_id, dayText(day), counter].join('/'), at, Number(amount));
  for (const row of rows('impressions')) {
    const day = dayOf(row.event_time);
    if (row.ivt !== 'NONE') count(row, day, 'invalid_impressions', 0, row.batch_count);
    else {
      count(row, day, 'impressions', 0, row.batch_count);
      if (row.measurable === true) count(row, day, 'measurable_impressions', 0, row.batch_count);
      if (row.viewable === true) count(row, day, 'viewable_impressions', 0, row.batch_count);
    }
  }
  for (const row of rows('clicks'))
    count(row, dayOf(row.event_time), row.ivt === 'NONE' ? 'clicks' : 'invalid_clicks', 0, row.batch_count);
  for (const row of rows('video_progress'))
    count(row, dayOf(row.event_time), `video_${String(row.event).toLowerCase()}s`, 0, 1);
  for (const row of rows('auction_stats')) {
    const day = dayOf(row.minute);
    for (const name of ['requests', 'bids', 'wins']) count(row, day, `auction_${name}`, 0, row[name]);
  }
  for (const row of rows('metric_corrections')) {
    const deltas = Object.entries((row.deltas ?? {}) as Record<string, number>);
    if (!deltas.every(([name]) => known.has(name))) continue;
    for (const [name, delta] of deltas) count(row, Number(row.applies_to), name, 1, delta);
  }
  const spend = new Map<string, [number, number]>();
  const overlapping = foldSpend(rows('spend'), (row, amount) =>
    add(
      spend,
      [row.org_id, row.campaign_id, dayText(dayOf(row.period_start)), row.currency, row.source, row.basis].join('/'),
      0,
      amount,
    ),
  );
  for (const row of rows('spend_adjustments'))
    add(
      spend,
      [row.org_id, row.campaign_id, dayText(Number(row.applies_to)), row.currency, '', ''].join('/'),
      1,
      Number(row.delta_micros),
    );
  return { counters, spend, overlapping };
}

interface Report {
  readonly row: SilverRow;
  readonly from: number;
  readonly to: number;
  readonly order: number;
}

/** In the order of the log, as docs/semantics.md §4.4 has a lane do it. */
function foldSpend(rows: readonly SilverRow[], book: (row: SilverRow, amount: number) => void): number {
  let overlapping = 0;
  const feeds = Map.groupBy(rows, (row) => [row.org_id, row.campaign_id, row.source, row.basis].join('/'));
  for (const feed of feeds.values()) {
    let totals: Report[] = [];
    let additions: Report[] = [];
    for (const row of feed) {
      const report = reportOf(row);
      const isInside = (one: Report, other: Report) =>
        other.from <= one.from &&
        one.to <= other.to &&
        (one.from < one.to || one.from < other.to || other.from === other.to);
      const quarter = (one: Report) => Math.floor(one.from / quarterMs) * quarterMs;
      if (row.cumulative !== true) {
        if (!totals.some((one) => one.from <= quarter(report) && quarter(report) < one.to)) additions.push(report);
        continue;
      }
      const isLonger = (one: Report) => one.to - one.from > report.to - report.from;
      if (totals.some((one) => isInside(report, one) && (isLonger(one) || one.order > report.order))) continue;
      const shares = (one: Report) => one.from < report.to && report.from < one.to;
      if (totals.some((one) => shares(one) && !isInside(one, report))) {
        overlapping += 1;
        continue;
      }
      totals = [...totals.filter((one) => !isInside(one, report)), report];
      additions = additions.filter((one) => !(report.from <= quarter(one) && quarter(one) < report.to));
    }
    for (const { row } of [...totals, ...additions]) book(row, Number(row.amount_micros));
  }
  return overlapping;
}

function reportOf(row: SilverRow): Report {
  const [from, end, at] = [Number(row.period_start), Number(row.period_end), Number(row.event_time)];
  const taken = row.as_of === undefined ? (at >= from && at < end ? at : end) : Number(row.as_of);
  const to = Math.max(from, Math.min(end, Math.ceil(taken / minuteMs) * minuteMs));
  return { row, from, to, order: Number(row.source_seq ?? row.produced_at ?? row.event_time) };
}

function dayOf(instant: unknown): number {
  return Math.floor(Number(instant) / dayMs);
}

function dayText(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}
