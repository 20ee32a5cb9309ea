import type { Door, WholeErasure } from '../adapters/erase-organization.ts';
import type { LoadedConfig } from '../adapters/settings.ts';
import { systemClock } from '../control/system-clock.ts';
import { type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { product } from './product.ts';
import { quietLogger } from './quiet-logger.ts';

const waitMinutes = 10;

export const eraseCommand: Command = {
  name: 'erase',
  summary: 'Erase an organization from every system, with a receipt.',
  examples: [
    'paceline erase acme --dry-run --data ./data',
    'paceline erase acme --confirm --data ./data',
    'paceline erase acme --confirm --config config/production.yaml --wait 30m',
    'paceline erase acme --reopen --confirm --data ./data',
  ],
  doc: 'The door closes first: a plan of its own in the log says that the organization is closed, and from its offset on each record with its key is a dead letter organization_closed, of which no bytes are kept. Then it goes from the log of the data directory (a tick stands where a record stood, so that all others have the rows that they had), the state and its snapshots, accounts, rules, plans, caches, ClickHouse, and every table of the lake in all its snapshots. The audit log is redacted: hashes stand where words stood. Readers look for it at the end (COPY_DIFFERS where they find something), and the receipt with counts and file names lies in erasures/ of the lake and is noted in the audit log. --dry-run says what would go and which time travel ends, of all organizations. In a data directory no engine may run meanwhile: the command works the log off by itself. With Redis and Kafka the engines go on, and it waits for that of the organization; what a topic of Kafka holds goes with its retention, and the command says which offsets. A run that was killed is carried on by the next. --reopen takes its records again from now on, by the plan that the files say.',
  flags: {
    config: configFlag,
    data: dataFlag,
    'dry-run': { type: 'boolean', doc: 'Say what would go, and change nothing.' },
    confirm: { type: 'boolean', doc: 'Do it. It cannot be undone.' },
    reopen: { type: 'boolean', doc: 'Open an organization anew that was erased.' },
    wait: {
      type: 'duration',
      value: 'AGE',
      doc: 'How long to wait for the engine that has its lane, where the state is in Redis.',
      default: `${waitMinutes}m`,
      min: 1_000,
    },
    json: jsonFlag,
  },
  words: { name: 'ORG', doc: 'The organization.', min: 1, max: 1 },
  async run(call, terminal) {
    const [org] = call.words;
    const isDryRun = call.has('dry-run');
    if (isDryRun === call.has('confirm'))
      throw usage('erasing cannot be undone: look at it with --dry-run first, then say --confirm');
    const loaded = loadCallConfig(call);
    const adapter = await import('../adapters/erase-organization.ts');
    if (call.has('reopen')) {
      if (isDryRun) throw usage('--reopen goes with --confirm');
      const door = await adapter.reopenOrganization(loaded.config, org, quietLogger());
      if (call.has('json')) terminal.printJson({ org, reopened: door });
      else terminal.print(`${org} is open again from ${placeOf(door)} on`);
      return 0;
    }
    const report = isDryRun
      ? await adapter.planErasure(loaded.config, org, quietLogger())
      : await adapter.eraseEverywhere(loaded.config, org, {
          log: quietLogger(),
          waitMs: call.number('wait') ?? waitMinutes * 60_000,
          onStep: (what) => terminal.note(what),
          workOff: () => workOff(loaded),
        });
    if (call.has('json')) terminal.printJson({ ...report, dry_run: isDryRun });
    else for (const line of reportLines(report, isDryRun)) terminal.print(line);
    return 0;
  },
};

/** An engine that applies what the log holds, appends nothing, and ends. */
async function workOff(loaded: LoadedConfig): Promise<void> {
  const { startEngine } = await import('../app.ts');
  const options = {
    version: product.version,
    clock: systemClock,
    log: quietLogger(),
    isUntilEnd: true,
    isSilent: true,
  };
  const engine = await startEngine(loaded, options);
  try {
    await Promise.race([engine.drain(), engine.failed]);
  } finally {
    await engine.stop();
  }
}

function placeOf({ topic, partition, offset, number }: Door): string {
  return `offset ${offset} of ${topic}:${partition} (plan ${number})`;
}

function reportLines(report: WholeErasure, isDryRun: boolean): string[] {
  const went = isDryRun ? 'would go' : 'went';
  const { org, closed, log, state, accounts, cached, clickhouse, lake, untrusted, receipt } = report;
  const lines =
    closed === null ? [] : [`closed at ${placeOf(closed)}: its records are dead letters organization_closed`];
  if (log.kind === 'directory' && log.records > 0)
    lines.push(
      `log: ${log.records} records in ${log.segments.length} segments ${isDryRun ? 'would become' : 'became'} ticks`,
    );
  if (log.kind === 'kafka' && isDryRun)
    lines.push(`log: topic ${log.topic} keeps its records until retention removes them`);
  if (log.kind === 'kafka' && !isDryRun)
    lines.push(
      `log: ${log.topic}:${log.partition} may hold its records at offsets ${log.from} to ${log.to}, until retention removes them`,
    );
  if (state !== null) lines.push(`state: ${state} blobs of its lane were written anew, without it`);
  for (const [table, rows] of Object.entries(accounts))
    lines.push(
      table === 'audit_logs'
        ? `audit log: ${rows} rows ${isDryRun ? 'would be' : 'were'} redacted to hashes`
        : `${table}: ${rows} rows ${went}`,
    );
  if (cached > 0) lines.push(`cache: ${cached} answers went`);
  lines.push(...erasureLines({ lake, clickhouse, untrusted }, isDryRun));
  if (lines.length === 0) return [`nothing of ${org} is there`];
  if (receipt !== null) lines.push(`no reader finds ${org} any more; receipt: ${receipt}`);
  return lines;
}

/** What goes, or would go, from ClickHouse and the lake. */
export function erasureLines(
  { lake, untrusted, clickhouse }: Pick<WholeErasure, 'lake' | 'untrusted' | 'clickhouse'>,
  isDryRun: boolean,
): string[] {
  const went = isDryRun ? 'would go' : 'went';
  return [
    ...clickhouse.map(({ table, rows }) => `ClickHouse ${table}: ${rows} rows ${went}`),
    ...lake.map(({ table, rows, files, snapshots, tags }) => {
      const names = tags.length === 0 ? '' : ` and the names ${tags.join(', ')}`;
      return `${table}: ${rows} rows in ${files.length} files ${went}, with ${snapshots} past snapshots of all organizations${names}`;
    }),
    ...(untrusted === 0 ? [] : [`bronze: ${untrusted} records with its key that were filed as nobody's ${went}`]),
  ];
}
