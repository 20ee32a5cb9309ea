import { z } from 'zod';
import { defaultPlanOrg } from '../model/ids.ts';
import { daypartSchema } from '../rules/daypart.ts';
import { checkDates, orderWords } from '../rules/order.ts';
import {
  type CampaignPlan,
  type Lateness,
  type OrderPlan,
  type PlanDraft,
  planValues,
  sourceName,
  spendSources,
} from '../rules/plan.ts';
import { quotasSchema } from '../rules/quotas.ts';
import { memberScope } from '../rules/rule-scope.ts';
import { curveSection } from './curve-section.ts';
import { duration } from './duration.ts';
import { readHours } from './schedule-text.ts';

/** `config/organizations.yaml`: what organizations share, and where each differs (docs/rules.md). */
const { id, profile, allowancePercent } = planValues;
const orgId = id.refine((text) => !text.startsWith('_'), 'ids that start with _ are reserved');

const spend = z
  .strictObject({
    from: planValues.spendFrom,
    source: sourceName.optional(),
    /** Several sources on one budget. */
    sources: spendSources.optional(),
    cost_basis: planValues.costBasis.default('MEDIA'),
  })
  .refine(({ source, sources }) => (source === undefined) !== (sources === undefined), 'needs either source or sources')
  .transform(({ source = '', ...rest }) => ({ ...rest, source }));

const lateness = z.strictObject({
  delivery: duration.pipe(planValues.latenessMs).optional(),
  report: duration.pipe(planValues.latenessMs).optional(),
  conversion: duration.pipe(planValues.latenessMs).optional(),
  correction: duration.pipe(planValues.latenessMs).optional(),
});

const source = z.strictObject({
  heartbeats: z.boolean().default(false),
  delay: duration.default(120_000),
  expected_interval: duration.default(0),
  stale_after: duration.default(21_600_000),
  lateness: lateness.optional(),
  clock: planValues.sourceClock.optional(),
});

const campaign = z.strictObject({
  spend: spend.optional(),
  delivery_source: id.nullable().optional(),
  profile: id.optional(),
  daypart: id.optional(),
  curve: id.optional(),
  day_allowance_percent: allowancePercent.optional(),
  week_allowance_percent: allowancePercent.optional(),
  flight_allowance_percent: allowancePercent.optional(),
  conversion_lag_percent: planValues.conversionLagPercent.optional(),
  week_starts: planValues.weekDay.optional(),
  currency: planValues.currency.optional(),
  advertiser: id.optional(),
  labels: z.record(id, planValues.label).optional(),
});

const hours = z
  .string()
  .min(1)
  .max(200)
  .transform((text, context) => {
    const read = readHours(text);
    if (Array.isArray(read)) return read;
    context.issues.push({ code: 'custom', message: read.message, input: text });
    return z.NEVER;
  });

/** Serving hours: one text, several, or with the zone whose clocks they go by. */
const listOfHours = z.union([hours.transform((each) => [each]), z.array(hours).min(1).max(64)]);
const daypart = z
  .union([
    listOfHours.transform((active) => ({ active, zone: undefined })),
    z.strictObject({ active: listOfHours, zone: planValues.zone.optional() }),
  ])
  .transform(({ active, zone }) => ({ active: active.flat(), zone: zone ?? null }))
  .pipe(daypartSchema);

/** An amount in units of its currency, to the micro. */
const amount = z.union([z.number().min(0), z.string()]).transform((said, context) => {
  const micros = microsOfText(String(said));
  if (micros !== null) return micros;
  context.issues.push({
    code: 'custom',
    message: `must be an amount from 0 to ${amountMax}, with 6 decimals at most`,
    input: said,
  });
  return z.NEVER;
});

