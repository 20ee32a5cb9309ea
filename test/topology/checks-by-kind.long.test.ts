import { describe, expect, test } from 'vitest';
import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import { compareTables } from '../oracle/compare.ts';
import { at, plan, rule, Story } from '../oracle/story.ts';
import { runScenario } from '../scenarios/run-scenario.ts';
import { isSoak } from '../soak.ts';

// Every check of docs/semantics.md §2, on a record of every kind, in every state that a flight can be in: engine and
// oracle say the same, and each check does what its name says for some kind.
const now = at('2026-03-10T12:00:00');
const today = Math.floor(now / dayMs);

/** Of a day counted from today in the zone of flights. */
const startOfDay = (day: number) => (today + day) * dayMs - 5.5 * hourMs;

type Event = Readonly<Record<string, unknown>>;

/** A good record of each kind. */
const kinds: Readonly<Record<string, Event>> = {
  impression: { cpm_micros: 900_000_000, cost_micros: 1_000, batch_count: 3, viewable: true },
  click: { cost_micros: 250_000, batch_count: 2 },
  video_progress: { event: 'MIDPOINT' },
  conversion: {
    conversion_time: now - hourMs,
    touch_time: now - 2 * dayMs,
    revenue_micros: 9_000_000,
    conversion_type: 'lead',
    attribution: 'VIEW',
  },
  spend: { amount_micros: 5_000_000, period_start: now - 3 * hourMs, period_end: now - hourMs },
  performance_report: {
    period_start: today * dayMs,
    period_end: (today + 1) * dayMs,
    as_of: now,
    spend_micros: 7_000_000,
    counts: { impressions: 900, clicks: 7 },
    revenue_by_touch_micros: 3_000_000,
  },
  spend_adjustment: { delta_micros: -1_000_000, applies_to: today - 1, reason: 'CREDIT' },
  metric_correction: { applies_to: today - 1, deltas: { impressions: -5, clicks: 1 }, reason: 'IVT' },
  budget_changed: { flight_id: 'f1', budget_micros: 70_000_000, effective_at: now, ledger_version: 9 },
  flight_changed: {
    flight_id: 'f1',
    start_local: today - 2,
    end_local: today + 2,
    tz: 'Asia/Kolkata',
    start_at: null,
    end_at: null,
    mode: 'EVEN',
    rebase: 'NONE',
    effective_at: now,
    ledger_version: 9,
  },
  status_changed: { status: 'PAUSED', cause: 'POLICY', effective_at: now - minuteMs },
  creative_status: { creative_id: 'k1', status: 'disapproved', policy_code: null },
  auction_stats: { minute: now - hourMs, requests: 90, bids: 40, wins: 10 },
  source_heartbeat: { complete_through: now - minuteMs, count: 3 },
};

/** What each check is tried with: other fields, another key, or the record twice. */
interface Trial {
  readonly fields?: (kind: string, event: Event) => Event;
  readonly key?: string | null;
  readonly again?: (event: Event) => Event;
  /** A reason that some kind's record must get; or the table that must grow. */
  readonly ends?: string;
}

const instants = ['event_time', 'conversion_time', 'touch_time', 'period_start', 'period_end', 'as_of', 'minute'];
/** Moves all that says when by so much; dates by days. */
const moved = (by: number) => (_: string, event: Event) =>
  Object.fromEntries(
    Object.entries({ event_time: now, ...event }).map(([name, value]) => {
      if (typeof value !== 'number') return [name, value];
      if (name === 'applies_to') return [name, value + Math.round(by / dayMs)];
      return [name, instants.includes(name) || name === 'complete_through' ? value + by : value];
    }),
  );
const over = (fields: Event) => (_: string, event: Event) => ({ ...event, ...fields });
/** Only where the event has the field. */
const where = (fields: Event) => (_: string, event: Event) => ({
  ...event,
  ...Object.fromEntries(Object.entries(fields).filter(([name]) => name in event)),
});
const most = Number.MAX_SAFE_INTEGER;

