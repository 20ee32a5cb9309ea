import type { CostBasis } from '../../src/events/event-batch.ts';
import { ruleHash } from '../../src/rules/compile-plan.ts';
import type { CampaignPlan, Lateness, LevelPlan, OrderPlan, Plan, RulePlan, SourcePlan } from '../../src/rules/plan.ts';
import { shippedRules } from '../rules/healthy/shipped-rules.ts';
import { campaignOf, curveOf, daypartOf, forWhom, noticesOf, orderOf, scheduleOf } from './rule-words.ts';
import { durationOf, type Words } from './words.ts';

type Named = Readonly<Record<string, string>>;

/** A plan that grows line by line. */
export class PlanDraft {
  readonly #head: Named;
  readonly #sources: Record<string, SourcePlan> = {};
  readonly #rules: RulePlan[] = [];
  readonly #dayparts: Record<string, NonNullable<Plan['dayparts']>[string]> = {};
  readonly #curves: Record<string, NonNullable<Plan['curves']>[string]> = {};
  readonly #campaigns: Record<string, CampaignPlan> = {};
  readonly #orders: Record<string, OrderPlan> = {};

  constructor(head: Named) {
    this.#head = head;
  }

  add({ plain: [verb, id, ...rest], named }: Words): void {
    if (verb === 'rule') this.#rules.push(ruleOf(id, named));
    else if (verb === 'campaign') this.#campaigns[id] = campaignOf(named);
    else if (verb === 'curve') this.#curves[id] = curveOf(rest, named);
    else if (verb === 'daypart') this.#dayparts[id] = daypartOf(rest[0], named);
    else if (verb === 'order') this.#orders[id] = orderOf(rest[0], named);
    else this.#sources[id] = sourceOf(named);
  }

  finish(): Plan {
    const {
      number = '1',
      org = 'acme',
      zone = 'UTC',
      every = '5m',
      spend = 'impressions::MEDIA',
      delivery,
      allowance = '100',
      'allowance.week': week,
      'allowance.flight': flight,
      week_starts,
      unnamed,
      daypart,
      rules = '',
      currency,
      window,
      closed,
    } = this.#head;
    const lateness = latenessOf(this.#head);
    const [from, names, basis] = spend.split(':');
    const several = names.includes('+') ? names.split('+') : null;
    const source = several === null ? names : '';
    return {
      format: 1,
      org_id: org,
      number: Number(number),
      ...(closed === 'yes' ? { closed: true as const } : {}),
      defaults: {
        zone,
        evaluate_every_ms: durationOf(every),
        spend: {
          from: from as 'impressions' | 'feed',
          source,
          ...(several === null ? {} : { sources: several }),
          cost_basis: basis as CostBasis,
        },
        delivery_source: delivery ?? null,
        profile: null,
        ...(daypart === undefined ? {} : { daypart }),
        day_allowance_bp: 100 * Number(allowance),
        ...(week === undefined ? {} : { week_allowance_bp: 100 * Number(week) }),
        ...(flight === undefined ? {} : { flight_allowance_bp: 100 * Number(flight) }),
        ...(week_starts === undefined ? {} : { week_starts: week_starts as 'sunday' }),
        ...(unnamed === undefined ? {} : { cause_when_unnamed: unnamed as 'ADVERTISER' | 'SYSTEM' }),
        ...(currency === undefined ? {} : { currency }),
        ...(window === undefined ? {} : { duplicate_window_ms: durationOf(window) }),
        ...(lateness === undefined ? {} : { lateness }),
      },
      sources: this.#sources,
      profiles: {},
      rules: rules === 'shipped' ? [...shippedRules(), ...this.#rules] : this.#rules,
      campaigns: this.#campaigns,
      ...(Object.keys(this.#orders).length === 0 ? {} : { orders: this.#orders }),
      ...(Object.keys(this.#dayparts).length === 0 ? {} : { dayparts: this.#dayparts }),
      ...(Object.keys(this.#curves).length === 0 ? {} : { curves: this.#curves }),
    };
  }
}

/** Words such as `late.report=60d`. */
function latenessOf(named: Named): Lateness | undefined {
  const all = Object.entries(named).flatMap(([name, value]) =>
    name.startsWith('late.') ? [[`${name.slice(5)}_ms`, durationOf(value)]] : [],
  );
  return all.length === 0 ? undefined : Object.fromEntries(all);
}

function sourceOf(named: Named): SourcePlan {
  const { delay = '2m', stale = '6h', interval = '0s', heartbeats = 'no', clock } = named;
  const lateness = latenessOf(named);
  return {
    heartbeats: heartbeats === 'yes',
    delay_ms: durationOf(delay),
    expected_interval_ms: durationOf(interval),
    stale_after_ms: durationOf(stale),
    ...(lateness === undefined ? {} : { lateness }),
    ...(clock === undefined ? {} : { clock: clock as 'trusted' | 'untrusted' }),
  };
}

function ruleOf(id: string, named: Named): RulePlan {
  const { no_data, scope = 'flight', guard, keep = '0s', mode = 'notify', summary = id } = named;
  const whole: Omit<RulePlan, 'hash'> = {
    id,
    name: id,
    scope: scope as RulePlan['scope'],
    mode: mode as RulePlan['mode'],
    guard: guard ?? null,
    warning: levelOf(named.warning, named.clear, named.for),
    critical: levelOf(named.critical, named.critical_clear, named.critical_for),
    keep_firing_for_ms: durationOf(keep),
    no_data: no_data === undefined ? null : noDataOf(no_data),
    on_error: 'keep_last',
    summary,
    ...forWhom(named),
    ...(named.orders === undefined ? {} : { orders: named.orders.split(',') }),
    ...(named.stale === undefined ? {} : { stale_members: named.stale as 'unknown' | 'counted' }),
    ...scheduleOf(named),
    ...noticesOf(named),
  };
  return { ...whole, hash: ruleHash(whole) };
}

function levelOf(when: string | undefined, clear: string | undefined, wait = '0s'): LevelPlan | null {
  return when === undefined ? null : { when, clear: clear ?? null, for_ms: durationOf(wait) };
}

function noDataOf(words: string): RulePlan['no_data'] {
  const [then, after] = words.split(':');
  // biome-ignore lint/suspicious/noThenProperty: the plan names its field so, and nobody awaits a plan.
  return { after_ms: durationOf(after), then: then as 'no_data' | 'ok' | 'firing' };
}
