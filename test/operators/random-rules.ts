import { pacingModes } from '../../src/events/event-batch.ts';
import { allowanceValues } from '../../src/rules/allowance-values.ts';
import { seasons, statisticsOf } from '../../src/rules/baselines.ts';
import { ruleHash } from '../../src/rules/compile-plan.ts';
import { variableNames } from '../../src/rules/condition.ts';
import { campaignWords, type EventName, eventValues } from '../../src/rules/event-values.ts';
import { goalValues } from '../../src/rules/goal-values.ts';
import { maturedValues } from '../../src/rules/matured-values.ts';
import { measures } from '../../src/rules/measures.ts';
import { type LevelPlan, type OrderPlan, type Plan, type RulePlan, ruleVariables } from '../../src/rules/plan.ts';
import { riskValues } from '../../src/rules/risk-values.ts';
import { outsideHours } from '../../src/rules/schedule.ts';
import { windowHours } from '../../src/rules/window-values.ts';
import { offshoot } from './random-source.ts';

/** Rules that nobody would write, over every value, level, policy and mode: what engine and oracle must agree on. */

const minuteMs = 60_000;
type Scope = keyof typeof ruleVariables;
export type Random = () => number;

/** Numbers that the values of small test worlds come near to. */
const thresholds = [0, 0.5, 1, 2, 5, 12, 24, 40, 75, 90, 99.5, 100, 101, 110, 150, 400, 3_600];
const scopes = ['flight', 'flight', 'flight', 'ended', 'campaign', 'campaign', 'source'] as const;
const words = [
  'planned',
  'after_end',
  'paused',
  'over_budget',
  'warming_up',
  'on_track',
  'behind',
  'severely_behind',
  'ahead',
  'even',
  'traffic',
  'dsp',
];

/** Every flight value in one rule, so that each of its evaluations shows them all; some windows; and some rules of each kind. */
export function randomRules(random: Random, count: number): RulePlan[] {
  const all = showing('all-values', [...variableNames('flight'), ...Object.keys(riskValues)]);
  const windows = showing('drawn-windows', [...new Set(Array.from({ length: 24 }, () => drawAskedName(random)))]);
  const together = showing('all-together', variableNames('organization'), 'organization');
  const ofAdvertisers = showing('all-of-advertisers', variableNames('advertiser'), 'advertiser');
  const scoped = Array.from({ length: count }, (_, i) => drawRule(random, `drawn-${i}`, pick(random, scopes)));
  const drawn = [...scoped, drawRule(offshoot([scoped, 'organization']), 'drawn-together', 'organization')];
  const asked = [
    ...drawn,
    drawOrderRule(offshoot([scoped, 'order'])),
    drawTogether(offshoot([scoped, 'stale']), 'drawn-stale', 'organization'),
    drawTogether(offshoot([scoped, 'advertiser']), 'drawn-advertiser', 'advertiser'),
  ];
  const told = asked.map((rule) => ({ ...rule, ...drawNotices(offshoot([rule, 'notices']), rule, asked) }));
  const ordered = showing('all-ordered', variableNames('order'), 'order');
  return [all, windows, together, ofAdvertisers, ordered, ...told];
}

/** Each of its evaluations shows these values. */
function showing(id: string, names: readonly string[], scope: Scope = 'flight'): RulePlan {
  const when = names.map((name) => `known(${name})`).join(' || ');
  return finish({ ...plain(id, scope), warning: { when, clear: null, for_ms: 0 } });
}

const drawnLabels = ['c.labels.tier', 'c.labels["owner:of"]'];

function drawAskedComparison(random: Random): string {
  const name = drawAskedName(random);
  const isText =
    name === 'p.goal' ||
    name.startsWith('c.') ||
    (Object.hasOwn(eventValues, name) && eventValues[name as EventName][0] === 'string');
  if (!isText) return `${name} ${pick(random, ['<', '>='])} ${pick(random, thresholds).toFixed(1)}`;
  if (random() < 0.2) return `${name} != ${pick(random, drawnLabels)}`;
  return `${name} ${pick(random, ['==', '!='])} "${pick(random, ['gold', 'ann', 'approved', 'c1', 'f1', 'clicks'])}"`;
}

