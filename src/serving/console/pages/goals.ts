/** What of a flight's row its goal decides. */
interface OfGoal {
  readonly goal: string;
  readonly currency: string;
  readonly budget_micros: string;
  readonly goal_total: string | null;
}

/** Columns in the unit of the goal, by those in micros in whose place people see them. */
const inPlaceOf = {
  budget_micros: 'goal_total',
  spend_micros: 'goal_delivered',
  expected_micros: 'goal_expected',
  projected_micros: 'goal_projected',
  run_rate_micros_per_day: 'goal_run_rate_per_day',
  required_micros_per_day: 'goal_required_per_day',
  day_target_micros: 'goal_day_target',
  day_spend_micros: 'goal_day_delivered',
  daily_cap_micros: 'goal_daily_cap',
} as const;

/**
 * The row as it is shown: of a goal that is no money its amounts, in millionths as money is in micros, and the unit where
 * the currency stands. A row of money, or of before there were goals, is what it is.
 */
export function asShown<Row extends OfGoal>(row: Row): Row {
  if (isMoney(row)) return row;
  const told = new Map<string, unknown>(Object.entries(row));
  const amounts = Object.entries(inPlaceOf).flatMap(([shown, of]) =>
    told.has(shown) ? [[shown, inMillionths(row.goal, told.get(of))]] : [],
  );
  return { ...row, ...Object.fromEntries(amounts), currency: unitOf(row.goal) };
}

export function isMoney({ goal }: { readonly goal: string }): boolean {
  return goal === 'MONEY';
}

/** As people call it: `viewable impressions`. */
function unitOf(goal: string): string {
  return goal.toLowerCase().replace('_', ' ');
}

function inMillionths(goal: string, amount: unknown): string | null {
  if (typeof amount !== 'string') return null;
  return goal === 'CONVERSIONS' ? amount : String(BigInt(amount) * 1_000_000n);
}