const members = z
  .strictObject({ ...memberScope, match: memberScope.match.optional() })
  .refine(
    ({ match, campaigns, advertisers }) => match !== undefined || campaigns !== undefined || advertisers !== undefined,
    'must name campaigns, advertisers or labels (match); `all` are all campaigns of the organization',
  )
  .transform(({ match = {}, ...rest }) => ({ match, ...rest }));

/** Several campaigns under one budget and dates. */
const order = z
  .strictObject({
    ...orderWords,
    mode: orderWords.mode.default('EVEN'),
    budget: amount,
    /** Absent = the campaigns of its advertiser. */
    members: z.preprocess((said) => (said === 'all' ? { match: {} } : said), members).optional(),
  })
  .superRefine(checkDates)
  .refine(({ members, advertiser }) => members !== undefined || advertiser !== undefined, {
    message: 'an order needs members, or an advertiser whose campaigns they are',
  });

const settings = {
  zone: planValues.zone.optional(),
  evaluate_every: duration
    .refine((ms) => planValues.cadenceMs.safeParse(ms).success, 'must be whole minutes, from 1m to 1d')
    .optional(),
  spend: spend.optional(),
  delivery_source: id.nullable().optional(),
  profile: id.nullable().optional(),
  daypart: id.optional(),
  day_allowance_percent: allowancePercent.optional(),
  week_allowance_percent: allowancePercent.optional(),
  flight_allowance_percent: allowancePercent.optional(),
  conversion_lag_percent: planValues.conversionLagPercent.optional(),
  week_starts: planValues.weekDay.optional(),
  cause_when_unnamed: planValues.unnamedCause.optional(),
  currency: planValues.currency.optional(),
  lateness: lateness.optional(),
  duplicate_window: duration.pipe(planValues.duplicateWindowMs).optional(),
  quotas: quotasSchema.optional(),
  sources: z.record(id, source).optional(),
  profiles: z.record(id, profile).optional(),
  dayparts: z.record(id, daypart).optional(),
  curves: z.record(id, curveSection).optional(),
  campaigns: z.record(id, campaign).optional(),
  orders: z.record(id, order).optional(),
};

/** The settings of one organization, or the defaults of all: a section of the file, or a pipeline's settings. */
export const sectionSchema = z.strictObject(settings);
export type Section = z.infer<typeof sectionSchema>;

export const organizationsFileSchema = z.strictObject({
  defaults: sectionSchema.default({}),
  /** Organizations with a plan of their own; all others follow the defaults. */
  organizations: z.record(orgId, sectionSchema.nullable()).nullable().default({}),
});
type OrganizationsFile = z.infer<typeof organizationsFileSchema>;

/** What a plan holds beside its rules and number. */
export type OrganizationSettings = Omit<PlanDraft, 'format' | 'rules'>;

/** The defaults' settings first, then each organization's, merged over them. */
export function listOrganizations(file: OrganizationsFile): OrganizationSettings[] {
  const own = Object.entries(file.organizations ?? {}).map(([name, each]) =>
    toSettings(name, file.defaults, each ?? {}),
  );
  return [toSettings(defaultPlanOrg, file.defaults, {}), ...own];
}

