import type { ExpiredFiles, HotMonth, MovedMonth } from '../adapters/lake/tier-lake.ts';
import { systemClock } from '../control/system-clock.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { Progress } from './progress.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

export const tierCommand: Command = {
  name: 'tier',
  summary: 'Move months that are over from ClickHouse to the lake, each proved before it goes.',
  examples: [
    'paceline tier plan --data ./data',
    'paceline tier run --config config/production.yaml',
    'paceline tier status --config config/production.yaml --json',
  ],
  doc: 'status lists the months that ClickHouse has, with rows and bytes. plan lists those that are due by the settings of tiers.*, and what the lake would delete; it changes nothing. run moves them: a month is taken out of its table whole, what gold lacks of it is written, all of it is read back from the store by another reader than wrote it and compared by count, sums of money and an order-free hash, the receipt is committed to gold.receipts, and only then it is dropped. A run that was killed is carried on by the next; where a copy differs nothing is dropped (COPY_DIFFERS). With the embedded ClickHouse no engine may run on the data directory meanwhile.',
  flags: {
    config: configFlag,
    data: dataFlag,
    'dry-run': { type: 'boolean', doc: 'For run: say what is due, as plan does, and change nothing.' },
    json: jsonFlag,
  },
  words: { name: 'WORD', doc: 'plan, run or status.', min: 1, max: 1 },
  async run(call, terminal) {
    const [word] = call.words;
    if (word !== 'plan' && word !== 'run' && word !== 'status')
      throw usage(`there is no "tier ${word}"; the words are plan, run, status`);
    if (word === 'run' && !call.has('dry-run')) await move(call, terminal);
    else await show(word === 'run' ? 'plan' : word, call, terminal);
    return 0;
  },
};

async function show(word: 'plan' | 'status', call: Call, terminal: Terminal): Promise<void> {
  const { config } = loadCallConfig(call);
  const { planTiers } = await import('../adapters/lake/tier-lake.ts');
  const { months, expired } = await planTiers(config, quietLogger());
  const shown = word === 'status' ? months : months.filter(({ isDue, isLeaving }) => isDue || isLeaving);
  if (call.has('json')) {
    for (const month of shown) terminal.printJson(month);
    if (word === 'plan') for (const one of expired) terminal.printJson({ ...one, expires: true });
    return;
  }
  if (shown.length === 0) terminal.print(word === 'plan' ? 'nothing is due' : 'ClickHouse has no rows yet');
  else for (const line of monthTable(shown)) terminal.print(line);
  if (word !== 'plan') return;
  if (shown.length > 0) {
    const rows = shown.reduce((sum, month) => sum + month.rows, 0);
    const saved = shown.reduce((sum, { bytes }) => sum + bytes, 0);
    terminal.print(`${rows} rows would leave ClickHouse, which then needs ${mebibytes(saved)} less`);
  }
  for (const one of expired) terminal.print(expirySentence(one, 'would delete'));
}

async function move(call: Call, terminal: Terminal): Promise<void> {
  const { config } = loadCallConfig(call);
  const { runTiers } = await import('../adapters/lake/tier-lake.ts');
  const progress = new Progress(terminal, systemClock, 'slices written');
  const { moved, expired } = await runTiers(config, {
    log: quietLogger(),
    onProgress: (done, total) => progress.update(done, total),
    onMoved: (report) => {
      progress.end();
      if (call.has('json')) terminal.printJson(report);
      else terminal.print(moveSentence(report));
    },
  });
  progress.end();
  for (const one of expired) {
    if (call.has('json')) terminal.printJson({ ...one, expired: true });
    else terminal.print(expirySentence(one, 'deleted'));
  }
  if (moved.length === 0 && expired.length === 0 && !call.has('json')) terminal.print('nothing is due');
}

function moveSentence({ table, month, rows, organizations, hash }: MovedMonth): string {
  return `${table} ${month}: ${rows} rows of ${organizations} organizations are in gold and no longer in ClickHouse (hash ${hash})`;
}

function expirySentence({ table, rows, files, bytes }: ExpiredFiles, did: string): string {
  return `${table}: ${did} ${rows} rows in ${files} files (${mebibytes(bytes)})`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

function monthTable(months: readonly HotMonth[]): string[] {
  const columns = [
    { name: 'table', type: 'String' },
    { name: 'month', type: 'String' },
    { name: 'rows', type: 'Int64' },
    { name: 'bytes', type: 'Int64' },
    { name: 'state', type: 'String' },
  ];
  const stateOf = ({ isDue, isLeaving }: HotMonth) => (isLeaving ? 'leaving' : isDue ? 'due' : 'hot');
  return textTable(
    columns,
    months.map((one) => [one.table, one.month, one.rows, one.bytes, stateOf(one)]),
  );
}