/** A name of docs/semantics.md §8.6, mostly with a window of so many days: small worlds last for two or three. */
export function drawAskedName(random: Random, fewDays = 3): string {
  if (random() < 0.2) return pick(random, [...Object.keys(eventValues), ...Object.keys(campaignWords), ...drawnLabels]);
  if (random() < 0.25) return pick(random, [...Object.keys(goalValues), ...Object.keys(allowanceValues)]);
  if (random() < 0.08) return `m.${pick(random, Object.keys(maturedValues))}_${1 + Math.floor(random() * 9)}d`;
  const measure = pick(random, [...measures.values()]);
  const days = 1 + Math.floor(random() * (random() < 0.7 ? fewDays : 31));
  if (random() < 0.35) {
    const season = pick(random, ['daily', 'weekly', 'weekly', 'peers'] as const);
    const window =
      season !== 'peers' && measure.isFine && random() < 0.6
        ? `${pick(random, windowHours)}h`
        : `${season === 'daily' ? 1 : Math.min(days, 7)}d`;
    return `b.${measure.name}_${window}_${seasons[season].infix}${season === 'peers' && random() < 0.5 ? 'by_tier_' : ''}${pick(random, statisticsOf(measure, season))}`;
  }
  const fine = measure.isFine ? ['today', ...windowHours.map((hours) => `${hours}h`)] : [];
  return `m.${measure.name}_${pick(random, [`${days}d`, `${days}d`, 'flight', ...fine])}`;
}

function drawRule(random: Random, id: string, scope: Scope): RulePlan {
  const levels = pick(random, ['warning', 'critical', 'both', 'both']);
  const rule = {
    ...plain(id, scope),
    mode: pick(random, ['notify', 'notify', 'shadow'] as const),
    guard: random() < 0.4 ? drawCondition(random, scope, 1) : null,
    warning: levels === 'critical' ? null : drawLevel(random, scope),
    critical: levels === 'warning' ? null : drawLevel(random, scope),
    keep_firing_for_ms: pick(random, [0, 0, 5, 30]) * minuteMs,
    no_data: pick(random, [null, ...(['no_data', 'ok', 'firing'] as const)]),
    on_error: pick(random, ['keep_last', 'error'] as const),
    match: random() < 0.1 ? { tier: 'gold' } : {},
  };
  const after_ms = pick(random, [0, 15, 60]) * minuteMs;
  // biome-ignore lint/suspicious/noThenProperty: the name of the policy in the plan.
  const drawn = { ...rule, no_data: rule.no_data === null ? null : { after_ms, then: rule.no_data } };
  const own = offshoot(drawn);
  return finish({ ...drawn, ...drawScope(own, drawn.match), ...drawSchedule(own, levels === 'both') });
}

/** Over windows of campaigns together, and what of them counts. */
function drawTogether(random: Random, id: string, scope: 'advertiser' | 'organization'): RulePlan {
  const rule = drawRule(random, id, scope);
  const known = Array.from({ length: 8 }, () => drawWindowTogether(random)).map((name) => `!known(${name})`);
  const comparison = `${drawWindowTogether(random)} >= ${pick(random, thresholds).toFixed(1)}`;
  const stale_members = pick(random, ['unknown', 'counted', undefined] as const);
  const when = `${comparison} || (${known.join(' && ')})`;
  return finish({
    ...rule,
    ...(stale_members === undefined ? {} : { stale_members }),
    warning: { when, clear: null, for_ms: 0 },
  });
}

function drawWindowTogether(random: Random): string {
  const measure = pick(random, [...measures.values()]);
  const fine = measure.isFine ? ['today', 'today', ...windowHours.map((hours) => `${hours}h`)] : [];
  return `m.${measure.name}_${pick(random, ['1d', '2d', '7d', ...fine])}`;
}