/** An organization's own section merged over what all share. */
export function toSettings(orgId: string, shared: Section, own: Section): OrganizationSettings {
  const sources = { ...shared.sources, ...own.sources };
  const campaigns = { ...shared.campaigns, ...own.campaigns };
  const dayparts = { ...shared.dayparts, ...own.dayparts };
  const curves = { ...shared.curves, ...own.curves };
  const orders = { ...shared.orders, ...own.orders };
  const zone = own.zone ?? shared.zone ?? 'UTC';
  return {
    org_id: orgId,
    defaults: {
      zone,
      evaluate_every_ms: own.evaluate_every ?? shared.evaluate_every ?? 300_000,
      spend: own.spend ?? shared.spend ?? { from: 'impressions', source: '', cost_basis: 'MEDIA' },
      delivery_source: firstDefined(own.delivery_source, shared.delivery_source),
      profile: firstDefined(own.profile, shared.profile),
      day_allowance_bp: toBp(own.day_allowance_percent ?? shared.day_allowance_percent ?? 100),
      cause_when_unnamed: own.cause_when_unnamed ?? shared.cause_when_unnamed ?? 'ADVERTISER',
      ...given({
        currency: own.currency ?? shared.currency,
        daypart: own.daypart ?? shared.daypart,
        ...inBp(
          own.week_allowance_percent ?? shared.week_allowance_percent,
          own.flight_allowance_percent ?? shared.flight_allowance_percent,
        ),
        conversion_lag_bp: (own.conversion_lag_percent ?? shared.conversion_lag_percent)?.map(toBp),
        week_starts: own.week_starts ?? shared.week_starts,
        lateness: toLateness({ ...shared.lateness, ...own.lateness }),
        duplicate_window_ms: own.duplicate_window ?? shared.duplicate_window,
        quotas: said({ ...shared.quotas, ...own.quotas }),
      }),
    },
    sources: mapValues(sources, ({ heartbeats, delay, expected_interval, stale_after, lateness: own, clock }) => ({
      heartbeats,
      delay_ms: delay,
      expected_interval_ms: expected_interval,
      stale_after_ms: stale_after,
      ...given({ lateness: own && toLateness(own), clock }),
    })),
    profiles: { ...shared.profiles, ...own.profiles },
    ...(Object.keys(dayparts).length === 0 ? {} : { dayparts }),
    ...(Object.keys(curves).length === 0 ? {} : { curves }),
    campaigns: mapValues(campaigns, toCampaign),
    ...(Object.keys(orders).length === 0 ? {} : { orders: mapValues(orders, (each) => toOrder(each, zone)) }),
  };
}

function toOrder({ budget, members, ...rest }: z.infer<typeof order>, zone: string): OrderPlan {
  const chosen = members ?? { match: {}, advertisers: [rest.advertiser as string] };
  return { ...rest, zone: rest.zone ?? zone, budget_micros: budget, members: chosen };
}

const amountMax = '9007199254';

/** Exactly, where a text of digits says it. */
function microsOfText(text: string): number | null {
  const [, units, decimals = ''] = /^(\d{1,10})(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  if (units === undefined) return null;
  const micros = Number(units + decimals.padEnd(6, '0'));
  return Number.isSafeInteger(micros) ? micros : null;
}

function toCampaign(each: z.infer<typeof campaign>): CampaignPlan {
  const {
    day_allowance_percent: day,
    week_allowance_percent: week,
    flight_allowance_percent: flight,
    conversion_lag_percent: lag,
    ...rest
  } = each;
  return {
    ...rest,
    ...given({ conversion_lag_bp: lag?.map(toBp) }),
    ...(day === undefined ? {} : { day_allowance_bp: toBp(day) }),
    ...given(inBp(week, flight)),
  };
}

function toLateness({ delivery, report, conversion, correction }: z.infer<typeof lateness>): Lateness | undefined {
  return said({ delivery_ms: delivery, report_ms: report, conversion_ms: conversion, correction_ms: correction });
}

/** Undefined when nothing is said: a plan names only what differs from the usual. */
function said<T extends object>(all: T): ReturnType<typeof given<T>> | undefined {
  const some = given(all);
  return Object.keys(some).length === 0 ? undefined : some;
}

/** What is there: plans with the same meaning have the same text. */
function given<T extends object>(all: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: NonNullable<T[Key]>;
  };
}

function inBp(week: number | undefined, flight: number | undefined) {
  return {
    week_allowance_bp: week === undefined ? undefined : toBp(week),
    flight_allowance_bp: flight === undefined ? undefined : toBp(flight),
  };
}

function toBp(percents: number): number {
  return Math.round(percents * 100);
}

function firstDefined(...values: (string | null | undefined)[]): string | null {
  return values.find((value) => value !== undefined) ?? null;
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
