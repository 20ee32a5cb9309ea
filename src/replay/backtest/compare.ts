import { type Episode, inOrder, type Verdict, whoOf } from './verdict.ts';

/** What the candidate changes about one alert. */
export interface Change {
  /** `moved`: it comes at another time or level. */
  readonly kind: 'same' | 'moved' | 'came' | 'gone';
  readonly inForce: Episode | null;
  readonly candidate: Episode | null;
}

interface RuleCounts {
  readonly rule: string;
  readonly inForce: number;
  readonly candidate: number;
  readonly same: number;
  readonly moved: number;
  readonly came: number;
  readonly gone: number;
  /** The middle one of the times between alert and end of the money, ms; null = there is none. */
  readonly beforeGoneMs: number | null;
}

export interface Comparison {
  readonly inForce: Verdict;
  readonly candidate: Verdict;
  /** In order of time. */
  readonly changes: readonly Change[];
  readonly rules: readonly RuleCounts[];
}

/** Sets the candidate's alerts beside those in force: of the same rule and subject, those that overlap are one. */
export function compareVerdicts(inForce: Verdict, candidate: Verdict): Comparison {
  const ours = Map.groupBy(candidate.episodes, whoOf);
  const theirs = Map.groupBy(inForce.episodes, whoOf);
  const all = [...new Set([...theirs.keys(), ...ours.keys()])];
  const changes = all.flatMap((who) => changesOf(theirs.get(who) ?? [], ours.get(who) ?? []));
  changes.sort((a, b) => inOrder(eitherOf(a), eitherOf(b)));
  return { inForce, candidate, changes, rules: countRules(inForce, candidate, changes) };
}

function changesOf(before: readonly Episode[], after: readonly Episode[]): Change[] {
  const left = [...after];
  const changes = before.map((inForce): Change => {
    const at = left.findIndex((candidate) => overlaps(inForce, candidate));
    if (at < 0) return { kind: 'gone', inForce, candidate: null };
    const [candidate] = left.splice(at, 1);
    const isSame = candidate.startMs === inForce.startMs && candidate.level === inForce.level;
    return { kind: isSame ? 'same' : 'moved', inForce, candidate };
  });
  return [...changes, ...left.map((candidate): Change => ({ kind: 'came', inForce: null, candidate }))];
}

function overlaps(a: Episode, b: Episode): boolean {
  return a.startMs <= (b.endMs ?? Number.POSITIVE_INFINITY) && b.startMs <= (a.endMs ?? Number.POSITIVE_INFINITY);
}

/** The one in force where there is one. */
export function eitherOf({ inForce, candidate }: Change): Episode {
  return (inForce ?? candidate) as Episode;
}

function countRules(inForce: Verdict, candidate: Verdict, changes: readonly Change[]): RuleCounts[] {
  const rules = [...new Set(changes.map((change) => eitherOf(change).rule))].sort();
  return rules.map((rule) => {
    const ofRule = changes.filter((change) => eitherOf(change).rule === rule);
    const count = (kind: Change['kind']) => ofRule.filter((change) => change.kind === kind).length;
    const own = candidate.episodes.filter((each) => each.rule === rule);
    return {
      rule,
      inForce: inForce.episodes.filter((each) => each.rule === rule).length,
      candidate: own.length,
      same: count('same'),
      moved: count('moved'),
      came: count('came'),
      gone: count('gone'),
      beforeGoneMs: middle(own.flatMap(({ beforeGoneMs }) => beforeGoneMs ?? [])),
    };
  });
}

/** Of an even number the smaller one of the two. */
function middle(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null;
}

export function alertsPerCampaignWeek({ episodes, campaignDays }: Verdict): number {
  return campaignDays === 0 ? 0 : (episodes.length * 7) / campaignDays;
}
