import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../../scripts/stack/certificate.ts';
import { checkServers } from '../../src/adapters/servers/check-servers.ts';
import type { Engine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { EngineError } from '../../src/model/errors.ts';
import { collectFacts } from '../model/collect-facts.ts';
import { type Recorder, startRecorder } from '../sinks/alertmanager/recorder.ts';
import { bearer } from './bearer.ts';
import { EngineBench, eventually, impression } from './engine-bench.ts';
import { startTlsFront, type TlsFront } from './tls-front.ts';

// An engine whose every server talks TLS: Kafka with a bearer token and PostgreSQL by themselves, the
// others behind a front. Each has its own authority, so that a setting that goes unread is seen.
type Section = 'kafka' | 'registry' | 'redis' | 'clickhouse' | 'postgres' | 'alertmanager';

let bench: EngineBench;
let recorder: Recorder;
let sections: Record<Section, Record<string, unknown>>;
/** An authority that vouches for none of them. */
let stranger = '';
const fronts: TlsFront[] = [];
const file = (name: string) => join(bench.directory, name);

async function front(name: string, url: string): Promise<{ port: number; ca_file: string }> {
  makeCertificate(file(`${name}.pem`), file(`${name}-ca.pem`));
  const started = await startTlsFront(Number(new URL(url).port), file(`${name}.pem`));
  fronts.push(started);
  return { port: started.port, ca_file: file(`${name}-ca.pem`) };
}

beforeAll(async () => {
  bench = await EngineBench.open();
  recorder = await startRecorder();
  const { kafka, registry, redisState, postgres } = bench.stack.addresses;
  const token = file('kafka-token');
  writeFileSync(token, `${bearer('paceline', 600)}\n`, { mode: 0o600 });
  stranger = file('stranger-ca.pem');
  makeCertificate(file('stranger.pem'), stranger);
  const secure = async (name: Section, at: string) => {
    const { port, ca_file } = await front(name, at);
    const url = new URL(at);
    url.port = String(port);
    url.protocol = name === 'redis' ? 'rediss:' : 'https:';
    return { url: url.href.replace(/\/$/, ''), ca_file };
  };
  const alertmanager = await secure('alertmanager', recorder.url);
  sections = {
    kafka: {
      brokers: [kafka.tls],
      tls: { enabled: true, ca_file: kafka.certificate },
      sasl: { mechanism: 'oauthbearer', token_file: token },
    },
    registry: await secure('registry', registry.url),
    redis: await secure('redis', redisState.url),
    clickhouse: await secure('clickhouse', String(bench.load().config.clickhouse.url)),
    postgres: { url: `${await bench.addDatabase()}?sslmode=verify-full`, ca_file: postgres.certificate },
    alertmanager: { urls: [alertmanager.url], ca_file: alertmanager.ca_file },
  };
});
afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
  for (const each of fronts) await each[Symbol.asyncDispose]();
  await recorder?.close();
});

const doctor = async (changes: typeof sections) => {
  const log = makeLogger({ level: 'silent', clock: systemClock });
  return await checkServers(bench.load(changes).config, { clock: systemClock, log });
};

test('an engine whose every server talks TLS applies records and edits, and its doctor is content', async () => {
  using appended = collectFacts('plan.appended');
  const client = new pg.Client({ connectionString: String(bench.load().config.postgres.url) });
  await client.connect();
  await client.query("INSERT INTO paceline.organizations (id) VALUES ('acme')");
  await client.end();
  const engine = await bench.start(sections);
  await bench.produce([impression('acme', 7)]);
  await eventually(() => expect(appended.facts.map(({ orgId }) => orgId)).toContain('acme'));
  await eventually(async () => {
    await engine.drain();
    expect(await bench.impressions()).toBe(7);
  });
  expect(await (await fetch(`${engine.addresses.http}/readyz`)).text()).toBe('ok\n');
  const results = await doctor(sections);
  expect(results.filter(({ status }) => status === 'failed')).toEqual([]);
  for (const part of Object.keys(sections)) expect(results.map(({ id }) => id)).toContain(`${part}.reachable`);
  await engine.stop();
  expect(engine.status()).toMatchObject({ state: 'stopped', failure: null });
});

const distrusted = (part: Section) => ({
  ...sections,
  [part]:
    part === 'kafka'
      ? { ...sections.kafka, tls: { enabled: true, ca_file: stranger } }
      : { ...sections[part], ca_file: stranger },
});

test.each([
  ['kafka', 'SOURCE_REFUSED', /certificate.*kafka\.tls/],
  ['registry', 'REGISTRY_REFUSED', /certificate.*registry\.ca_file/],
  ['redis', 'STATE_REFUSED', /certificate.*redis\.ca_file/],
  ['clickhouse', 'SINK_REJECTED', /certificate.*clickhouse\.ca_file/],
] as const)('%s with an authority that does not vouch for it: the start is refused', async (part, code, says) => {
  const error = await bench.start(distrusted(part)).then(
    (started: Engine) => started.status(),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
});

test('PostgreSQL and Alertmanager that are not trusted keep nobody from starting, and say what to mend', async () => {
  using failed = collectFacts('control.failed');
  const changes = { ...distrusted('postgres'), alertmanager: distrusted('alertmanager').alertmanager };
  const engine = await bench.start(changes);
  await eventually(() => expect(failed.facts.length).toBeGreaterThan(0));
  expect(failed.facts[0].error).toMatchObject({
    code: 'CONTROL_REFUSED',
    message: expect.stringMatching(/certificate.*postgres\.ca_file/),
  });
  await engine.stop();
  const failures = (await doctor(changes)).filter(({ status }) => status === 'failed');
  expect(Object.fromEntries(failures.map(({ id, detail }) => [id, detail]))).toEqual({
    'postgres.reachable': expect.stringMatching(/certificate.*postgres\.ca_file/),
    'alertmanager.reachable': expect.stringMatching(/certificate.*alertmanager\.ca_file/),
  });
});

test('a token that has ended is refused at the start, with the file to look at', async () => {
  const token = file('old-token');
  writeFileSync(token, bearer('paceline', -600), { mode: 0o600 });
  const kafka = (path: string) => ({ ...sections.kafka, sasl: { mechanism: 'oauthbearer', token_file: path } });
  await expect(bench.start({ ...sections, kafka: kafka(token) })).rejects.toMatchObject({
    code: 'SOURCE_REFUSED',
    message: expect.stringContaining('kafka.sasl.token_file'),
  });
  await expect(bench.start({ ...sections, kafka: kafka(file('no-token')) })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('no-token'),
  });
});
