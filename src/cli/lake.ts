import type { DrillReport } from '../adapters/lake/drill-lake.ts';
import type { ErasureReport } from '../adapters/lake/erase-from-lake.ts';
import type { HistoryFacts, PartitionFacts, SnapshotFacts, TableFacts } from '../adapters/lake/look-at-lake.ts';
import type { TendReport, TendStep } from '../adapters/lake/tend-lake.ts';
import type { SilverReport } from '../adapters/lake/write-layers.ts';
import type { Config } from '../adapters/settings.ts';
import { systemClock } from '../control/system-clock.ts';
import { EngineError } from '../model/errors.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { erasureLines } from './erase.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { Progress } from './progress.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

const looks = ['tables', 'snapshots', 'files', 'history'] as const;
/** Each word and the steps that it means, in their order. */
const works: Readonly<Record<string, readonly TendStep[]>> = {
  relocate: ['relocate'],
  compact: ['compact'],
  cluster: ['cluster'],
  expire: ['expire'],
  sweep: ['sweep'],
  maintain: ['relocate', 'compact', 'cluster', 'expire', 'sweep'],
};

const layers = ['silver', 'gold', 'views'] as const;
/** Words with words of their own behind them, and how many. */
const withMore: Readonly<Record<string, readonly number[]>> = { sql: [1], erase: [1], restore: [0, 2], drill: [0, 2] };

const allWords = [...looks, ...layers, ...Object.keys(works), ...Object.keys(withMore)].join(', ');

export const lakeCommand: Command = {
  name: 'lake',
  summary: 'Look at the Iceberg tables, and look after them.',
  examples: [
    'paceline lake tables --data ./data',
    'paceline lake silver --data ./data',
    'paceline lake gold --data ./data',
    'paceline lake maintain --data ./data --dry-run',
    'paceline lake maintain --config config/production.yaml',
    'paceline lake expire --older-than 7d --keep 10 --data ./data',
    'paceline lake restore acme 2026-03-02 --data ./data',
    'paceline lake drill --data ./data',
    'paceline lake sql "SELECT kind, count() FROM bronze GROUP BY kind" --at 2026-11-30T09:00:00Z --data ./data',
  ],
  doc: 'tables lists them all; snapshots (newest first) and files (by partition) tell of one, and history what it said when, made from what, with what was rolled back. sql asks one query, of the tables as they are or as they were --at an instant, by the engine of ClickHouse: they go by their names, as in silver.clicks, bronze is short for bronze.events, and all_campaign_metrics_daily (and so on) has the rows of all times, hot ones too. silver writes every closed day of bronze to typed tables, each event once; what comes late writes its day anew. gold writes closed weeks of the tables of ClickHouse, each row in its last version. views tells the views all_… of ClickHouse (rows of all times) where rows are now, which tier run does by itself. compact merges small files of a partition of bronze, sorted by partition and offset; cluster sorts manifests; expire forgets old snapshots and removes what only they reach; sweep removes files that nothing reaches; relocate moves what versions up to 0.1 put into 1970 (plans) to the day of the log; maintain does all of it in the order relocate, compact, cluster, expire, sweep. All run beside an engine that writes, may be ended at any moment, and may run twice at once. --dry-run says what would go. erase removes an organization from ClickHouse and from all snapshots of all tables, looks for it with another reader and leaves a receipt in the lake: it needs --confirm, and no engine on an embedded ClickHouse ("paceline erase" does it everywhere, and closes the door first). restore brings a week of an organization from gold to tables restored_… of ClickHouse, to be looked at beside those of the engine; --drop removes them. drill draws a closed week of an organization, reads it back from gold, compares it with its receipts, plays all records of its lane from bronze through the operators of the engine and compares what they give with gold, to the byte; what came of it stands in gold.drills, and it ends with COPY_DIFFERS where something differs. Time travel ends where snapshots expire.',
  flags: {
    config: configFlag,
    data: dataFlag,
    'dry-run': { type: 'boolean', doc: 'Say what would be done, and do nothing.' },
    'older-than': {
      type: 'duration',
      value: 'AGE',
      doc: 'For expire: age of the snapshots that go; for sweep: of the files (default 3d, at least 1h).',
    },
    keep: {
      type: 'integer',
      value: 'N',
      doc: 'For expire: so many of the newest stay whatever their age.',
      min: 1,
      max: 10_000,
    },
    'target-mb': {
      type: 'integer',
      value: 'MIB',
      doc: 'For compact: size of merged files.',
      default: '256',
      min: 1,
      max: 1_024,
    },
    drop: { type: 'boolean', doc: 'For restore: drop all that was brought back.' },
    seed: {
      type: 'integer',
      value: 'N',
      doc: 'For drill: what the draw begins with; printed, so that it can be drawn again. Default: of the clock.',
      min: 0,
      max: 999_999_999,
    },
    confirm: { type: 'boolean', doc: 'For erase: do it.' },
    table: {
      type: 'text',
      value: 'NAME',
      doc: 'One table, as in silver.clicks. Default: bronze.events to look at, all to look after.',
    },
    at: {
      type: 'text',
      value: 'TIME',
      doc: 'For sql: as the tables were at this instant, as in 2026-11-30T09:00:00Z.',
    },
    json: jsonFlag,
  },
  words: {
    name: 'WORD',
    doc: `${allWords}; sql takes its query as the second, erase its organization, restore (and drill) an organization and a week.`,
    min: 1,
    max: 3,
  },
  async run(call, terminal) {
    const [word, ...more] = call.words;
    const steps = Object.hasOwn(works, word) ? works[word] : undefined;
    const counts = Object.hasOwn(withMore, word) ? withMore[word] : [0];
    const isKnown =
      Object.hasOwn(withMore, word) || steps !== undefined || [...looks, ...layers].some((one) => one === word);
    if (!isKnown) throw usage(`there is no "lake ${word}"; the words are ${allWords}`);
    if (!counts.includes(more.length)) throw usage(whatIsMissing(word));
    if (word === 'sql') return await ask(more[0], call, terminal);
    if (word === 'erase') return await erase(more[0], call, terminal);
    if (word === 'restore') return await restore(more, call, terminal);
    if (word === 'drill') return await drill(more, call, terminal);
    const { config } = loadCallConfig(call);
    if (word === 'silver') await writeSilver(config, call, terminal);
    else if (word === 'gold') await writeGold(config, call, terminal);
    else if (word === 'views') await writeViews(config, call, terminal);
    else if (steps === undefined) await look(word, config, call, terminal);
    else await tend(steps, config, call, terminal);
    return 0;
  },
};

