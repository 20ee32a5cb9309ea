import { assert } from '../../src/model/errors.ts';
import { readHours } from '../../src/plans/schedule-text.ts';
import type { CampaignPlan, OrderPlan, Plan, RulePlan } from '../../src/rules/plan.ts';

import { durationOf, moneyOf } from './words.ts';

type Named = Readonly<Record<string, string>>;

/** `order q4 1000.00 currency=EUR from=2026-03-01 to=2026-03-10 zone=UTC mode=EVEN campaigns=c1,c2 of=adv` in a plan. */
export function orderOf(budget: string, named: Named): OrderPlan {
  const { currency = 'EUR', from, to, zone = 'UTC', mode = 'EVEN', of, name } = named;
  return {
    currency,
    budget_micros: moneyOf(budget),
    start: from,
    end: to,
    zone,
    mode: mode as OrderPlan['mode'],
    members: forWhom(named),
    ...(of === undefined ? {} : { advertiser: of }),
    ...(name === undefined ? {} : { name }),
  };
}

/** For whom a rule is: `match=tier:gold+silver,region:eu campaigns=c1,spring-* exclude.advertisers=adv`. */
export function forWhom(named: Named): Pick<RulePlan, 'match' | 'campaigns' | 'advertisers' | 'exclude'> {
  const exclude = {
    ...listed(named, 'exclude.campaigns', 'campaigns'),
    ...listed(named, 'exclude.advertisers', 'advertisers'),
  };
  const unmatched = named['exclude.match'];
  const out = { ...exclude, ...(unmatched === undefined ? {} : { match: labelsOf(unmatched) }) };
  return {
    match: labelsOf(named.match ?? ''),
    ...listed(named, 'campaigns', 'campaigns'),
    ...listed(named, 'advertisers', 'advertisers'),
    ...(Object.keys(out).length === 0 ? {} : { exclude: out }),
  };
}

/** `campaign spring-sale labels=tier:gold advertiser=adv` in a plan. */
export function campaignOf({ labels, advertiser, curve }: Named): CampaignPlan {
  return {
    ...(labels === undefined ? {} : { labels: labelsOf(labels) as Record<string, string> }),
    ...(advertiser === undefined ? {} : { advertiser }),
    ...(curve === undefined ? {} : { curve }),
  };
}

/** `active="mon-fri 08:00-20:00;sat" outside=hold active.zone=Europe/Berlin`. */
export function scheduleOf(named: Named): Pick<RulePlan, 'schedule'> {
  const { active, outside = 'hold', 'active.zone': zone } = named;
  if (active === undefined) return {};
  const windows = active.split(';').flatMap((text) => {
    const read = readHours(text);
    assert(Array.isArray(read), `"${text}" says hours`);
    return read;
  });
  return { schedule: { active: windows, outside: outside as 'hold', zone: zone ?? null } };
}

/** `curve launch 2026-03-02/50 2026-03-05T12:00/30 2026-03-06/20 until=2026-03-10 inside=traffic` in a plan. */
export function curveOf(
  pieces: readonly string[],
  { until, inside = 'even' }: Named,
): NonNullable<Plan['curves']>[string] {
  const read = pieces.map((word) => {
    const [from, share] = word.split('/');
    return { from, share: Number(share) };
  });
  return { pieces: read, until, inside: inside as 'even' | 'traffic' };
}

/** `daypart shop "mon-fri 09:00-17:00" zone=Europe/London` in a plan. */
export function daypartOf(hours: string, { zone }: Named): NonNullable<Plan['dayparts']>[string] {
  const read = readHours(hours.replaceAll('"', ''));
  assert(Array.isArray(read), `${hours} says hours`);
  return { active: read, zone: zone ?? null };
}

/** `labels=team:adops annotation.runbook=… inhibited_by=a,b cool_down=6h max_per_day=3 flapping=50:25`. */
export function noticesOf(named: Named): Partial<RulePlan> {
  const { labels, inhibited_by, cool_down = '0s', max_per_day = null, flapping = null } = named;
  const annotations = Object.entries(named).flatMap(([word, text]) =>
    word.startsWith('annotation.') ? [[word.slice('annotation.'.length), text]] : [],
  );
  const [above, below] = (flapping ?? '').split(':').map(Number);
  const isBounded = ['cool_down', 'max_per_day', 'flapping'].some((word) => named[word] !== undefined);
  return {
    ...(labels === undefined ? {} : { labels: labelsOf(labels) as Record<string, string> }),
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
    ...(inhibited_by === undefined ? {} : { inhibited_by: inhibited_by.split(',') }),
    ...(isBounded
      ? {
          notify: {
            cool_down_ms: durationOf(cool_down),
            max_per_day: max_per_day === null ? null : Number(max_per_day),
            flapping: flapping === null ? null : { above, below },
          },
        }
      : {}),
  };
}

function listed(named: Named, word: string, key: string): { [Key in string]?: string[] } {
  return named[word] === undefined ? {} : { [key]: named[word].split(',') };
}

/** `a:x,b:y+z` = a must be x, b must be y or z. */
function labelsOf(words: string): Record<string, string | string[]> {
  const pairs = words.split(',').filter((word) => word !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name, values] = pair.split(':');
      const all = values.split('+');
      return [name, all.length === 1 ? values : all];
    }),
  );
}
