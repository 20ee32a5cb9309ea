import * as z from 'zod';
import { instant } from '../columns.ts';
import { id } from '../fields.ts';
import { valuesSchema } from '../receipt-values.ts';
import { windowsOf } from './windows.ts';

/** Parts of an explanation as JSON, the same for an alert and for its absence. */

const address = z
  .strictObject({
    topic: z.string().describe('The topic.'),
    partition: z.number().int().describe('The partition.'),
    offset: z.number().int().describe('The offset in it.'),
    kind: z.string().nullable().describe('Kind of the record; null where records cannot be read here.'),
    log_time: instant.nullable().describe('Append time; null where records cannot be read here.'),
  })
  .describe('A record of the log.')
  .meta({ title: 'RecordAddress' });
export type Address = z.output<typeof address>;

const compared = z
  .strictObject({
    text: z.string().describe('One comparison, as the rule writes it.'),
    values: valuesSchema,
    holds: z.boolean().nullable().describe('Null = a value of it was not there.'),
  })
  .meta({ title: 'Comparison' });

/** A condition of the rule with what came of it. */
const judgedCondition = z
  .strictObject({
    part: z
      .enum(['guard', 'warning', 'critical', 'clear_warning', 'clear_critical'])
      .meta({ title: 'RulePart' })
      .describe('Which of its conditions.'),
    text: z.string().describe('As the rule writes it.'),
    holds: z.boolean().nullable().describe('Null = it has no result.'),
    compared: z.array(compared).describe('Its comparisons.'),
  })
  .meta({ title: 'JudgedCondition' });
export type JudgedCondition = z.output<typeof judgedCondition>;

const planShown = z
  .strictObject({
    number: z.number().int().describe('Number of the plan.'),
    written_for: z
      .string()
      .nullable()
      .describe('The organization, or `_default`; null where its record cannot be read.'),
    record: address.nullable().describe('The record that put it in force; null where records cannot be read.'),
    rule_known_by: z
      .enum(['record', 'hash'])
      .meta({ title: 'RuleKnownBy' })
      .nullable()
      .describe(
        '`record` = its plan was read again; `hash` = it is written now as it was then; null = its text is not known here.',
      ),
  })
  .meta({ title: 'ExplainedPlan' });

const sourceShown = z
  .strictObject({
    source: z.string().describe('The source.'),
    complete_through: instant.nullable().describe('How far it was complete; null = not known.'),
    behind_s: z.number().nullable().describe('Seconds from there to the judgement.'),
    stale_after_s: z.number().nullable().describe('Further behind than this nothing is judged.'),
    record: address
      .nullable()
      .describe('The heartbeat that said so; null where a delay says it, or records cannot be read.'),
  })
  .meta({ title: 'ExplainedSource' });
export type SourceShown = z.output<typeof sourceShown>;

const windowShown = z
  .strictObject({
    values: z.array(z.string()).describe('Values that were computed over it.'),
    of: z.enum(windowsOf).describe('What is counted in it.'),
    from: instant.describe('Event time at which it begins.'),
    to: instant.describe('Exclusive.'),
    records: z
      .strictObject({
        count: z.number().int().describe('Records of the campaign that lie in it and were there by then.'),
        unused: z
          .record(z.string(), z.number().int())
          .describe('How many of them count nothing, by why: dead_letter, late, repeated, test, invalid.'),
        adds_up_to: z
          .string()
          .nullable()
          .describe(
            'Sum of the others, micros or impressions; null for other counters, and where reports replace each other.',
          ),
        first: address.nullable().describe('The first of them; null = there is none.'),
        last: address.nullable().describe('The last of them.'),
      })
      .meta({ title: 'WindowRecords' })
      .nullable()
      .describe('Null where records cannot be read, or are too many to be read at once.'),
  })
  .meta({ title: 'ExplainedWindow' });
export type WindowShown = z.output<typeof windowShown>;

const controlShown = z
  .strictObject({
    record: address,
    says: z.string().describe('What it says, in words.'),
  })
  .meta({ title: 'ExplainedControl' });

export const evidence = z
  .strictObject({
    evaluated_at: instant.describe('When it was judged, log time.'),
    as_of: instant.describe('Event time up to which everything was there.'),
    decided_by: address.describe('The record at which it was judged.'),
    plan: planShown.describe('The plan that it was judged by.'),
    conditions: z.array(judgedCondition).describe('What the rule compared; empty where its text is not known here.'),
    values: valuesSchema,
    sources: z.array(sourceShown).describe('The sources that it waited for.'),
    controls: z.array(controlShown).describe('Records that made flight, budget and status what they were.'),
    windows: z.array(windowShown).describe('The windows that its values are of.'),
    records: z.string().nullable().describe('Why no record is named; null where they are.'),
  })
  .meta({ title: 'Evidence' });
export type Evidence = z.output<typeof evidence>;

export const changeShown = z
  .strictObject({
    alert_id: id.describe('Identity of the change.'),
    evaluated_at: instant.describe('Log time of it.'),
    as_of: instant.describe('Event time up to which everything was there.'),
    from_state: z.string().describe('State before it.'),
    to_state: z.string().describe('State from it on.'),
    level: z.string().describe('`none`, `warning` or `critical`.'),
    reason: z.string().describe('Why it changed; docs/rules.md tells of each.'),
    active_since: instant.nullable().describe('When the condition began to hold; null = it does not.'),
    condition: z.string().describe('The condition that decided.'),
    compared: z.array(compared).describe('Its comparisons.'),
    summary: z.string().describe('In one line.'),
    plan_number: z.number().int().describe('Number of the plan in force.'),
    decided_by: address.describe('The record at which it was judged.'),
    told: z.array(z.string()).describe('Messages that this change is, in words; empty = nobody is told.'),
  })
  .meta({ title: 'AlertChange' });
export type ChangeShown = z.output<typeof changeShown>;

export const sentences = z.array(z.string()).describe('The same for people, in the order of the chain.');