/** About the orders of `drawOrders`. */
function drawOrderRule(random: Random): RulePlan {
  const { match, campaigns, exclude, ...rule } = drawRule(random, 'drawn-order', 'order');
  return finish({
    ...rule,
    match: {},
    ...(random() < 0.3 ? { orders: pick(random, [['o1'], ['o*'], ['o2', 'x']]) } : {}),
    ...(random() < 0.2 ? { exclude: pick(random, [{ orders: ['o2'] }, { advertisers: ['a*'] }]) } : {}),
  });
}

/** Orders over the campaigns of a small world whose days begin so many days since 1970. */
export function drawOrders(random: Random, firstDay: number): NonNullable<Plan['orders']> {
  const dateText = (day: number) => new Date(day * 86_400_000).toISOString().slice(0, 10);
  const drawOrder = (): OrderPlan => {
    const start = firstDay - 2 + Math.floor(random() * 4);
    return {
      currency: pick(random, ['EUR', 'USD']),
      budget_micros: pick(random, [0, 1_500_000, 20_000_000, 4_000_000_000]),
      start: dateText(start),
      end: dateText(start + Math.floor(random() * 6)),
      zone: pick(random, ['UTC', 'Europe/Berlin', 'America/New_York']),
      mode: pick(random, pacingModes),
      members: pick(random, [
        { match: {} },
        { match: {}, campaigns: ['c1', 'c2'] },
        { match: { tier: ['gold', 'silver'] } },
        { match: {}, advertisers: ['adv'] },
        { match: {}, exclude: { campaigns: ['c2*'] } },
      ]),
      ...(random() < 0.4 ? { name: 'Quarter' } : {}),
      ...(random() < 0.4 ? { advertiser: pick(random, ['adv', 'other']) } : {}),
      ...(random() < 0.3 ? { curve: pick(random, ['evening', 'office']) } : {}),
    };
  };
  return { o1: drawOrder(), ...(random() < 0.7 ? { o2: drawOrder() } : {}) };
}

/** For whom: of the campaigns of small worlds, `c1`, `c2` and so on. */
function drawScope(random: Random, plain: RulePlan['match']): Partial<RulePlan> {
  const match = random() < 0.1 ? { tier: ['gold', 'silver'] } : plain;
  if (random() < 0.7) return { match };
  const campaigns = () => pick(random, [['c1'], ['c*'], ['c2', 'camp*'], ['c3', 'c1']]);
  const exclude = pick(random, [
    { campaigns: ['c2'] },
    { match: { tier: ['silver', 'bronze'] } },
    { campaigns: ['c1*'], advertisers: ['a*'], match: { tier: 'gold' } },
  ]);
  return {
    match,
    ...(random() < 0.5 ? { campaigns: campaigns() } : {}),
    ...(random() < 0.3 ? { advertisers: pick(random, [['adv'], ['a*'], ['other', 'adv']]) } : {}),
    ...(random() < 0.5 ? { exclude } : {}),
  };
}

/** What decides nothing about an alert, and all about who hears of it: rules are silenced by others that stand behind them. */
function drawNotices(random: Random, { id, scope }: RulePlan, all: readonly RulePlan[]): Partial<RulePlan> {
  const behind = all.filter(
    (each) =>
      each.id > id &&
      (each.scope === scope ||
        (scope === 'advertiser' && each.scope === 'organization') ||
        (!['source', 'organization', 'advertiser', 'order'].includes(scope) && each.scope !== 'order')),
  );
  const { cool_down_ms, flapping } = {
    cool_down_ms: pick(random, [0, 20, 90, 600]) * minuteMs,
    flapping: pick(random, [null, { above: 20, below: 10 }, { above: 5, below: 4 }]),
  };
  return {
    ...(random() < 0.3 ? { labels: { team: pick(random, ['adops', 'sales']), a: 'b' } } : {}),
    ...(random() < 0.3
      ? { annotations: { runbook: 'https://x.test/{{c.campaign_id}}', note: `{{${variableNames(scope)[0]}}}` } }
      : {}),
    ...(random() < 0.4 ? { notify: { cool_down_ms, max_per_day: pick(random, [null, 1, 2]), flapping } } : {}),
    ...(random() < 0.5 && behind.length > 0 ? { inhibited_by: behind.slice(0, 2).map((each) => each.id) } : {}),
  };
}

