import type { Problem } from '../control/config/problem.ts';
import type { Place } from '../control/config/yaml-document.ts';
import { nearest } from '../model/nearest.ts';
import { isMember, ordersPerPlanMax } from '../rules/order.ts';
import type { OrderPlan, PlanDraft } from '../rules/plan.ts';
import { namesIn } from './prove-scope.ts';

type PlaceOf = (path: readonly PropertyKey[]) => Place;

/** What orders name that is not there, or does not fit: members, currencies, curves. `placeOf` as of `draftProblems`. */
export function orderProblems(draft: PlanDraft, placeOf: PlaceOf): Problem[] {
  const orders = Object.entries(draft.orders ?? {});
  const say = (path: readonly string[], message: string): Problem => ({
    ...placeOf(path),
    message: `${draft.org_id}: ${message}`,
  });
  const tooMany = `${orders.length} orders, more than ${ordersPerPlanMax}`;
  return [
    ...(orders.length > ordersPerPlanMax ? [say(['orders'], tooMany)] : []),
    ...orders.flatMap(([id, order]) => [
      ...namesIn(order.members, ['orders', id, 'members'], { placeOf }, [draft]).map(({ place, message }) => ({
        ...place,
        message: `${draft.org_id}: order "${id}": ${message}`,
      })),
      ...curveProblems(draft, order).map((message) => say(['orders', id, 'curve'], `order "${id}": ${message}`)),
      ...currencyProblems(draft, order).map((message) => say(['orders', id, 'currency'], `order "${id}": ${message}`)),
    ]),
  ];
}

function curveProblems({ profiles, dayparts = {}, curves = {} }: PlanDraft, { mode, curve }: OrderPlan): string[] {
  const known = { TRAFFIC: profiles, DAYPARTED: dayparts, CUSTOM: curves } as const;
  const what = { TRAFFIC: 'profile', DAYPARTED: 'daypart', CUSTOM: 'curve' } as const;
  if (mode !== 'TRAFFIC' && mode !== 'DAYPARTED' && mode !== 'CUSTOM')
    return curve === undefined ? [] : [`mode ${mode} follows no curve; TRAFFIC, DAYPARTED and CUSTOM do`];
  if (curve === undefined || Object.hasOwn(known[mode], curve)) return [];
  const near = nearest(curve, Object.keys(known[mode]));
  return [`${what[mode]} "${curve}" does not exist${near === undefined ? '' : `; did you mean "${near}"?`}`];
}

/** A campaign whose currency the plan says, and that could never have a part in the order. */
function currencyProblems({ campaigns, defaults }: PlanDraft, order: OrderPlan): string[] {
  return Object.entries(campaigns).flatMap(([id, own]) => {
    const currency = own.currency ?? defaults.currency;
    if (currency === undefined || currency === order.currency || !isMember(order, id, own)) return [];
    return [`campaign "${id}" is in ${currency}, and the order in ${order.currency}: their money does not add up`];
  });
}
