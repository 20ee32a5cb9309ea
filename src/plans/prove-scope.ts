import type { Place } from '../control/config/yaml-document.ts';
import { nearest } from '../model/nearest.ts';
import type { PlanDraft } from '../rules/plan.ts';
import { fits } from '../rules/rule-scope.ts';
import type { ReadRule } from './rule-file.ts';

/** A name by which a rule chooses campaigns, and that none of its plans has. */
interface NobodyNamed {
  readonly place: Place;
  readonly message: string;
  /** The rule is for nobody because of it. */
  readonly isNever: boolean;
}

type Chosen = NonNullable<ReadRule['rule']['exclude']>;

/** What plans say of campaigns is all that there is to choose by: a label or advertiser that no plan names is a slip. */
export function namesOfNobody(read: ReadRule, drafts: readonly PlanDraft[]): NobodyNamed[] {
  const { rule } = read;
  if (drafts.length === 0) return [];
  if (rule.scope === 'order') return ordersOfNobody(read, drafts);
  return [
    ...namesIn(rule, [], read, drafts),
    ...namesIn(rule.exclude ?? {}, ['exclude'], read, drafts).map((each) => ({ ...each, isNever: false })),
  ];
}

/** Names of orders, and of their advertisers, that no order has. */
function ordersOfNobody({ rule, placeOf }: ReadRule, drafts: readonly PlanDraft[]): NobodyNamed[] {
  const orders = drafts.flatMap(({ orders = {} }) => Object.entries(orders));
  const ids = new Set(orders.map(([id]) => id));
  const advertisers = new Set(orders.flatMap(([, { advertiser }]) => advertiser ?? []));
  const wrong = (key: 'orders' | 'advertisers', known: ReadonlySet<string>, what: string) =>
    (rule[key] ?? []).flatMap((wanted, index) => {
      if ([...known].some((each) => fits(wanted, each))) return [];
      const message = `${what} "${wanted}"${meant(wanted, known)}`;
      return [{ place: placeOf([key, index]), message, isNever: rule[key]?.length === 1 }];
    });
  return [
    ...wrong('orders', ids, 'no plan has an order'),
    ...wrong('advertisers', advertisers, 'no order is of an advertiser'),
  ];
}

/** Of what chooses campaigns, at a path of what `read` is. */
export function namesIn(
  chosen: Omit<Chosen, 'orders'>,
  at: readonly string[],
  read: Pick<ReadRule, 'placeOf'>,
  drafts: readonly Pick<PlanDraft, 'campaigns'>[],
): NobodyNamed[] {
  const campaigns = drafts.flatMap((draft) => Object.entries(draft.campaigns));
  const placeOf = (...path: readonly (string | number)[]) => read.placeOf([...at, ...path]);
  const labels = Object.entries(chosen.match ?? {}).flatMap(([name, wanted]): NobodyNamed[] => {
    const carried = campaigns.flatMap(([, { labels = {} }]) => Object.entries(labels));
    const known = new Set(carried.map(([each]) => each));
    if (!known.has(name)) {
      const message = `no campaign carries the label "${name}"${meant(name, known)}`;
      return [{ place: placeOf('match', name), message, isNever: true }];
    }
    const values = new Set(carried.flatMap(([each, value]) => (each === name ? [value] : [])));
    const asked = typeof wanted === 'string' ? [wanted] : wanted;
    return asked.flatMap((value, index) => {
      if (values.has(value)) return [];
      const message = `no campaign carries ${name}: ${value}${meant(value, values)}`;
      const place = typeof wanted === 'string' ? placeOf('match', name) : placeOf('match', name, index);
      return [{ place, message, isNever: asked.length === 1 }];
    });
  });
  const advertisers = new Set(campaigns.flatMap(([, { advertiser }]) => advertiser ?? []));
  const ids = new Set(campaigns.map(([id]) => id));
  return [
    ...labels,
    ...(chosen.advertisers ?? []).flatMap((wanted, index) => {
      if ([...advertisers].some((each) => fits(wanted, each))) return [];
      const message = `no campaign is of an advertiser "${wanted}"${meant(wanted, advertisers)}`;
      return [{ place: placeOf('advertisers', index), message, isNever: chosen.advertisers?.length === 1 }];
    }),
    ...(chosen.campaigns ?? []).flatMap((wanted, index) => {
      // Campaigns need not stand in a plan: only one that is nearly there looks like a slip.
      const near = wanted.endsWith('*') || ids.has(wanted) ? undefined : nearest(wanted, ids);
      if (near === undefined || withoutDigits(near) === withoutDigits(wanted)) return [];
      const message = `campaign "${wanted}" is in no plan; did you mean "${near}"?`;
      return [{ place: placeOf('campaigns', index), message, isNever: false }];
    }),
  ];
}

function meant(name: string, known: Iterable<string>): string {
  const all = [...known];
  const near = nearest(name, all);
  if (near !== undefined) return `; did you mean "${near}"?`;
  return all.length === 0 ? '' : `; there are ${all.slice(0, 5).join(', ')}${all.length > 5 ? ', …' : ''}`;
}

/** Ids that differ in their numbers are two campaigns, and no slip. */
function withoutDigits(id: string): string {
  return id.replace(/\d+/g, '');
}