const checks: Readonly<Record<string, Trial>> = {
  'passes all': {},
  'is refused by the decoder: no campaign, or a field of another type': {
    fields: over({ source: 7 }),
    ends: 'bad_field',
  },
  'has odd values where nobody looks': { fields: over({ geo: 7, device: [], placement_id: false, unheard_of: {} }) },
  'has an id that is none': { fields: over({ source: 'a b' }), ends: 'bad_id' },
  'has seconds for milliseconds': { fields: over({ event_time: Math.floor(now / 1_000) }), ends: 'bad_time' },
  'has another key': { key: 'zeta', ends: 'key_mismatch' },
  'has no key': { key: null, ends: 'key_mismatch' },
  'is of a reserved organization': { key: '_mine', fields: over({ org_id: '_mine' }), ends: 'bad_id' },
  'lies a minute ahead': { fields: moved(minuteMs) },
  'lies three minutes ahead': { fields: moved(3 * minuteMs), ends: 'from_the_future' },
  'lies a day ahead': { fields: moved(dayMs), ends: 'from_the_future' },
  'is four days old': { fields: moved(-4 * dayMs) },
  'is forty days old': { fields: moved(-40 * dayMs), ends: 'late_events' },
  'is a hundred days old': { fields: moved(-100 * dayMs), ends: 'late_events' },
  'comes twice': { again: (event) => event },
  'comes twice, and says another thing': { again: (event) => ({ ...event, cost_micros: 77, amount_micros: 77 }) },
  'comes again under an id of its own': { again: (event) => ({ ...event, event_id: 'cd'.repeat(16) }) },
  'is a test': { fields: over({ test: true }) },
  'is in another currency': { fields: over({ currency: 'USD' }), ends: 'currency_mismatch' },
  'names a counter that does not exist': {
    fields: where({ deltas: { happiness: 1 }, counts: { happiness: 1 } }),
    ends: 'unknown_metric',
  },
  'is of a zone that does not exist': { fields: where({ tz: 'Mars/Olympus' }), ends: 'bad_zone' },
  'writes the zone in other letters': { fields: where({ tz: 'ASIA/kolkata' }) },
  'ends before it begins': { fields: where({ end_local: today - 9 }), ends: 'bad_flight' },
  'begins at an hour of another day': { fields: where({ start_at: today * dayMs }), ends: 'bad_flight' },
  'ends at an hour of another day': { fields: where({ end_at: today * dayMs }), ends: 'bad_flight' },
  'begins and ends at an hour': {
    fields: where({ start_at: startOfDay(-2) + 14 * hourMs, end_at: startOfDay(3) - 1 }),
  },
  'ends at the hour at which it begins': {
    fields: where({
      end_local: today - 2,
      start_at: startOfDay(-2) + 14 * hourMs,
      end_at: startOfDay(-2) + 14 * hourMs + minuteMs,
    }),
    ends: 'bad_flight',
  },
  'has an hour that is none': { fields: where({ start_at: 'noon' }), ends: 'bad_field' },
  'leaves its day to another flight at an hour': {
    fields: where({ flight_id: 'f2', start_local: today - 3, end_local: today - 1, end_at: startOfDay(-1) + hourMs }),
  },
  'shares days with another flight': { fields: where({ flight_id: 'f2' }), ends: 'bad_flight' },
  'is of a type that is no text': { fields: where({ conversion_type: 7 }), ends: 'bad_field' },
  'is of a type whose letters were lost': { fields: where({ conversion_type: 'k\ufffdufe' }), ends: 'bad_field' },
  'is of a type with a long name': { fields: where({ conversion_type: 'x'.repeat(65) }) },
  'came by something that does not exist': { fields: where({ attribution: 'SMELL' }), ends: 'bad_field' },
  'names no flight': { fields: where({ flight_id: null }), ends: 'bad_flight' },
  'has an older ledger version': { fields: where({ ledger_version: 0 }) },
  'has a negative ledger version': { fields: where({ ledger_version: -1 }), ends: 'bad_field' },
  'takes no budget away': { fields: where({ budget_micros: 0 }) },
  'is worth more than a sum holds': {
    fields: where({
      cpm_micros: most,
      cost_micros: most,
      amount_micros: most,
      delta_micros: most,
      spend_micros: most,
      revenue_micros: most,
    }),
    ends: 'money_out_of_range',
  },
  'says nothing': { fields: where({ deltas: {}, counts: {} }), ends: 'bad_field' },
  'is of another basis or source': { fields: over({ basis: 'TOTAL', source: 'other' }) },
};

