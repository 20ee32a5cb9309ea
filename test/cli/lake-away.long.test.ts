// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this in YAML.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';

// A catalog, or a store, that gives one answer to every question: 500, 503, or that our login is not taken.
const main = join(import.meta.dirname, '../../src/main.ts');
const dir = mkdtempSync(join(tmpdir(), 'paceline-lake-away-'));
let server: Server;
let status = 500;
let url = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'text/html' }).end(status === 200 ? '{}' : '<h1>No</h1>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(dir, { recursive: true, force: true });
});

const places = {
  'a REST catalog': () => ({ bronze: { catalog: 'rest' }, iceberg_rest: { url } }),
  'an S3 store': () => ({
    bronze: { warehouse: 's3://lake/paceline' },
    s3: { endpoint: url, path_style: true, access_key_id: 'paceline', secret_access_key: '${env:SECRET}' },
  }),
};

function start(
  place: keyof typeof places,
  ...args: string[]
): { child: ChildProcess; said: Promise<string>; ended: Promise<unknown[]> } {
  const config = join(dir, `${Math.random()}.yaml`);
  const free = { http: { port: 0 }, clickhouse: { port: 0 }, serving: { enabled: false } };
  const data_directory = mkdtempSync(join(dir, 'data-'));
  writeFileSync(config, JSON.stringify({ ...free, data_directory, ...places[place]() }));
  const call = ['--disable-warning=ExperimentalWarning', main, ...args, '--config', config];
  const child = spawn(process.execPath, call, {
    env: { ...process.env, SECRET: 'secret' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return { child, said: text(child.stderr!), ended: once(child, 'exit') };
}

/** Exit code and the words for people, without lines of the log. */
async function outcome({ said, ended }: ReturnType<typeof start>): Promise<string> {
  const [code] = await ended;
  const words = (await said).split('\n').filter((line) => !line.startsWith('{'));
  return `${code} ${words.join(' ')}`;
}

const kinds = [
  ['a REST catalog', 500, 75, 'SINK_UNAVAILABLE', /answers 500/],
  ['an S3 store', 503, 75, 'SINK_UNAVAILABLE', /HTTP 503/],
  ['a REST catalog', 403, 77, 'LAKE_REFUSED', /answers 403.*iceberg_rest/],
  ['an S3 store', 403, 77, 'LAKE_REFUSED', /HTTP 403.*s3\.\*/],
] as const;

test.each(kinds)(
  '%s that answers only %i: "run --until-end" ends with %i, as %s',
  { timeout: 120_000 },
  async (place, answers, code, name, words) => {
    status = answers;
    const told = await outcome(start(place, 'run', '--until-end', '--patience', '3s'));
    expect(told).toMatch(new RegExp(`^${code} error ${name}: `));
    expect(told).toMatch(words);
    expect(told).toContain('next: ');
  },
);

test.each([
  [500, 75, 'SINK_UNAVAILABLE'],
  [401, 77, 'LAKE_REFUSED'],
] as const)(
  'jobs say so at once where a catalog answers only %i: %i %s',
  { timeout: 240_000 },
  async (answers, code, name) => {
    status = answers;
    for (const job of ['lake tables', 'lake silver', 'lake maintain', 'lake drill'])
      expect(await outcome(start('a REST catalog', ...job.split(' '))), job).toMatch(
        new RegExp(`^${code} error ${name}: `),
      );
  },
);

test('an engine waits for a catalog that answers only 500, and says so at once: readiness, metric and log', {
  timeout: 120_000,
}, async () => {
  status = 500;
  const { child, said, ended } = start('a REST catalog', 'run');
  const line = await new Promise<string>((resolve) => {
    let lines = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      lines += chunk;
      if (/engine\.waiting.*bronze/.test(lines)) resolve(lines);
    });
  });
  expect(line).toMatch(/answers 500/);
  child.kill('SIGTERM');
  expect([(await ended)[0], await said]).toEqual([0, expect.stringContaining('engine.waiting')]);
});