function whatIsMissing(word: string): string {
  if (word === 'sql') return '"lake sql" needs one query, in quotes';
  if (word === 'erase') return '"lake erase" needs the name of one organization';
  if (word === 'restore')
    return '"lake restore" needs an organization and a week, as in "lake restore acme 2026-03-02"';
  if (word === 'drill') return '"lake drill" draws a week by itself, or takes an organization and a week';
  return `"lake ${word}" takes nothing behind it`;
}

async function look(word: string, config: Config, call: Call, terminal: Terminal): Promise<void> {
  const { listHistory, listPartitions, listSnapshots, listTables } = await import('../adapters/lake/look-at-lake.ts');
  const table = call.text('table') ?? 'bronze.events';
  const found =
    word === 'tables'
      ? await listTables(config)
      : word === 'snapshots'
        ? await listSnapshots(config, table)
        : word === 'history'
          ? await listHistory(config, table)
          : await listPartitions(config, table);
  if (call.has('json')) for (const one of found) terminal.printJson(one);
  else for (const line of tableOf(found)) terminal.print(line);
}

/** Columns are named by the first row's keys; numbers to the right. */
function tableOf(rows: readonly (TableFacts | SnapshotFacts | PartitionFacts | HistoryFacts)[]): string[] {
  if (rows.length === 0) return ['nothing there yet'];
  const columns = Object.entries(rows[0]).map(([name, value]) => ({
    name,
    type: typeof value === 'number' ? 'Int64' : 'String',
  }));
  const cells = rows.map((row) => Object.values(row).map((value) => (Array.isArray(value) ? value.join(' ') : value)));
  return textTable(columns, cells, 120);
}

async function ask(sql: string, call: Call, terminal: Terminal): Promise<number> {
  const at = call.text('at');
  const atMs = at === undefined ? null : Date.parse(at);
  if (atMs !== null && (Number.isNaN(atMs) || !/(Z|[+-]\d\d:\d\d)$/.test(at ?? '')))
    throw usage(`--at must be an instant with its zone, as in 2026-11-30T09:00:00Z, got "${at}"`);
  const { config } = loadCallConfig(call);
  const { queryLake } = await import('../adapters/lake/query-lake.ts');
  const { text, columns, rows } = await queryLake(config, { sql, atMs }, quietLogger());
  if (rows === null) terminal.write(text);
  else if (!call.has('json')) for (const line of textTable(columns, rows)) terminal.print(line);
  else for (const row of rows) terminal.printJson(Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])));
  return 0;
}