/** What the lane knows of the campaign before the record comes, and where its clock stands. */
const states: Readonly<Record<string, (story: Story) => void>> = {
  'there is nothing': () => {},
  'money but no flight': (story) => story.spend(now - hourMs, 3),
  'dates but no budget': (story) => story.flight(now - dayMs, '2026-03-09', '2026-03-12'),
  'a budget but no dates': (story) => story.budget(now - dayMs, 90),
  'a flight that has not begun': (story) =>
    story.flight(now - dayMs, '2026-03-12', '2026-03-20').budget(now - dayMs, 90),
  'a flight under way': (story) =>
    story
      .flight(now - dayMs, '2026-03-09', '2026-03-12')
      .budget(now - dayMs, 90)
      .spend(now - 2 * hourMs, 20),
  'a flight in another zone': (story) =>
    story
      .flight(now - dayMs, '2026-03-09', '2026-03-12', { tz: 'America/New_York' })
      .budget(now - dayMs, 90)
      .spend(now - 2 * hourMs, 20),
  'a paused flight': (story) =>
    story
      .flight(now - dayMs, '2026-03-09', '2026-03-12')
      .budget(now - dayMs, 90)
      .event(now - hourMs, 'status_changed', { status: 'PAUSED', cause: 'ADVERTISER', effective_at: now - hourMs }),
  'an exhausted flight': (story) =>
    story
      .flight(now - dayMs, '2026-03-09', '2026-03-12')
      .budget(now - dayMs, 10)
      .spend(now - 2 * hourMs, 11),
  'a flight that ended yesterday': (story) =>
    story
      .flight(now - 3 * dayMs, '2026-03-07', '2026-03-09')
      .budget(now - 3 * dayMs, 9)
      .spend(now - 2 * dayMs, 8),
  'a flight that was closed': (story) =>
    story
      .flight(now - 9 * dayMs, '2026-03-02', '2026-03-05')
      .budget(now - 9 * dayMs, 9)
      .spend(now - 6 * dayMs, 8)
      .ticksUntil('2026-03-10T11:00:00', hourMs),
  'flights side by side': (story) =>
    story
      .flight(now - dayMs, '2026-03-09', '2026-03-10')
      .budget(now - dayMs, 40)
      .flight(now - dayMs, '2026-03-11', '2026-03-12', { flight_id: 'f3' })
      .budget(now - dayMs, 50, { flight_id: 'f3' }),
};

const rules = [
  rule('a', { warning: { when: 'p.osi_pct < 95.0 || m.impressions_2h == 0.0', clear: null, for_ms: 0 } }),
  rule('b', { scope: 'ended', warning: { when: 'p.delivery_pct < 95.0', clear: null, for_ms: 0 } }),
];

function tell(kind: string, trial: Trial, state: string, from: 'impressions' | 'feed'): Story {
  const spend = { from, source: 'dsp', cost_basis: 'MEDIA' } as const;
  const source = { heartbeats: false, delay_ms: 0, expected_interval_ms: 0, stale_after_ms: 6 * hourMs };
  const story = new Story();
  // Every hour since then is judged, ten thousand times over: no earlier than the state needs it.
  const since = state === 'a flight that was closed' ? 10 * dayMs : 4 * dayMs;
  story.plan(now - since, plan({ evaluate_every_ms: hourMs, spend }, { sources: { dsp: source }, rules }));
  states[state](story);
  story.tick(now);
  const good = { event_id: 'ab'.repeat(16), ...kinds[kind] };
  const event = trial.fields?.(kind, good) ?? good;
  const key = trial.key === undefined ? 'acme' : trial.key;
  story.event(now, kind, event, key);
  if (trial.again !== undefined) story.event(now + minuteMs, kind, trial.again(event), key);
  story.spend(now + 2 * minuteMs, 1).ticksUntil('2026-03-10T15:00:00', hourMs);
  return story;
}

/** What makes spend; nightly both in every state. */
const spendFrom = ['impressions', 'feed'] as const;

const ended = new Set<string>();

describe.each(Object.keys(kinds))('%s', (kind) => {
  test.each(Object.entries(checks))('that %s: engine and oracle say the same whatever the flight is', (name, trial) => {
    for (const [n, state] of Object.keys(states).entries()) {
      for (const from of isSoak ? spendFrom : [spendFrom[(n + name.length) % spendFrom.length]]) {
        const story = tell(kind, trial, state, from);
        const expected = story.oracle.tables();
        const found = runScenario(story.records, { batch: () => 5, commits: () => true, crashes: () => false });
        expect(compareTables(expected, found, { show: 4 }), `${kind} that ${name}, ${state}, ${from}`).toEqual([]);
        for (const { reason } of expected.dead_letters) ended.add(`${name}: ${reason}`);
        if (expected.late_events.length > 0) ended.add(`${name}: late_events`);
      }
    }
  });
});

test.each(Object.entries(checks).flatMap(([name, { ends }]) => (ends === undefined ? [] : [[name, ends]])))(
  'some record that %s ends as %s',
  (name, ends) => expect(ended).toContain(`${name}: ${ends}`),
);
