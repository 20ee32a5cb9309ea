import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planSinks } from '../../../src/adapters/open-sinks.ts';
import { checkCatalogue } from '../../../src/adapters/servers/check-catalogue.ts';
import { type Config, loadConfig, settingsSchema } from '../../../src/adapters/settings.ts';
import { alertEvents } from '../../../src/rows/tables.ts';
import { WebhookSink } from '../../../src/sinks/webhook/webhook-sink.ts';
import { sampleChunk } from '../clickhouse/sample-rows.ts';

const posts: unknown[][] = [];
let status = 204;
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (bytes: Buffer) => {
    body += bytes.toString();
  });
  request.on('end', () => {
    if (status < 300 && request.method === 'POST') posts.push(JSON.parse(body) as unknown[]);
    response.writeHead(status).end();
  });
});
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

function configOf(overrides: Record<string, unknown>): Config {
  return loadConfig([], { shippedConfigDirectory: '/s', overrides }).config;
}

test('every transition arrives, once a delivery; a slow day is several calls', async () => {
  await new WebhookSink(url).deliver([sampleChunk(alertEvents, 0, 600), sampleChunk(alertEvents, 600, 700)]);
  expect(posts.map(({ length }) => length)).toEqual([500, 200]);
  expect(posts[0][0]).toHaveProperty('alert_id');
});

test('an answer says whether waiting helps', async () => {
  const sink = new WebhookSink(url);
  status = 500;
  await expect(sink.deliver([sampleChunk(alertEvents, 0, 1)])).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
  status = 400;
  await expect(sink.deliver([sampleChunk(alertEvents, 0, 1)])).rejects.toMatchObject({ code: 'SINK_REJECTED' });
});

test('the engine plans it, the reference has its setting, doctor its check', () => {
  const planOf = (config: Config) => planSinks(config).find(({ name }) => name === 'webhook');
  expect(planOf(configOf({}))).toMatchObject({ isConfigured: false });
  expect(planOf(configOf({ webhook: { url } }))).toMatchObject({ whyIdle: null });
  expect(planOf(configOf({ webhook: { url }, log: { mode: 'replayed' } }))?.whyIdle).toMatch('replay');
  expect(settingsSchema.settings.map(({ name }) => name)).toContain('webhook.url');
  expect(checkCatalogue).toHaveProperty(['webhook.reachable']);
});
