import { join } from 'node:path';
import type { AlertExplained } from '../../src/adapters/explain/open-explainer.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { StoredLog } from '../chaos/read-log.ts';
import { localDay, startOfDay } from '../oracle/civil-time.ts';
import { decodeEither, releasedSchemas } from '../oracle/decode-avro.ts';
import type { OracleEvent } from '../oracle/events.ts';

type Evidence = AlertExplained['evidence'];
type Window = Evidence['windows'][number];

/** A record of the log as the oracle reads it; null fields where it refuses it. */
interface Witnessed {
  readonly partition: number;
  readonly offset: number;
  readonly logTimeMs: number;
  readonly event: OracleEvent | null;
}

const hour = 3_600_000;
const quarter = 900_000;

/** The log itself, read by the oracle's own reader: whatever an explanation names must be found in it. */
export class LogWitness {
  readonly #records = new Map<string, Witnessed>();
  readonly #ofCampaign = new Map<string, Witnessed[]>();

  static async read(directory: string): Promise<LogWitness> {
    const witness = new LogWitness();
    await using log = await StoredLog.open(join(directory, 'log'), eventsTopic);
    const decode = decodeEither(releasedSchemas());
    for (let partition = 0; partition < log.partitions; partition++)
      for await (const record of log.records(partition)) {
        const decoded = decode(record);
        const event = 'refused' in decoded ? null : decoded;
        witness.#add({ partition, offset: record.offset, logTimeMs: record.logTimeMs, event });
      }
    return witness;
  }

  #add(record: Witnessed): void {
    this.#records.set(`${record.partition}:${record.offset}`, record);
    const { event } = record;
    if (event === null || event.campaign === '') return;
    const key = `${event.org}/${event.campaign}`;
    const own = this.#ofCampaign.get(key) ?? [];
    own.push(record);
    this.#ofCampaign.set(key, own);
  }

  /** Everything in which an explanation says something that the log does not. */
  problemsOf(org: string, campaign: string, flight: string, evidence: Evidence): string[] {
    const problems: string[] = [];
    const expect = (isTrue: boolean, what: string) => {
      if (!isTrue) problems.push(what);
    };
    const at = evidence.decided_by;
    const known = (address: Evidence['decided_by']) => {
      const found = this.#records.get(`${address.partition}:${address.offset}`);
      expect(found !== undefined, `no record at ${address.partition}:${address.offset}`);
      if (found === undefined) return null;
      expect(address.log_time === iso(found.logTimeMs), `log time of ${address.offset}`);
      expect(found.event === null || address.kind === found.event.kind, `kind of ${address.offset}`);
      expect(address.partition === at.partition && address.offset <= at.offset, `${address.offset} came later`);
      return found.event;
    };
    known(at);
    const plan = evidence.plan.record === null ? null : known(evidence.plan.record);
    expect(plan?.kind === 'org_plan' && plan.fields.number === evidence.plan.number, 'the plan record');
    for (const { source, complete_through, record } of evidence.sources) {
      const said = record === null ? null : known(record);
      if (record === null) continue;
      const isSo = said?.source === source && iso(said.fields.complete_through) === complete_through;
      expect(said?.kind === 'source_heartbeat' && isSo && said.org === org, `heartbeat of ${source}`);
    }
    const own = (this.#ofCampaign.get(`${org}/${campaign}`) ?? []).filter(({ offset }) => offset <= at.offset);
    for (const { record } of evidence.controls) {
      const said = known(record);
      const later = own.filter(({ event, offset }) => event?.kind === said?.kind && offset > record.offset);
      const isNewest = later.every(
        ({ event }) => (event?.fields.ledger_version ?? 0) <= (said?.fields.ledger_version ?? 0),
      );
      expect(said?.campaign === campaign && isNewest, `control ${record.kind} at ${record.offset}`);
    }
    const dates = own.findLast(({ event }) => event?.kind === 'flight_changed' && event.flight === flight)?.event
      ?.fields;
    for (const window of evidence.windows) {
      const wanted = dates === undefined ? [] : spansOf(window.values[0], dates, evidence);
      const isWanted = flight === '' || wanted.some(([from, to]) => iso(from) === window.from && iso(to) === window.to);
      expect(isWanted, `window of ${window.values.join()} ${window.from} to ${window.to}`);
      this.#checkRecords(window, own, dates?.tz ?? 'UTC', expect, known);
    }
    return problems;
  }

  #checkRecords(
    window: Window,
    own: readonly Witnessed[],
    zone: string,
    expect: (isTrue: boolean, what: string) => void,
    known: (address: Evidence['decided_by']) => OracleEvent | null,
  ): void {
    const { records, of } = window;
    if (records === null) return expect(false, 'records of a window');
    const [from, to] = [Date.parse(window.from), Date.parse(window.to)];
    const isOf = ({ kind, fields }: OracleEvent) =>
      of === 'impressions'
        ? kind === 'impression' || fields.counts.has('impressions') || Object.hasOwn(fields.deltas, 'impressions')
        : ['impression', 'click', 'spend', 'spend_adjustment', 'performance_report'].includes(kind);
    const lies = own.filter(({ event }) => event !== null && isOf(event) && isIn(event, from, to, zone));
    const offsets = lies.map(({ offset }) => offset);
    for (const address of [records.first, records.last]) {
      const event = address === null ? null : known(address);
      if (address !== null)
        expect(event !== null && offsets.includes(address.offset), `${address.offset} lies in the window`);
    }
    // Which of them the plan takes money from is the explanation's to say: it can only name fewer.
    const isAll = of === 'impressions';
    expect(
      isAll ? records.count === lies.length : records.count <= lies.length,
      `count ${records.count} of ${lies.length} in ${window.from}`,
    );
    expect(records.count > 0 === (records.first !== null), 'a first record where there is one');
  }
}

