import { z } from 'zod';
import { type CheckedFile, checkFile } from '../../plans/checked-file.ts';
import { sectionSchema } from '../../plans/organizations-file.ts';
import { planValues } from '../../rules/plan.ts';

/** A file of rule tests as people write it (docs/testing-rules.md). */
const { id } = planValues;
const text = z.string().min(1).max(2_000);

/** What flows in a campaign. */
const series = z.strictObject({
  spend: text.optional(),
  impressions: text.optional(),
  invalid_impressions: text.optional(),
  viewable_impressions: text.optional(),
  clicks: text.optional(),
  conversions: text.optional(),
  revenue: text.optional(),
  video_completes: text.optional(),
  requests: text.optional(),
  bids: text.optional(),
  wins: text.optional(),
});
export type SeriesTexts = z.infer<typeof series>;

/** Some keys of ours; all others are fields of the events that make a flight. */
const flight = z.looseObject({
  from: text.optional(),
  to: text.optional(),
  days: z.int().min(1).max(1_100).optional(),
});
export type FlightText = z.infer<typeof flight>;

const campaign = z.strictObject({ flights: z.record(id, flight).optional(), series: series.optional() });
export type CampaignText = z.infer<typeof campaign>;

/** The fields of the record beside these. */
const event = z.looseObject({ at: text, type: text, campaign: id.optional() });
export type EventText = z.infer<typeof event>;

const stateNames = ['ok', 'pending', 'firing', 'recovering', 'resolved', 'no_data', 'error'] as const;
const wanted = z.union([z.number(), z.string(), z.boolean(), z.null()]);
export type WantedValue = z.infer<typeof wanted>;

const expectation = z
  .strictObject({
    at: text,
    rule: id.optional(),
    campaign: id.optional(),
    flight: id.optional(),
    source: id.optional(),
    order: id.optional(),
    advertiser: id.optional(),
    state: z.enum(stateNames).optional(),
    level: z.enum(['none', 'warning', 'critical']).optional(),
    outcome: z.enum(['critical', 'warning', 'false', 'insufficient', 'outside', 'unknown', 'error']).optional(),
    /** What people have been told by then. */
    told: z.enum(['nothing', 'warning', 'critical', 'no_data', 'error']).optional(),
    /** Why they have not been told what is. */
    withheld: z.enum(['shadow', 'flapping', 'inhibited', 'cool_down', 'day_limit']).optional(),
    summary: z.string().max(2_000).optional(),
    values: z.record(z.string(), wanted).optional(),
  })
  .refine(
    ({ state, level, outcome, told, withheld, summary, values }) =>
      [state, level, outcome, told, withheld, summary, values].some((each) => each !== undefined),
    'must say state, level, outcome, told, withheld, summary or values',
  );
export type ExpectationText = z.infer<typeof expectation>;

const ruleTest = z.strictObject({
  name: text,
  start: text.optional(),
  settings: sectionSchema.optional(),
  currency: planValues.currency.default('EUR'),
  flights: z.record(id, flight).optional(),
  series: series.optional(),
  campaigns: z.record(id, campaign).optional(),
  heartbeats: z.record(id, text).optional(),
  events: z.array(event).max(10_000).optional(),
  expect: z.array(expectation).min(1),
});
export type RuleTestText = z.infer<typeof ruleTest>;

const testFile = z.strictObject({
  rules: z.array(id).min(1),
  settings: sectionSchema.optional(),
  tests: z.array(ruleTest).min(1),
});
export type TestFileText = z.infer<typeof testFile>;

export function checkTestFile(file: string, content: string): CheckedFile<TestFileText> {
  return checkFile(file, content, testFile);
}
