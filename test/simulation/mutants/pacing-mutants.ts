import type { Detail } from '../../../src/events/event-batch.ts';
import type { LaneProgramFactory } from '../../../src/runtime/lane-program.ts';
import type { Mutant } from './mutant.ts';
import { wrap } from './wrap-program.ts';

/** What a lane could get wrong about how flights are paced: it takes what a record says for something else. */
export const pacingMutants: readonly Mutant[] = [
  {
    name: 'rollover_ignored',
    bug: 'what a flight leaves unspent stays where it is, whatever the flight says',
    program: (factory) => mishearing(factory, (detail) => saying(detail, () => ({ rollover: 'NONE' }))),
  },
  {
    name: 'last_taken_for_next',
    bug: 'what is for the last flight goes to the next one',
    program: (factory) =>
      mishearing(factory, (detail) =>
        saying(detail, ({ rollover }) => (rollover === 'LAST' ? { rollover: 'NEXT' } : {})),
      ),
  },
  {
    name: 'pieces_taken_for_even',
    bug: 'a flight whose goal lies in pieces is paced evenly',
    program: (factory) =>
      mishearing(factory, (detail) => saying(detail, ({ mode }) => (mode === 'CUSTOM' ? { mode: 'EVEN' } : {}))),
  },
  {
    name: 'curve_of_the_campaign_alone',
    bug: 'a flight in pieces follows the curve of its campaign, not the one that it names',
    program: (factory) =>
      mishearing(factory, (detail) => saying(detail, ({ mode }) => (mode === 'CUSTOM' ? { curve_id: null } : {}))),
  },
  {
    name: 'day_allowance_forgotten',
    bug: 'a platform may spend on a day what is booked for it, and no more',
    program: (factory) => mishearing(factory, (detail) => withoutAllowance(detail, 'day_allowance_bp', 10_000)),
  },
  {
    name: 'week_allowance_forgotten',
    bug: 'nothing is known of what a platform may spend in a week',
    program: (factory) => mishearing(factory, (detail) => withoutAllowance(detail, 'week_allowance_bp', undefined)),
  },
  {
    name: 'flight_allowance_forgotten',
    bug: 'nothing is known of what a platform may spend over a flight',
    program: (factory) => mishearing(factory, (detail) => withoutAllowance(detail, 'flight_allowance_bp', undefined)),
  },
];

function mishearing(factory: LaneProgramFactory, heard: (detail: Detail) => Detail): LaneProgramFactory {
  return (lane) => {
    const program = factory(lane);
    return wrap(program, {
      apply(batch, run) {
        for (const [row, detail] of batch.details) batch.details.set(row, heard(detail));
        program.apply(batch, run);
      },
    });
  };
}

type FlightChanged = Extract<Detail, { kind: 'flight_changed' }>;

function saying(detail: Detail, change: (said: FlightChanged) => Partial<FlightChanged>): Detail {
  return detail.kind === 'flight_changed' ? { ...detail, ...change(detail) } : detail;
}

/** Of plans that nobody signed: a signed one would be refused. */
function withoutAllowance(detail: Detail, name: string, instead: number | undefined): Detail {
  if (detail.kind !== 'org_plan' || detail.signature !== '' || !detail.body.includes(name)) return detail;
  const plan = JSON.parse(detail.body) as { defaults: object; campaigns: Readonly<Record<string, object>> };
  const without = (said: object) => (name in said ? { ...said, [name]: instead } : said);
  const campaigns = Object.fromEntries(Object.entries(plan.campaigns).map(([id, said]) => [id, without(said)]));
  return { ...detail, body: JSON.stringify({ ...plan, defaults: without(plan.defaults), campaigns }) };
}
