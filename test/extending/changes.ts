import type { Change, Edit } from './apply.ts';

/** Puts `text` before the line that begins with `line`. */
function before(file: string, line: string, text: string): Edit {
  return { file, find: line, replace: `${text}${line}` };
}

const remainingBefore =
  "    column('expected_micros', 'Nullable(Int64)', 'Expected spend at `as_of` by the segment ledger; null when ASAP.'),\n";

const capName = "  'p.daily_cap': ['double', 'Daily cap, currency units.'],\n";
const capValue = '    scaled(cap, 1e6), // p.daily_cap\n';
const capByHand = "  'p.daily_cap': 300,\n";

const listOfSinks = 'src/adapters/sinks.ts';

const operatorMap = 'src/topology/campaign-topology.ts';
const operatorTables = 'src/rows/tables.ts';

const kind: Change = {
  section: 'An event kind',
  folder: 'kind',
  srcFilesMax: 4,
  edits: [
    before(
      'src/events/kinds.ts',
      '  video_progress: { ...delivery,',
      '  call: { ...delivery, number: 17, columns: { ivt: validity } },\n',
    ),
    before(
      'src/operators/measure-days.ts',
      '      case kind.click:\n',
      `      case kind.call:
        this.#days[this.#dayAt(slot, batch, row, batch.eventTimes) + callCounter(batch.flags[row])] += 1;
        return;
`,
    ),
    before(
      'src/operators/measure-days.ts',
      'const videoCounters = [',
      `function callCounter(flags: number): number {
  return (flags & flag.invalid) === 0 ? counterAt.clicks : counterAt.invalid_clicks;
}

`,
    ),
    before('schemas/avro/ids.json', '  "1": "impression.v1"', '  "99": "call.v1",\n'),
    before('scripts/events-doc/examples.ts', '  video_progress: { ...envelope(3)', '  call: { ...envelope(17) },\n'),
    before(
      'scripts/events-doc/examples.ts',
      "  video_progress: 'Counted by quartile.'",
      "  call: 'Counted as a click.',\n",
    ),
    // The oracle is written independently of the engine, so it is told too.
    before(
      'test/oracle/book.ts',
      "    case 'video_progress':\n",
      "    case 'call':\n      addAt(context, event.eventTime, event.fields.invalid ? 'invalid_clicks' : 'clicks', 1n);\n      break;\n",
    ),
    before('test/oracle/burden.ts', '  video_progress: none,\n', '  call: none,\n'),
    before('test/oracle/check.ts', '  video_progress: delivery,\n', '  call: delivery,\n'),
    before(
      'test/oracle/decode-json.ts',
      '  video_progress: (raw) =>',
      '  call: (raw) => ({ invalid: isInvalid(raw) }),\n',
    ),
    before('test/simulator/simulate-world.test.ts', '  video_progress: true,\n', '  call: false,\n'),
  ],
  tests: ['test/operators/calls.test.ts'],
};

const column: Change = {
  section: 'A snapshot column',
  folder: 'column',
  srcFilesMax: 3,
  edits: [
    {
      file: 'src/rows/tables.ts',
      find: remainingBefore,
      replace: `    column('remaining_micros', 'Nullable(Int64)', 'Budget less spend at \`as_of\`.', { since: 6, fallback: null }),
${remainingBefore}`,
    },
    {
      file: 'src/operators/pace-flights.ts',
      find: '      ...numbers(values),\n',
      replace: `      ...numbers(values),
      remaining_micros: values?.spend == null ? null : BigInt(terms.budget ?? 0) - BigInt(values.spend),
`,
    },
    {
      file: 'test/rows/released-shapes.json',
      find: '  "pacing_snapshots": {\n',
      replace: '  "pacing_snapshots": {\n    "6": ["remaining_micros Nullable(Int64) after spend_micros"],\n',
    },
  ],
  tests: ['test/rows/'],
};

const value: Change = {
  section: 'A rule value',
  folder: 'value',
  srcFilesMax: 2,
  edits: [
    {
      file: 'src/rules/plan.ts',
      find: capName,
      replace: `  'p.cap_left': ['double', 'What the daily cap, with its allowance, leaves for the day, currency units.'],\n${capName}`,
    },
    {
      file: 'src/rules/rule-values.ts',
      find: capValue,
      replace: `    values.capAllowed === null ? null : scaled(minus(values.capAllowed, daySpend), 1e6), // p.cap_left\n${capValue}`,
    },
    {
      file: 'src/rules/rule-values.ts',
      find: "import { floorShare, plus, type Whole } from '../model/whole.ts';",
      replace: "import { floorShare, minus, plus, type Whole } from '../model/whole.ts';",
    },
    // 450 allowed less 130 spent.
    { file: 'test/rules/rule-values.test.ts', find: capByHand, replace: `  'p.cap_left': 320,\n${capByHand}` },
  ],
  tests: ['test/rules/rule-values.test.ts', 'test/rules/cap-left.test.ts'],
};

const sink: Change = {
  section: 'A sink',
  folder: 'sink',
  srcFilesMax: 3,
  edits: [
    {
      file: listOfSinks,
      find: "import type { SinkKind } from '../sinks/sink-kind.ts';\n",
      replace:
        "import type { SinkKind } from '../sinks/sink-kind.ts';\nimport { webhookKind } from '../sinks/webhook/webhook-kind.ts';\n",
    },
    {
      file: listOfSinks,
      find: '  alertmanager: alertmanagerKind,\n',
      replace: '  alertmanager: alertmanagerKind,\n  webhook: webhookKind,\n',
    },
  ],
  tests: ['test/sinks/webhook/webhook.test.ts'],
};

const operator: Change = {
  section: 'An operator',
  folder: 'operator',
  srcFilesMax: 4,
  edits: [
    {
      file: operatorMap,
      find: "import type { Operator } from '../operators/operator.ts';\n",
      replace:
        "import { MeasureHours } from '../operators/measure-hours.ts';\nimport type { Operator } from '../operators/operator.ts';\n",
    },
    {
      file: operatorMap,
      find: '      .operator(new FollowFlights(state, outputs, days))\n',
      replace:
        '      .operator(new MeasureHours(state, outputs))\n      .operator(new FollowFlights(state, outputs, days))\n',
    },
    {
      file: operatorTables,
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
};

/** The five that docs/extending.md describes. */
export const changes: readonly Change[] = [kind, column, value, sink, operator];