async function erase(org: string, call: Call, terminal: Terminal): Promise<number> {
  const isDryRun = call.has('dry-run');
  if (!isDryRun && !call.has('confirm'))
    throw usage('erasing cannot be undone: look at it with --dry-run first, then say --confirm');
  const { config } = loadCallConfig(call);
  const { eraseFromLake } = await import('../adapters/lake/erase-from-lake.ts');
  const report = await eraseFromLake(config, org, { isDryRun, log: quietLogger() });
  if (call.has('json')) terminal.printJson({ ...report, dry_run: isDryRun });
  else for (const line of lakeErasureLines(report, isDryRun)) terminal.print(line);
  return 0;
}

function lakeErasureLines(report: ErasureReport, isDryRun: boolean): string[] {
  const { org, lake, clickhouse, receipt } = report;
  if (lake.length === 0 && clickhouse.length === 0) return [`nothing of ${org} is there`];
  const found = receipt === null ? [] : [`no reader finds ${org} any more; receipt: ${receipt}`];
  return [...erasureLines(report, isDryRun), ...found];
}

async function restore([org, week]: readonly string[], call: Call, terminal: Terminal): Promise<number> {
  const { config } = loadCallConfig(call);
  const { dropRestored, restoreWeek } = await import('../adapters/lake/restore-week.ts');
  const isDrop = call.has('drop');
  if (isDrop !== (org === undefined))
    throw usage(isDrop ? 'with --drop "lake restore" takes nothing behind it' : whatIsMissing('restore'));
  if (isDrop) {
    const gone = await dropRestored(config, quietLogger());
    if (call.has('json')) for (const table of gone) terminal.printJson({ table, dropped: true });
    else terminal.print(gone.length === 0 ? 'nothing was brought back' : `dropped ${gone.join(', ')}`);
    return 0;
  }
  const restored = await restoreWeek(config, { org, week }, quietLogger());
  if (call.has('json')) for (const one of restored) terminal.printJson(one);
  else for (const { table, rows } of restored) terminal.print(`${table}: ${rows} rows, as the store has them`);
  return 0;
}

/** A number that a person can say again. */
const seedsBelow = 1_000_000_000;

async function drill([org, week]: readonly string[], call: Call, terminal: Terminal): Promise<number> {
  const { config } = loadCallConfig(call);
  const { drillLake } = await import('../adapters/lake/drill-lake.ts');
  const seed = call.number('seed') ?? Math.floor(systemClock.wallMs()) % seedsBelow;
  const progress = new Progress(terminal, systemClock, 'records played');
  const report = await drillLake(config, {
    seed,
    chosen: org === undefined ? null : { org, week },
    onDrawn: (drawn) => terminal.note(`drilling the week of ${drawn.week} of ${drawn.org} (seed ${seed})`),
    onProgress: (done, total) => progress.update(done, total),
  });
  progress.end();
  if (call.has('json')) terminal.printJson(report);
  else terminal.print(drillSentence(report));
  if (report.differences > 0)
    throw new EngineError('COPY_DIFFERS', `${report.differences} differences; the first: ${report.example}`);
  return 0;
}

function drillSentence({ org, week, rows, records, differences, restated, receipts, hash }: DrillReport): string {
  const later = restated === 0 ? '' : `; ${restated} were restated since and come with the next lake gold`;
  const found = differences === 0 ? 'is what bronze gives, to the byte' : `differs in ${differences} places`;
  return `${org}, week of ${week}: gold ${found} (${rows} rows, hash ${hash}, ${records} records played, ${receipts} receipts agree${later})`;
}

async function writeSilver(config: Config, call: Call, terminal: Terminal): Promise<void> {
  const { writeSilverLayer } = await import('../adapters/lake/write-layers.ts');
  const isDryRun = call.has('dry-run');
  const progress = new Progress(terminal, systemClock, 'slices written');
  const report = await writeSilverLayer(config, {
    isDryRun,
    onProgress: (done, total) => progress.update(done, total),
  });
  progress.end();
  const closedThrough = report.closedThroughMs === null ? null : new Date(report.closedThroughMs).toISOString();
  if (call.has('json')) {
    const { days, slices, events, rows, overtaken } = report;
    terminal.printJson({ days, slices, events, rows, overtaken, closed_through: closedThrough, dry_run: isDryRun });
  } else terminal.print(silverSentence(report, closedThrough, isDryRun));
}

