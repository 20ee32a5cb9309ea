import { test } from 'vitest';
import { proveChange } from './apply.ts';

const map = 'src/topology/campaign-topology.ts';
const tables = 'src/rows/tables.ts';

test(
  'an operator costs four files of src/',
  () =>
    proveChange({
      section: 'An operator',
      folder: 'operator',
      srcFilesMax: 4,
      edits: [
        {
          file: map,
          find: "import type { Operator } from '../operators/operator.ts';\n",
          replace:
            "import { MeasureHours } from '../operators/measure-hours.ts';\nimport type { Operator } from '../operators/operator.ts';\n",
        },
        {
          file: map,
          find: '      .operator(new FollowFlights(state, outputs, days))\n',
          replace:
            '      .operator(new MeasureHours(state, outputs))\n      .operator(new FollowFlights(state, outputs, days))\n',
        },
        {
          file: tables,
          find: 'export const tables: readonly Table[] = [\n',
          replace: `export const campaignHours = table({
  name: 'campaign_hours',
  doc: 'Valid impressions by campaign and hour, restated in place.',
  key: ['org_id', 'campaign_id', 'hour'],
  partitionBy: 'hour',
  columns: [
    org,
    campaign,
    column('hour', 'DateTime64(3)', 'Start of the hour, UTC.'),
    column('impressions', 'Int64', 'Valid impressions shown in it.'),
    partition,
    version,
  ],
});

export const tables: readonly Table[] = [
  campaignHours,
`,
        },
      ],
      tests: ['test/operators/measure-hours.test.ts', 'test/topology/campaign-lane.test.ts'],
    }),
  300_000,
);
