import { column } from './columns.ts';

const sinceRollover = { since: 5, fallback: 0n } as const;

/** What rolled over between flights, in `pacing_snapshots`: as known when the snapshot was made. */
export const rolloverColumns = [
  column(
    'goal_rolled_in',
    'Int64',
    'What other flights left unspent and this one has beside its own budget, in the unit of `goal`; `goal_total`, and `budget_micros` where the goal is money, hold it.',
    sinceRollover,
  ),
  column(
    'goal_rolled_out',
    'Int64',
    'What this flight left unspent and another one has, in the unit of `goal`.',
    sinceRollover,
  ),
  column(
    'limit_rolled_in',
    'Int64',
    'The same of the most that a goal which is no money may cost, micros.',
    sinceRollover,
  ),
  column('limit_rolled_out', 'Int64', 'Likewise.', sinceRollover),
  column(
    'rolled_from',
    'String',
    'Flights that it came from, by their start, each with what it gave of the goal: id=amount, comma separated.',
    { since: 5, fallback: '' },
  ),
  column('rolled_to', 'String', 'Flight that has what this one left; empty when nothing went.', {
    since: 5,
    fallback: '',
  }),
] as const;
