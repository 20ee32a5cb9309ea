import { mkdirSync, mkdtempSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isServing, servingPort } from '../../adapters/serving/serving-place.ts';
import type { Config } from '../../adapters/settings.ts';
import type { Engine } from '../../app.ts';
import { findPortHolder } from '../../control/http/port-holder.ts';
import { makeLogger } from '../../control/logs/logger.ts';
import { systemClock } from '../../control/system-clock.ts';
import { type Call, type Command, configFlag, jsonFlag } from '../command.ts';
import { loadCallConfig } from '../load-call-config.ts';
import { product } from '../product.ts';
import { listenForStop } from '../signals.ts';
import type { Terminal } from '../terminal.ts';
import { countRows } from './demo-queries.ts';
import { DemoStory, printAlerts, type Story } from './demo-story.ts';

const defaultSpeed = 7_200;
const defaultSeed = 1;
const bronzeCommitMs = 5_000;

export const demoCommand: Command = {
  name: 'demo',
  summary: 'Watch simulated campaigns run through the whole engine.',
  examples: ['paceline demo', 'paceline demo --for 60s', 'paceline demo --for 60s --json --seed 7'],
  doc: 'Starts the embedded engine on a new data directory and plays a simulated world into its log, 7,200 times as fast as life: one campaign falls behind, one overspends, one stops delivering, a feed goes silent, events come late, some records are broken. The same seed tells the same story. Ends on Ctrl+C or after --for, prints where the data lies and three queries to try; the data stays. --json prints one JSON object at the end.',
  flags: {
    for: { type: 'duration', doc: 'End by itself after this long.', min: 1_000 },
    speed: {
      type: 'integer',
      value: 'N',
      doc: 'Simulated seconds per second.',
      default: String(defaultSpeed),
      min: 1,
      max: 1_000_000,
    },
    seed: { type: 'integer', value: 'N', doc: 'Seed of the world.', default: String(defaultSeed) },
    data: {
      type: 'text',
      value: 'DIR',
      doc: 'Data directory; must hold no log yet.',
      default: 'a new one below ./data',
    },
    config: configFlag,
    json: jsonFlag,
  },
  run: runDemo,
};

async function runDemo(call: Call, terminal: Terminal): Promise<number> {
  const startMs = systemClock.wallMs();
  const data = call.text('data') ?? newDataDirectory();
  const loaded = loadCallConfig(call, {
    data_directory: data,
    log: { mode: 'replayed' },
    bronze: { commit_interval_ms: bronzeCommitMs },
  });
  const { config } = loaded;
  config.http.port = freeOr(config.http.port, 'http.port', terminal);
  config.clickhouse.port = freeOr(config.clickhouse.port, 'clickhouse.port', terminal);
  if (isServing(config)) config.serving.port = freeOr(servingPort(config), 'serving.port', terminal);
  using stop = listenForStop(terminal);
  const { startEngine } = await import('../../app.ts');
  const log = makeLogger({ level: 'error', clock: systemClock });
  // The stream is a replayed one: its world brings ticks and plans in its own time, the engine adds none.
  const engine = await startEngine(loaded, { version: product.version, clock: systemClock, log });
  let report: DemoReport;
  try {
    report = await tellStory(engine, config.plans, call, terminal, stop.signal, startMs);
  } finally {
    await engine.stop();
  }
  if (call.has('json')) terminal.printJson(report.summary);
  else printEnd(report, terminal);
  return 0;
}

interface DemoReport {
  readonly story: Story;
  readonly summary: Readonly<Record<string, unknown>>;
  readonly data: string;
}

async function tellStory(
  engine: Engine,
  plans: Config['plans'],
  call: Call,
  terminal: Terminal,
  stopSignal: AbortSignal,
  startMs: number,
): Promise<DemoReport> {
  const forMs = call.number('for');
  const ended = new AbortController();
  const signal = AbortSignal.any([stopSignal, ended.signal]);
  const story = new DemoStory(engine, terminal, systemClock, startMs);
  const { playDemoWorld } = await import('../../adapters/log/play-demo-world.ts');
  const [seed, speed] = [call.number('seed') ?? defaultSeed, call.number('speed') ?? defaultSpeed];
  const world = playDemoWorld(engine.parts, { plans }, { seed, speed, clock: systemClock, signal });
  const timer =
    forMs === undefined
      ? null
      : systemClock.sleep(forMs, signal).then(
          () => ended.abort(),
          () => {},
        );
  const shown = story.show(signal);
  try {
    // A world that ends, or an engine that cannot go on, ends the demo; so does its time.
    await Promise.race([engine.failed, world, shown]);
  } finally {
    ended.abort();
    await Promise.all([shown, world, timer]);
  }
  await engine.drain();
  const ending = await story.finish();
  return { story: ending, data: engine.status().data_directory, summary: await summarize(engine, ending, startMs) };
}

async function summarize(engine: Engine, story: Story, startMs: number): Promise<Readonly<Record<string, unknown>>> {
  const { records, dead_letters, data_directory, addresses } = engine.status();
  const bronze = engine.parts.bronze();
  const { queries } = engine.parts;
  return {
    alerts: story.alerts.filter(({ state }) => state === 'firing').length,
    alert_transitions: story.alerts.length,
    first_alert_seconds: story.firstAlertSeconds,
    rows: queries === null ? {} : await countRows(queries),
    bronze_snapshots: bronze?.snapshots ?? 0,
    bronze_records: bronze?.records ?? 0,
    records,
    dead_letters,
    elapsed_seconds: (systemClock.wallMs() - startMs) / 1_000,
    paths: { data: data_directory, bronze: bronze?.location ?? null },
    addresses,
  };
}

function newDataDirectory(): string {
  mkdirSync('data', { recursive: true });
  return mkdtempSync(join('data', 'demo-'));
}

/** The demo must start beside anything; only here a taken port is replaced instead of refused. */
function freeOr(port: number, name: string, terminal: Terminal): number {
  const holder = port === 0 ? undefined : findPortHolder(port);
  if (holder === undefined) return port;
  terminal.note(`${name} ${port} is held by pid ${holder.pid} (${holder.command}); the demo takes a free one`);
  return 0;
}

function printEnd({ story, summary, data }: DemoReport, terminal: Terminal): void {
  const directory = relative('.', data) || data;
  const rows = summary.rows as Readonly<Record<string, number>>;
  terminal.print();
  printAlerts(story, terminal);
  terminal.print();
  terminal.print(
    `Rows: ${Object.entries(rows)
      .map(([table, count]) => `${table} ${count}`)
      .join(', ')}`,
  );
  terminal.print(
    `Bronze: ${summary.bronze_records} records in ${summary.bronze_snapshots} snapshots, ${(summary.paths as { bronze: string | null }).bronze}`,
  );
  terminal.print(`Data: ${directory}   (delete it when you are done)`);
  terminal.print();
  terminal.print('Look at it:');
  for (const query of queriesToTry) terminal.print(`  npm run paceline -- sql "${query}" --data ${directory}`);
}

const queriesToTry = [
  'SELECT campaign_id, date, impressions, clicks, spend_micros / 1e6 AS spend FROM campaign_metrics_daily FINAL ORDER BY campaign_id, date LIMIT 20',
  "SELECT * FROM alert_events FINAL WHERE to_state = 'firing' ORDER BY evaluated_at LIMIT 1 FORMAT Vertical",
  'SELECT reason, count() AS records, any(detail) AS example FROM dead_letters FINAL GROUP BY reason ORDER BY records DESC',
];