async function writeGold(config: Config, call: Call, terminal: Terminal): Promise<void> {
  const { writeGoldLayer } = await import('../adapters/lake/write-layers.ts');
  const isDryRun = call.has('dry-run');
  const progress = new Progress(terminal, systemClock, 'slices written');
  const onProgress = (done: number, total: number) => progress.update(done, total);
  const report = await writeGoldLayer(config, { isDryRun, onProgress }, quietLogger());
  progress.end();
  const { months, rows, overtaken } = report;
  if (call.has('json')) return terminal.printJson({ ...report, dry_run: isDryRun });
  if (months === 0) return terminal.print('gold: every closed week is there');
  if (isDryRun) return terminal.print(`gold: would write ${months} months of organizations and tables`);
  const others = overtaken === 0 ? '' : `; ${overtaken} slices were written by another run`;
  terminal.print(`gold: wrote ${months} months of organizations and tables, ${rows} rows${others}`);
}

async function writeViews(config: Config, call: Call, terminal: Terminal): Promise<void> {
  const { rewriteHistoryViews } = await import('../adapters/lake/history-views.ts');
  const views = await rewriteHistoryViews(config, quietLogger());
  if (call.has('json')) for (const view of views) terminal.printJson({ view });
  else terminal.print(`ClickHouse finds the rows of all times by ${views.join(', ')}`);
}

/** "silver: wrote 78 days of organizations, 53075 rows of 53336 events; bronze is complete through …". */
function silverSentence(
  { days, events, rows, overtaken }: SilverReport,
  closedThrough: string | null,
  isDryRun: boolean,
): string {
  if (closedThrough === null) return 'silver: bronze has nothing yet';
  const complete = `bronze is complete through ${closedThrough}`;
  if (days === 0) return `silver: every closed day is there; ${complete}`;
  if (isDryRun) return `silver: would write ${days} days of organizations; ${complete}`;
  const others = overtaken === 0 ? '' : `; ${overtaken} slices were written by another run`;
  return `silver: wrote ${days} days of organizations, ${rows} rows of ${events} events${others}; ${complete}`;
}

async function tend(steps: readonly TendStep[], config: Config, call: Call, terminal: Terminal): Promise<void> {
  const { orphanAgeMsDefault, targetMbDefault, tendLake } = await import('../adapters/lake/tend-lake.ts');
  const olderThan = call.number('older-than');
  const hourMs = 3_600_000;
  if (steps.includes('sweep') && olderThan !== undefined && olderThan < hourMs)
    throw usage('--older-than must be at least 1h for sweep: younger files may belong to a commit under way');
  const isDryRun = call.has('dry-run');
  const progress = new Progress(terminal, systemClock, 'done');
  await tendLake(config, {
    steps,
    table: call.text('table'),
    isDryRun,
    targetBytes: (call.number('target-mb') ?? targetMbDefault) * 1_048_576,
    orphansOlderThanMs: olderThan ?? orphanAgeMsDefault,
    snapshotsOlderThanMs: olderThan,
    snapshotsToKeep: call.number('keep'),
    onProgress: (_step, done, total) => progress.update(done, total),
    onDone: (report) => {
      progress.end();
      if (call.has('json')) terminal.printJson({ ...report, dry_run: isDryRun });
      else terminal.print(sentence(report, isDryRun));
    },
  });
}

/** What a step does to what goes, as done and as it would be. */
const deeds: Readonly<Record<TendStep, { did: string; would: string; what: string; nothing: string }>> = {
  relocate: { did: 'moved', would: 'move', what: 'files out of 1970', nothing: 'nothing lies in 1970' },
  compact: { did: 'merged', would: 'merge', what: 'files', nothing: 'no partition has enough small files' },
  cluster: { did: 'sorted', would: 'sort', what: 'manifests', nothing: 'one manifest or none, nothing to sort' },
  expire: { did: 'forgot', would: 'forget', what: 'snapshots and what only they reach', nothing: 'no snapshot is due' },
  sweep: {
    did: 'removed',
    would: 'remove',
    what: 'files that nothing reaches',
    nothing: 'every file is reached, or young',
  },
};

/** "bronze.events compact: merged 1200 files (31.0 MiB) into 14". */
function sentence({ table, step, gone, made, bytes }: TendReport, isDryRun: boolean): string {
  const { did, would, what, nothing } = deeds[step];
  if (gone === 0) return `${table} ${step}: ${nothing}`;
  const size = bytes === 0 ? '' : ` (${(bytes / 1_048_576).toFixed(1)} MiB)`;
  const into = made === 0 ? '' : ` into ${made}`;
  return `${table} ${step}: ${isDryRun ? `would ${would}` : did} ${gone} ${what}${size}${into}`;
}
