import { z } from 'zod';
import { idPattern } from '../model/ids.ts';
import { dayMs } from '../model/time.ts';

/** What of a rule decides nothing about its alerts, and all about what becomes of them (docs/semantics.md §8.6). */

const labelsMax = 32;
const inhibitorsMax = 64;
/** Names as Prometheus and Alertmanager have them. */
const namePattern = /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/;

/** What every alert carries to Alertmanager by itself: whose meaning is fixed. */
const reservedLabels = ['alertname', 'severity', 'org_id', 'campaign_id', 'flight_id', 'source', 'fingerprint'];
const reservedAnnotations = ['summary', 'condition', 'values', 'reason', 'alert_id', 'plan'];

const named = (reserved: readonly string[]) =>
  z
    .string()
    .regex(namePattern, 'must be 1 to 64 of a-z A-Z 0-9 _, and begin with none of 0-9')
    .refine((name) => !name.startsWith('__'), 'names that start with __ are reserved')
    .refine((name) => !reserved.includes(name), 'every alert has that one by itself');

const few = (all: object) => Object.keys(all).length <= labelsMax;
const tooMany = 'must have 32 entries at most';

/** Of a level in percent, as `notify.flapping` has two. */
const percent = z.int().min(1).max(99);

export const ruleNotices = {
  /** Labels of its alerts, for those who route them. */
  labels: z.record(named(reservedLabels), z.string().min(1).max(256)).refine(few, tooMany).optional(),
  /** Further texts of its alerts; places like those of the summary. */
  annotations: z.record(named(reservedAnnotations), z.string().min(1).max(2_000)).refine(few, tooMany).optional(),
  /** Ids of rules; while one of them fires nearby, people are not told of this one. */
  inhibited_by: z.array(z.string().regex(idPattern)).min(1).max(inhibitorsMax).optional(),
} as const;

/** How often people are told at most. */
export const notifySchema = z.strictObject({
  cool_down_ms: z
    .int()
    .min(0)
    .max(31 * dayMs),
  max_per_day: z.int().min(1).max(100).nullable(),
  flapping: z
    .strictObject({ above: percent, below: percent })
    .refine(isOrdered, 'below must be less than above')
    .nullable(),
});

function isOrdered({ above, below }: { above: number; below: number }): boolean {
  return below < above;
}
