import * as z from 'zod';
import { setting } from '../../model/setting.ts';

const days = () => z.int().min(32).max(36_500);

/** How long rows stay where. */
export const tiersSection = z
  .strictObject({
    hot_days: setting(days().default(90), {
      doc: 'A month of a table leaves ClickHouse when it has been over for so many days, and its copy in gold was read back.',
      reload: 'restart',
    }),
    hot_days_of: setting(z.record(z.string().min(1), days()).default({}), {
      doc: 'The same for single tables, as in {rule_evaluations: 40}.',
      reload: 'restart',
    }),
    views: setting(z.boolean().default(true), {
      doc: 'ClickHouse has a view all_… of each table, with the rows that left it too. False where it cannot reach the store of the lake.',
      reload: 'restart',
    }),
    views_collection: setting(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/)
        .nullable()
        .default(null),
      {
        doc: 'Named collection of the ClickHouse server with the key of the store for these views. Null: the key of s3, which ClickHouse keeps in the view and does not show.',
        reload: 'restart',
      },
    ),
    lake_days: setting(days().nullable().default(null), {
      doc: 'Days and months of silver and gold are deleted when they have been over for so long. Null: never. Seven years are 2557.',
      reload: 'restart',
    }),
    lake_days_of: setting(z.record(z.string().min(1), days()).default({}), {
      doc: 'The same for single tables (silver.impressions) or organizations (acme); the longest that applies counts.',
      reload: 'restart',
    }),
    legal_hold: setting(z.array(z.string().min(1)).default([]), {
      doc: 'Organizations of which the lake deletes nothing, however old, and which "paceline erase" refuses.',
      reload: 'restart',
    }),
  })
  .prefault({});

export type TierSettings = z.infer<typeof tiersSection>;

/** What the lake has done to it by itself, in the order in which it is done. */
export const lakeJobs = ['silver', 'gold', 'tier', 'maintain', 'drill'] as const;
export type LakeJob = (typeof lakeJobs)[number];

/** What a running engine does for the lake. */
export const lakehouseSection = z
  .strictObject({
    schedule: setting(z.array(z.enum(lakeJobs)).default([]), {
      doc: 'What this engine has done to the lake every day, each job in a process of its own: silver, gold, tier, maintain, drill. Empty: nothing; run the commands from a timer.',
      reload: 'restart',
    }),
    hour: setting(z.int().min(0).max(23).default(3), {
      doc: 'The hour of UTC at which these jobs begin, one after the other.',
      reload: 'restart',
    }),
    drill_days: setting(z.int().min(1).max(365).default(7), {
      doc: 'The drill is held on every so many-th day.',
      reload: 'restart',
    }),
    look_minutes: setting(z.int().min(0).max(1_440).default(10), {
      doc: 'How often the lake is looked at for metrics, and views of the embedded ClickHouse are told where gold is. 0: never.',
      reload: 'restart',
    }),
  })
  .prefault({});
