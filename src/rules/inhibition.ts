import { isTogether } from './asked-values.ts';
import type { RulePlan } from './plan.ts';

/** Which rules silence which (docs/semantics.md §8.6), and the order in which they are judged for it. */
type Inhibiting = Pick<RulePlan, 'id' | 'scope'> & { readonly inhibited_by?: readonly string[] | undefined };

/** What cannot be of a rule's `inhibited_by`, and which of its entries. */
interface InhibitionProblem {
  readonly rule: string;
  readonly index: number;
  readonly message: string;
}

export function inhibitionProblems(rules: readonly Inhibiting[]): InhibitionProblem[] {
  const known = new Map(rules.map((rule) => [rule.id, rule]));
  return rules.flatMap(({ id, scope, inhibited_by = [] }) =>
    inhibited_by.flatMap((other, index) => {
      const inhibitor = known.get(other);
      if (scope === 'source' && inhibitor !== undefined && inhibitor.scope !== 'source')
        return [{ rule: id, index, message: `rule "${other}" is of no source, and this one is of nothing else` }];
      if (scope === 'organization' && inhibitor !== undefined && inhibitor.scope !== 'organization')
        return [
          { rule: id, index, message: `rule "${other}" is not of the organization, and this one is of nothing else` },
        ];
      if (scope === 'advertiser' && inhibitor !== undefined && !isTogether(inhibitor.scope))
        return [
          {
            rule: id,
            index,
            message: `rule "${other}" is of no advertiser and not of the organization, and this one is of nothing else`,
          },
        ];
      if (scope === 'order' && inhibitor !== undefined && inhibitor.scope !== 'order')
        return [{ rule: id, index, message: `rule "${other}" is of no order, and this one is of nothing else` }];
      if (inhibitor?.scope === 'order' && scope !== 'order')
        return [{ rule: id, index, message: `rule "${other}" is of orders, which silence rules of orders alone` }];
      const way = wayTo(id, other, known);
      return way === null ? [] : [{ rule: id, index, message: `rules silence each other: ${way.join(', ')}` }];
    }),
  );
}

/** From a rule over one that silences it back to itself. */
function wayTo(id: string, by: string, known: ReadonlyMap<string, Inhibiting>): string[] | null {
  const seen = new Set<string>();
  const follow = (at: string): string[] | null => {
    if (at === id) return [at];
    if (seen.has(at)) return null;
    seen.add(at);
    for (const next of known.get(at)?.inhibited_by ?? []) {
      const rest = follow(next);
      if (rest !== null) return [at, ...rest];
    }
    return null;
  };
  const way = follow(by);
  return way === null ? null : [id, ...way];
}

/** Who silences is judged before whom it silences; else by id. Ask only for rules that do not silence each other. */
export function inOrder<Each extends Inhibiting>(rules: readonly Each[]): Each[] {
  const known = new Map(rules.map((rule) => [rule.id, rule]));
  const depths = new Map<string, number>();
  const depthOf = (id: string): number => {
    const found = depths.get(id);
    if (found !== undefined) return found;
    const by = (known.get(id)?.inhibited_by ?? []).filter((each) => known.has(each));
    const depth = by.length === 0 ? 0 : 1 + Math.max(...by.map(depthOf));
    depths.set(id, depth);
    return depth;
  };
  return rules.toSorted((a, b) => depthOf(a.id) - depthOf(b.id) || (a.id < b.id ? -1 : 1));
}
