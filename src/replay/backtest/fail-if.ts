import { EngineError } from '../../model/errors.ts';
import { nearest } from '../../model/nearest.ts';
import { alertsPerCampaignWeek, type Comparison } from './compare.ts';

/** A bound on what the candidate would do, such as `alerts_per_campaign_week > 0.1` or `under-pacing.came > 3`. */
export interface Bound {
  readonly text: string;
  readonly rule: string | null;
  readonly name: FigureName;
  readonly isBroken: (value: number) => boolean;
}

/** Figures of the candidate; those in front of which a rule may stand count its alerts alone. */
const figures = {
  alerts: ({ candidate }: Comparison) => candidate.episodes.length,
  critical_alerts: ({ candidate }: Comparison) => candidate.episodes.filter(({ level }) => level === 'critical').length,
  alerts_per_campaign_week: ({ candidate }: Comparison) => alertsPerCampaignWeek(candidate),
  came: (comparison: Comparison) => countOf(comparison, 'came'),
  gone: (comparison: Comparison) => countOf(comparison, 'gone'),
  moved: (comparison: Comparison) => countOf(comparison, 'moved'),
  unforetold_flights: ({ candidate }: Comparison) => candidate.goneFlights - candidate.foretoldFlights,
} as const;
type FigureName = keyof typeof figures;

const tests: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '==': (value, bound) => value === bound,
  '!=': (value, bound) => value !== bound,
};

/** Reads `[RULE.]FIGURE OPERATOR NUMBER`; throws USAGE. */
export function readBound(text: string): Bound {
  const match = /^\s*(?:([A-Za-z0-9_.:-]+)\.)?([a-z_]+)\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)?)\s*$/.exec(text);
  const known = Object.keys(figures);
  if (match === null)
    throw new EngineError(
      'USAGE',
      `"${text}" must be like alerts_per_campaign_week > 0.1; figures: ${known.join(', ')}`,
    );
  const [, rule = null, name, operator, number] = match;
  if (!Object.hasOwn(figures, name)) {
    const near = nearest(name, known);
    const hint = near === undefined ? `known: ${known.join(', ')}` : `did you mean "${near}"?`;
    throw new EngineError('USAGE', `"${text}": there is no figure "${name}"; ${hint}`);
  }
  if (rule !== null && name === 'unforetold_flights')
    throw new EngineError('USAGE', `"${text}": ${name} is no figure of one rule`);
  return { text, rule, name: name as FigureName, isBroken: (value) => tests[operator](value, Number(number)) };
}

/** Throws USAGE for a bound of a rule that neither side has: it would hold for ever. */
export function checkBound({ text, rule }: Bound, rules: readonly string[]): void {
  if (rule === null || rules.includes(rule)) return;
  const near = nearest(rule, rules);
  const hint = near === undefined ? `there are ${rules.join(', ')}` : `did you mean "${near}"?`;
  throw new EngineError('USAGE', `"${text}": neither side has a rule "${rule}"; ${hint}`);
}

/** The figure that a bound asks for. */
export function figureOf({ rule, name }: Bound, comparison: Comparison): number {
  return figures[name](rule === null ? comparison : ofRule(rule, comparison));
}

function countOf({ changes }: Comparison, kind: 'came' | 'gone' | 'moved'): number {
  return changes.filter((change) => change.kind === kind).length;
}

function ofRule(rule: string, { inForce, candidate, changes, rules }: Comparison): Comparison {
  const own = (verdict: Comparison['candidate']) => ({
    ...verdict,
    episodes: verdict.episodes.filter((each) => each.rule === rule),
  });
  const ours = changes.filter((change) => (change.inForce ?? change.candidate)?.rule === rule);
  return { inForce: own(inForce), candidate: own(candidate), changes: ours, rules };
}
