import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../../src/adapters/settings.ts';
import { type Engine, startEngine } from '../../../src/app.ts';
import { commands } from '../../../src/cli/commands.ts';
import { offerAdminLink } from '../../../src/cli/offer-admin-link.ts';
import { runCommandLine } from '../../../src/cli/run-command-line.ts';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { fakeTerminal } from '../../cli/terminal-double.ts';

// The embedded engine with its doors, entered as the person who started it does.
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', '..', 'config');
let data: string;
let engine: Engine;
let api: string;
const load = () =>
  loadConfig([], {
    shippedConfigDirectory,
    overrides: {
      data_directory: data,
      http: { port: 0 },
      clickhouse: { port: 0 },
      serving: { port: 0, access_log: false },
    },
  });

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'paceline-first-'));
  const log = makeLogger({ level: 'silent', clock: systemClock });
  engine = await startEngine(load(), { version: 'test', clock: systemClock, log });
  api = engine.addresses.api!;
});
afterAll(async () => {
  await engine.stop();
  rmSync(data, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(new URL(path, api), { headers, redirect: 'manual' });
const command = async (...args: string[]) => {
  const { terminal, texts } = fakeTerminal();
  await runCommandLine([...args, '--data', data, '--json'], commands, terminal);
  return JSON.parse(texts.out);
};

test('whoever sits at the terminal gets a link that becomes a session, once; a log gets the command', async () => {
  const logged = fakeTerminal();
  await offerAdminLink(load().config, api, logged.terminal);
  expect(logged.texts.notes).toContain('paceline users admin-link');
  expect(existsSync(join(data, 'admin-link.json'))).toBe(false);
  const shown = fakeTerminal({ isTTY: true });
  await offerAdminLink(load().config, api, shown.terminal);
  const link = /http:\S+/.exec(shown.texts.out)![0];
  expect(link.startsWith(api)).toBe(true);
  expect(statSync(join(data, 'admin-link.json')).mode & 0o777).toBe(0o600);
  expect((await get('/api/v1/engine')).status).toBe(401);
  const entered = await get(link);
  expect([entered.status, entered.headers.get('location')]).toEqual([303, '/']);
  const cookie = entered.headers.getSetCookie()[0].split(';')[0];
  expect(await (await get('/auth/session', { cookie })).json()).toMatchObject({ user: { is_operator: true } });
  expect((await get('/api/v1/engine', { cookie })).status).toBe(200);
  expect((await get('/api/v1/organizations/acme/flights', { cookie })).status).toBe(200);
  expect((await get(link)).status).toBe(401);
  const again = fakeTerminal({ isTTY: true });
  await offerAdminLink(load().config, api, again.terminal);
  expect(again.texts).toEqual({ out: '', notes: '' });
});

test('what a command changes holds in the running engine when the command ends', async () => {
  const { password } = await command('users', 'add', 'ann@acme.example', '--org', 'acme');
  const login = await fetch(new URL('/auth/login', api), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ann@acme.example', password }),
  });
  expect(login.status).toBe(200);
  const cookie = login.headers.getSetCookie()[0].split(';')[0];
  const flights = (org: string, headers: Record<string, string>) =>
    get(`/api/v1/organizations/${org}/flights`, headers);
  expect((await flights('acme', { cookie })).status).toBe(200);
  expect((await flights('bolt', { cookie })).status).toBe(403);
  const { key, id } = await command('api-keys', 'add', 'acme', 'report', '--scope', 'pacing.read');
  const authorization = `Bearer ${key}`;
  expect((await flights('acme', { authorization })).status).toBe(200);
  expect((await get('/api/v1/organizations/acme/alerts', { authorization })).status).toBe(403);
  await command('api-keys', 'revoke', 'acme', id);
  expect((await flights('acme', { authorization })).status).toBe(401);
  await command('sessions', 'revoke-all', 'ann@acme.example');
  expect((await flights('acme', { cookie })).status).toBe(401);
});

test('a stream that is open ends when its session is revoked, by a command of another process', async () => {
  const { password } = await command('users', 'add', 'bob@acme.example', '--org', 'acme');
  const login = await fetch(new URL('/auth/login', api), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'bob@acme.example', password }),
  });
  const cookie = login.headers.getSetCookie()[0].split(';')[0];
  const stream = await get('/api/v1/organizations/acme/mark', { cookie, accept: 'text/event-stream' });
  expect(stream.status).toBe(200);
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toContain('event: mark');
  await command('sessions', 'revoke-all', 'bob@acme.example');
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
  expect(rest).toContain('event: end\ndata: {"code":"UNAUTHENTICATED"');
  expect(rest).not.toContain('event: mark');
});
