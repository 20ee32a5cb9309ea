import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { attachStack } from '../scripts/stack/stack.ts';
import { loadConfig } from '../src/adapters/settings.ts';
import { readPlanFiles } from '../src/plans/plan-files.ts';
import type { EngineInfo } from '../src/state/sqlite/data-directory.ts';
import { EngineProcess } from '../test/chaos/engine-process.ts';
import { paceline, secretFile, writeSettings } from '../test/servers/server-stage.ts';
import { LatencyProbes } from './latency-probes.ts';
import type { ProducerResult, ProducerTask } from './latency-producer.ts';
import { cpuSecondsOf, describeMachine } from './machine.ts';
import type { CallersResult, CallersTask } from './serving-callers.ts';
import { runTask } from './task.ts';

const help = `npm run bench:latency -- --rate 20000 --seconds 60

An engine on Kafka and Redis with the embedded ClickHouse, while events are produced at a rate. Each
250 ms a probe is produced beside them; its latency ends when a reader sees its row in ClickHouse.
Needs a running stack (npm run stack -- --detach). With --api-callers the same is measured twice, each time by an
engine of its own: in peace, and while so many callers ask its API for boards without a pause.

  --rate N          events a second (20000)
  --seconds N       how long (60)
  --api-callers N   callers of the API in the second measurement (0: there is none)
  --json            one line of JSON for each measurement
`;
const partitions = 8;
const idleSeconds = 10;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '60' },
    'api-callers': { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [rate, seconds, apiCallers] = [values.rate, values.seconds, values['api-callers']].map(Number);
if (values.help || !(rate > 0) || !(seconds > 0) || !(apiCallers >= 0)) {
  (values.help ? process.stdout : process.stderr).write(help);
  process.exit(values.help ? 0 : 64);
}

const stack = attachStack(['kafka', 'redis-state']);
const broker = stack.addresses.kafka.plaintext;
for (const callers of apiCallers > 0 ? [0, apiCallers] : [0]) await measure(callers);

async function measure(callers: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-latency-'));
  const name = `latency_${randomBytes(6).toString('hex')}`;
  const config = writeSettings(join(directory, 'latency.yaml'), {
    log: { topic: name, partitions },
    kafka: { brokers: [broker], group_id: name, alerts_topic: `${name}.alerts`, dead_letters_topic: `${name}.dead` },
    redis: { url: secretFile(directory, 'redis-url', stack.addresses.redisState.url), key_prefix: `${name}:` },
    http: { port: 0 },
    clickhouse: { port: 0 },
    logging: { level: 'warn' },
    serving: { access_log: false, limits: { actor_burst: 1_000_000, actor_per_second: 1_000_000 } },
  });
  const data = join(directory, 'data');
  await paceline('migrate', '--config', config, '--replication-factor', '1');
  const loadBefore = loadavg()[0];
  const engine = EngineProcess.run(data, { flags: [], logPath: join(directory, 'engine.log'), config });
  try {
    await engine.announced();
    await sleep(5_000);
    const idleFrom = cpuSecondsOf(engine.pid);
    await sleep(idleSeconds * 1_000);
    const idleShare = (cpuSecondsOf(engine.pid) - idleFrom) / idleSeconds;
    const busyFrom = { cpu: cpuSecondsOf(engine.pid), at: Date.now() };
    const probes = new LatencyProbes(data, { broker, topic: name, partitions });
    const probing = probes.run();
    const shippedConfigDirectory = join(import.meta.dirname, '..', 'config');
    const rules = readPlanFiles(loadConfig([], { shippedConfigDirectory }).config.plans).rules.map(({ rule }) => rule);
    const task: ProducerTask = { broker, topic: name, partitions, rate, seconds, rules };
    const asking = callers === 0 ? null : askForBoards(data, callers);
    const produced = await runTask<ProducerResult>('./latency-producer.ts', task);
    const cpuShare = (cpuSecondsOf(engine.pid) - busyFrom.cpu) / ((Date.now() - busyFrom.at) / 1_000);
    const latencies = await probes.end(probing);
    const at = (share: number) =>
      Math.round(latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))]);
    const result = {
      machine: describeMachine(),
      load_before: loadBefore,
      rate_wanted: rate,
      rate: Math.round((rate * seconds) / produced.seconds),
      records: produced.records,
      probes: latencies.length,
      p50_ms: at(0.5),
      p99_ms: at(0.99),
      max_ms: at(1),
      ...(asking === null ? {} : await asking),
      peak_rss_mb: peakRssMbOf(engine.pid),
      cpu_share: Number(cpuShare.toFixed(3)),
      idle_cpu_share: Number(idleShare.toFixed(4)),
    };
    if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else for (const [key, value] of Object.entries(result)) process.stdout.write(`${key.padEnd(16)} ${value}\n`);
  } finally {
    await engine.kill();
  }
  rmSync(directory, { recursive: true });
}

/** The board of the first organization, again and again until the events have come; its rows change all the while. */
async function askForBoards(data: string, callers: number): Promise<Record<string, number>> {
  const { addresses, tokens } = JSON.parse(readFileSync(join(data, 'engine.json'), 'utf8')) as EngineInfo;
  const headers = { authorization: `Bearer ${tokens.http}` };
  const task: CallersTask = {
    ...{ url: `${addresses.api}/api/v1/organizations/probe-a/campaigns?limit=50`, method: 'GET', headers, body: null },
    ...{ callers, seconds: Math.max(1, seconds - 2), warmUpSeconds: 2 },
  };
  const asked = await runTask<CallersResult>('./serving-callers.ts', task);
  return {
    ...{ api_callers: callers, api_calls_a_second: Math.round(asked.calls / asked.seconds), api_failed: asked.failed },
    ...{ api_p50_ms: Math.round(asked.p50Ms), api_p99_ms: Math.round(asked.p99Ms) },
  };
}

/** Most memory that the process ever had resident, MiB. */
function peakRssMbOf(pid: number): number {
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024);
}