/** Hours that begin and end within those of a small world, and clocks that change in it. */
function drawSchedule(random: Random, hasBothLevels: boolean): Pick<RulePlan, 'schedule'> {
  if (random() < 0.6) return {};
  const window = () => {
    const from = Math.floor(random() * 1_430);
    const days = [1, 2, 3, 4, 5, 6, 7].filter(() => random() < 0.7);
    return { days: days.length === 0 ? [7] : days, from, to: Math.min(1_440, from + 10 + Math.floor(random() * 900)) };
  };
  const outside = pick(random, hasBothLevels ? outsideHours.options : (['hold', 'drop'] as const));
  const zone = pick(random, [null, null, 'America/New_York', 'Asia/Kolkata']);
  return { schedule: { active: random() < 0.5 ? [window()] : [window(), window()], outside, zone } };
}

function drawLevel(random: Random, scope: Scope): LevelPlan {
  return {
    when: drawCondition(random, scope, 2),
    clear: random() < 0.5 ? drawCondition(random, scope, 1) : null,
    for_ms: pick(random, [0, 0, 10, 45, 180]) * minuteMs,
  };
}

function drawCondition(random: Random, scope: Scope, depth: number): string {
  if (depth === 0 || random() < 0.4) return drawComparison(random, scope);
  const [left, right] = [drawCondition(random, scope, depth - 1), drawCondition(random, scope, depth - 1)];
  switch (Math.floor(random() * 4)) {
    case 0:
      return `(${left} && ${right})`;
    case 1:
      return `(${left} || ${right})`;
    case 2:
      return `!(${left})`;
    default:
      return `(${drawComparison(random, scope)} ? ${left} : ${right})`;
  }
}

function drawComparison(random: Random, scope: Scope): string {
  if ((scope === 'flight' || scope === 'ended') && random() < 0.25) return drawAskedComparison(random);
  if (scope === 'campaign' && random() < 0.1) return `c.labels.tier ${pick(random, ['==', '!='])} "gold"`;
  const name = pick(random, variableNames(scope));
  if (random() < 0.1) return `known(${name})`;
  const variables: Readonly<Record<string, readonly [string, string]>> = ruleVariables[scope];
  const [type] = variables[name];
  if (type === 'bool') return name;
  if (type === 'string') return `${name} ${pick(random, ['==', '!='])} "${pick(random, words)}"`;
  const sign = pick(random, ['<', '<=', '>', '>=', '==', '!=']);
  return `${drawNumber(random, scope, name)} ${sign} ${pick(random, thresholds).toFixed(1)}`;
}

/** A value, or two of them divided: by nothing, now and then, which is an error. */
function drawNumber(random: Random, scope: Scope, name: string): string {
  if (random() < 0.8) return name;
  const variables: Readonly<Record<string, readonly [string, string]>> = ruleVariables[scope];
  const numbers = variableNames(scope).filter((each) => variables[each][0] === 'double');
  return `(${name} ${pick(random, ['+', '-', '*', '/'])} ${pick(random, numbers)})`;
}

function plain(id: string, scope: Scope): Omit<RulePlan, 'hash'> {
  return {
    id,
    name: id,
    scope,
    mode: 'notify',
    guard: null,
    warning: null,
    critical: null,
    keep_firing_for_ms: 0,
    no_data: null,
    on_error: 'keep_last',
    summary: `${id} {{${variableNames(scope)[2]}}} {{m.spend_2d}} {{c.flight_id}}`,
    match: {},
  };
}

function finish(rule: Omit<RulePlan, 'hash'>): RulePlan {
  return { ...rule, hash: ruleHash(rule) };
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)];
}
