import { z } from 'zod';
import { costBases } from '../events/event-batch.ts';
import { defaultPlanOrg, idPattern } from '../model/ids.ts';
import type { CampaignPlan, PlanDefaults, SourcePlan } from '../rules/plan.ts';
import { duration } from './duration.ts';

/** `config/organizations.yaml`: what organizations share, and where each differs (docs/rules.md). */
const id = z.string().regex(idPattern, 'must be 1 to 64 of A-Z a-z 0-9 _ . : -');
const orgId = id.refine((text) => !text.startsWith('_'), 'ids that start with _ are reserved');
const percent = z.number().min(100).max(10_000).describe('percent of the daily target');

const spend = z.strictObject({
  from: z.enum(['impressions', 'feed']),
  source: z.union([id, z.literal('')]),
  cost_basis: z.enum(costBases).default('MEDIA'),
});

const source = z.strictObject({
  heartbeats: z.boolean().default(false),
  delay: duration.default(120_000),
  expected_interval: duration.default(0),
  stale_after: duration.default(21_600_000),
});

const profile = z.array(z.int().min(0).max(10_000)).length(168, 'must have 168 weights, Monday 00:00 first');

const campaign = z.strictObject({
  spend: spend.optional(),
  delivery_source: id.nullable().optional(),
  profile: id.optional(),
  day_allowance_percent: percent.optional(),
  labels: z.record(id, z.string().max(256)).optional(),
});

const settings = {
  zone: z.string().optional(),
  evaluate_every: duration.optional(),
  spend: spend.optional(),
  delivery_source: id.nullable().optional(),
  profile: id.nullable().optional(),
  day_allowance_percent: percent.optional(),
  sources: z.record(id, source).optional(),
  profiles: z.record(id, profile).optional(),
  campaigns: z.record(id, campaign).optional(),
};

/** The settings of one organization, or the defaults of all: a section of the file, or a pipeline's settings. */
export const sectionSchema = z.strictObject(settings);
export type Section = z.infer<typeof sectionSchema>;

export const organizationsFileSchema = z.strictObject({
  defaults: sectionSchema.default({}),
  /** Organizations with a plan of their own; all others follow the defaults. */
  organizations: z.record(orgId, sectionSchema.nullable()).nullable().default({}),
});
export type OrganizationsFile = z.infer<typeof organizationsFileSchema>;

/** What a plan holds beside its rules and number. */
export interface OrganizationSettings {
  readonly orgId: string;
  readonly defaults: PlanDefaults;
  readonly sources: Readonly<Record<string, SourcePlan>>;
  readonly profiles: Readonly<Record<string, readonly number[]>>;
  readonly campaigns: Readonly<Record<string, CampaignPlan>>;
}

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
  return {
    orgId,
    defaults: {
      zone: own.zone ?? shared.zone ?? 'UTC',
      evaluate_every_ms: own.evaluate_every ?? shared.evaluate_every ?? 300_000,
      spend: own.spend ?? shared.spend ?? { from: 'impressions', source: '', cost_basis: 'MEDIA' },
      delivery_source: firstDefined(own.delivery_source, shared.delivery_source),
      profile: firstDefined(own.profile, shared.profile),
      day_allowance_bp: toBp(own.day_allowance_percent ?? shared.day_allowance_percent ?? 100),
    },
    sources: mapValues(sources, ({ heartbeats, delay, expected_interval, stale_after }) => ({
      heartbeats,
      delay_ms: delay,
      expected_interval_ms: expected_interval,
      stale_after_ms: stale_after,
    })),
    profiles: { ...shared.profiles, ...own.profiles },
    campaigns: mapValues(campaigns, toCampaign),
  };
}

function toCampaign(each: z.infer<typeof campaign>): CampaignPlan {
  const { day_allowance_percent, ...rest } = each;
  const allowance = day_allowance_percent === undefined ? {} : { day_allowance_bp: toBp(day_allowance_percent) };
  return { ...(rest as CampaignPlan), ...allowance };
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
