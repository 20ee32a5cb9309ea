import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../control/system-clock.ts';
import { findZone } from '../model/zones.ts';
import { type Call, type Command, configFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { makeDirectory } from './make-directory.ts';
import { usage } from './parse-call.ts';
import { Progress } from './progress.ts';
import { listenForStop } from './signals.ts';
import type { Terminal } from './terminal.ts';

const defaults = { seed: 1, days: 3, campaigns: 100, partitions: 8 } as const;

export const simulateCommand: Command = {
  name: 'simulate',
  summary: 'Write the log of a simulated world.',
  examples: [
    'paceline simulate --out ./sim',
    'paceline simulate --seed 7 --days 3 --campaigns 300 --partitions 8 --out ./sim',
    'paceline simulate --start 2026-09-05 --zones America/Santiago,Pacific/Chatham --out ./sim',
  ],
  doc: 'Writes DIR/log (plans, ticks and events, with duplicates, lateness, corrections, control changes, feeds of every habit and labelled faults, campaigns that spend after their end or through a pause among them) and DIR/truth.json, which says what was done (in the repository, "npm run truth -- DIR" adds what must come of it). The same options give the same bytes. Then "paceline run --data DIR --until-end" works it off; give it the same rules.',
  flags: {
    out: { type: 'text', value: 'DIR', doc: 'Where to write; must hold no log yet.' },
    seed: { type: 'integer', value: 'N', doc: 'Seed of all chance.', default: String(defaults.seed) },
    days: { type: 'integer', value: 'N', doc: 'Simulated days.', default: String(defaults.days), min: 1, max: 400 },
    campaigns: {
      type: 'integer',
      value: 'N',
      doc: 'Campaigns.',
      default: String(defaults.campaigns),
      min: 1,
      max: 100_000,
    },
    partitions: {
      type: 'integer',
      value: 'N',
      doc: 'Partitions of the log.',
      default: String(defaults.partitions),
      min: 1,
      max: 1_024,
    },
    start: {
      type: 'text',
      value: 'INSTANT',
      doc: 'When the log begins, UTC: 2026-10-31, or 2026-10-31T18:00:00Z. A day before a change of clocks meets it.',
      default: '2026-03-07',
    },
    zones: {
      type: 'text',
      value: 'A,B',
      doc: 'IANA zones of the organizations, in turn. Default: nine whose clocks differ in every way.',
    },
    encoding: {
      type: 'text',
      value: 'binary|jsonl',
      doc: 'Checksummed frames around Avro, or lines that a person can read.',
      default: 'binary',
    },
    config: configFlag,
    json: jsonFlag,
  },
  run: runSimulate,
};

async function runSimulate(call: Call, terminal: Terminal): Promise<number> {
  const out = call.text('out');
  if (out === undefined) throw usage('"paceline simulate" needs --out DIR');
  if (existsSync(join(out, 'log'))) throw usage(`${out} holds a log already; choose another --out`);
  const encoding = call.text('encoding') ?? 'binary';
  if (encoding !== 'binary' && encoding !== 'jsonl')
    throw usage(`--encoding must be binary or jsonl, got "${encoding}"`);
  const startMs = startOf(call.text('start'));
  const zones = zonesOf(call.text('zones'));
  const { config } = loadCallConfig(call);
  makeDirectory(out);
  const progress = new Progress(terminal, systemClock, 'simulating, minutes of world time');
  const days = call.number('days') ?? defaults.days;
  const minutes = days * 1_440;
  using stop = listenForStop(terminal);
  const { writeSimulatedLog } = await import('../adapters/log/simulated-log.ts');
  const result = await writeSimulatedLog({
    dir: out,
    seed: call.number('seed') ?? defaults.seed,
    days,
    campaigns: call.number('campaigns') ?? defaults.campaigns,
    partitions: call.number('partitions') ?? defaults.partitions,
    encoding,
    ...(startMs === undefined ? {} : { startMs }),
    ...(zones === undefined ? {} : { zones }),
    plans: config.plans,
    clock: systemClock,
    signal: stop.signal,
    onProgress: (share) => progress.update(Math.floor(share * minutes), minutes),
  });
  progress.end();
  if (call.has('json')) terminal.printJson(result);
  else {
    terminal.print(`${result.records} records in ${result.log}, truth in ${result.truth}`);
    terminal.print(`next: paceline run --data ${out} --until-end`);
  }
  return 0;
}

/** A whole minute of UTC. */
function startOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:00)?Z)?$/.test(text);
  const instant = match ? Date.parse(text) : Number.NaN;
  // Date.parse makes 2 March of 30 February.
  if (Number.isNaN(instant) || new Date(instant).toISOString().slice(0, 10) !== text.slice(0, 10))
    throw usage(`--start must be a day or a whole minute of UTC such as 2026-10-31T18:00Z, got "${text}"`);
  return instant;
}

function zonesOf(text: string | undefined): string[] | undefined {
  const zones = text?.split(',');
  for (const zone of zones ?? [])
    if (findZone(zone) === undefined) throw usage(`--zones: "${zone}" is no IANA time zone`);
  return zones;
}