function isIn({ kind, fields, eventTime }: OracleEvent, from: number, to: number, zone: string): boolean {
  if (kind === 'spend_adjustment' || kind === 'metric_correction') {
    const at = startOfDay(zone, fields.applies_to);
    return at >= from && at < to;
  }
  if (kind !== 'spend' && kind !== 'performance_report') return eventTime >= from && eventTime < to;
  const { period_start: start, period_end: end } = fields;
  return start === end ? start >= from && start < to : start < to && end > from;
}

/** Spans over which docs/semantics.md §7.2 computes a value. */
function spansOf(name: string, dates: OracleEvent['fields'], evidence: Evidence): [number, number][] {
  const [a, t] = [Date.parse(evidence.as_of), Date.parse(evidence.evaluated_at)];
  const s = startOfDay(dates.tz, dates.start_local);
  const floor = (at: number) => Math.floor(at / quarter) * quarter;
  const ds = startOfDay(dates.tz, localDay(dates.tz, a > s ? a - 1 : a));
  const isByDays = floor(a) < floor(t) - 46 * hour;
  const x = Math.max(s, isByDays ? ds : floor(a - 24 * hour));
  const spans: Readonly<Record<string, [number, number][]>> = {
    whole: [[s, a]],
    recent: [[x, a]],
    both: [
      [s, a],
      [x, a],
    ],
    day: [[ds, a]],
    two: [[floor(a - 2 * hour), a]],
  };
  if (/^p\.(spend|delivery_pct|osi_pct|required_daily)$|^m\.impressions_flight$/.test(name)) return spans.whole;
  if (/^p\.(projected|projected_pct|lift_needed|exhaust_lead_hours|exhaust_lead_pct)$/.test(name)) return spans.both;
  if (name === 'p.run_rate_daily') return spans.recent;
  if (/^p\.day_(spend|pct|capped)$/.test(name)) return spans.day;
  return /^m\..*_2h$/.test(name) ? spans.two : [];
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
