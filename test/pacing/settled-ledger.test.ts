import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dayMs, hourMs } from '../../src/model/time.ts';
import { findZone, utc } from '../../src/model/zones.ts';
import { type Change, expectationAt, makeLedger, type Settled, termsAt } from '../../src/pacing/flight-ledger.ts';
import { evenWeight, trafficWeight } from '../../src/pacing/pacing-weight.ts';
import {
  keptStatuses,
  saidOfFlight,
  saidOfStatuses,
  settle,
  settledOf,
  settlesBefore,
  settlesTo,
} from '../../src/pacing/settled-ledger.ts';

type StatusChange = Change & { kind: 'status' };

const horizonMs = 33 * dayMs;
const start = Date.UTC(2026, 0, 1);
const end = start + 1_100 * dayMs;
const shares = Array.from({ length: 168 }, (_, hour) => 1 + (hour % 24));
const traffic = trafficWeight(findZone('Europe/Vienna') ?? utc, shares);
const weightOf = (mode: string) => (mode === 'TRAFFIC' ? traffic : evenWeight);

/** What people say of a flight in the order in which they do, each effective within a few days of being said. */
const said = fc.array(
  fc.record({
    after: fc.integer({ min: 0, max: 40 * 24 }),
    early: fc.integer({ min: -5 * 24, max: 10 * 24 }),
    amount: fc.integer({ min: 0, max: 9e12 }),
    what: fc.constantFrom('budget', 'pause', 'pause', 'block', 'flight'),
    rebase: fc.constantFrom('ON_PLAN', 'ON_ACTUAL', 'NONE'),
    mode: fc.constantFrom('EVEN', 'TRAFFIC', 'ASAP'),
  }),
  { minLength: 5, maxLength: 60 },
);

/** A flight whose ledger settles before each change, as a lane has it. */
class SettlingLedger {
  changes: Change[] = [];
  statuses: StatusChange[] = [];
  settled: Settled | null = null;
  settledUntil = Number.NEGATIVE_INFINITY;

  get ledger() {
    return makeLedger([...this.changes, ...this.statuses], start, this.settled);
  }

  say(change: Change): void {
    const { seen, order } = change;
    const flight = { start, changes: this.changes, settled: this.settled };
    const horizon = seen - horizonMs;
    const all = [...saidOfStatuses(this.statuses), ...saidOfFlight(flight)];
    this.settledUntil = settlesTo(all, this.settledUntil, horizon);
    const until = Math.min(
      this.settledUntil,
      settlesBefore(saidOfFlight(flight), this.settled?.until ?? Number.NEGATIVE_INFINITY, horizon),
    );
    if (until >= start && until > (this.settled?.until ?? Number.NEGATIVE_INFINITY)) {
      const gone = new Set(settledOf(flight, until));
      this.settled = settle(this.ledger, flight, this.statuses, { until, order, weightOf });
      this.changes = this.changes.filter((each) => !gone.has(each));
    }
    this.statuses = keptStatuses(this.statuses, this.settledUntil);
    if (change.kind === 'status') this.statuses.push(change);
    else this.changes.push(change);
  }
}

test('a ledger that has settled expects what one that keeps everything does, to the last micro', () => {
  let settledMany = 0;
  fc.assert(
    fc.property(said, (steps) => {
      const all: Change[] = [];
      const settling = new SettlingLedger();
      let seen = start;
      const initial = { at: start, seen: start, actual: 0 };
      const flight = { ...initial, mode: 'EVEN', curve: null, end, rebase: 'ON_PLAN' } as const;
      const begin: Change[] = [
        { kind: 'flight', order: 0, ...flight },
        { kind: 'budget', order: 1, ...initial, budget: 7e12, cap: null },
      ];
      for (const change of begin) {
        settling.say(change);
        all.push(change);
      }
      for (const [index, { after, early, amount, what, rebase, mode }] of steps.entries()) {
        seen += after * hourMs;
        const common = { order: index + 2, seen, at: Math.max(start, seen - early * hourMs) };
        const isFlight = what === 'flight';
        const change: Change = isFlight
          ? { kind: 'flight', ...common, mode, curve: null, end: end + index * dayMs, rebase, actual: amount }
          : what === 'budget'
            ? { kind: 'budget', ...common, budget: amount, cap: null, actual: 3 * amount }
            : {
                kind: 'status',
                ...common,
                status: index % 2 === 0 ? 'PAUSED' : 'ACTIVE',
                cause: what === 'pause' ? 'ADVERTISER' : 'POLICY',
              };
        settling.say(change);
        all.push(change);
        const kept = makeLedger(all, start, null);
        for (const at of [seen - 32 * dayMs, seen - 5 * dayMs, seen, seen + 100 * dayMs, end + 99 * dayMs]) {
          const { expected, terms, segment } = expectationAt(settling.ledger, at, weightOf);
          expect({ expected, terms, segment }).toEqual(expectationAt(kept, at, weightOf));
          expect(termsAt(settling.ledger, at)).toEqual(terms);
        }
      }
      if (settling.changes.length + settling.statuses.length < all.length / 2) settledMany += 1;
    }),
    { numRuns: 300, seed: 14 },
  );
  expect(settledMany, 'worlds in which most of it settled').toBeGreaterThan(100);
});
