import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConsoleDoor } from '../../src/serving/console/console-door.ts';
import { moduleText, readConsoleFiles } from '../../src/serving/console/console-files.ts';
import { type ServingServer, startServingServer } from '../../src/serving/http/serving-server.ts';

// The door of the console: what it hands out, and that nothing else can be had of it.
const pagesDir = join(import.meta.dirname, '../../src/serving/console/pages');
const files = readConsoleFiles();
const operations: string[] = [];
let server: ServingServer;

beforeAll(async () => {
  server = await startServingServer({
    ...{
      host: '127.0.0.1',
      port: 0,
      hosts: [],
      tls: null,
      connectionsMax: 64,
      now: () => 0,
      newRequestId: () => 'request-1',
    },
    doors: [new ConsoleDoor(files)],
    onCall: ({ operation }) => void operations.push(operation),
    onTrouble: (error) => {
      throw error;
    },
  });
});
afterAll(() => server.close());

function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${server.url}${path}`, { redirect: 'manual', ...init });
}

test.each(['/console', '/console/', '/console/acme/board', '/console/acme/flights/c/f?at=2026-03-01T00:00:00Z'])(
  'every view is the one page, and its policy lets it run our files alone: %s',
  async (path) => {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const text = await response.text();
    const [map] = /(?<=<script type="importmap">).*?(?=<\/script>)/.exec(text)!;
    const policy = response.headers.get('content-security-policy')!;
    expect(policy).toContain(`'sha256-${createHash('sha256').update(map).digest('base64')}'`);
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    for (const [, address] of text.matchAll(/(?:src|href)="([^"]+)"/g))
      if (!address.startsWith('/api/')) expect(files.byPath.has(address), address).toBe(true);
    for (const address of Object.values((JSON.parse(map) as { imports: object }).imports))
      expect(files.byPath.has(address as string), String(address)).toBe(true);
  },
);

test('the front page leads to the console, and only reading is offered', async () => {
  const front = await get('/');
  expect([front.status, front.headers.get('location')]).toEqual([302, '/console']);
  const post = await get('/console', { method: 'POST' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect((await get('/console', { method: 'HEAD' })).headers.get('content-length')).not.toBe('0');
});

test('files are kept for ever under the hash of what they say, packed for who takes that', async () => {
  for (const [path, file] of files.byPath) {
    const plain = await get(path, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.status).toBe(200);
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(plain.headers.get('x-content-type-options')).toBe('nosniff');
    expect(Buffer.from(await plain.arrayBuffer()).equals(file.bytes)).toBe(true);
    expect(gunzipSync(file.gzipped).equals(file.bytes)).toBe(true);
    const packed = await get(path);
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(Buffer.from(await packed.arrayBuffer()).equals(file.bytes)).toBe(true);
  }
  const refused = await get([...files.byPath.keys()][0], { headers: { 'accept-encoding': 'br, gzip;q=0' } });
  expect(refused.headers.get('content-encoding')).toBeNull();
});

test('a path of a request opens nothing', async () => {
  const [known] = files.byPath.keys();
  const folder = known.slice(0, known.lastIndexOf('/'));
  for (const path of [
    '/console-assets',
    '/console-assets/',
    `${folder}/`,
    `${folder}/console-door.ts`,
    `${folder}/%2e%2e/%2e%2e/package.json`,
    `${folder}/..%2f..%2fpackage.json`,
    '/console-assets/0000000000000000/app.ts',
    `${folder}/library/constructor`,
    '/console-assets/__proto__',
  ])
    expect((await get(path)).status, path).toBe(404);
  expect(operations).toContain('consoleFile');
});

/** Modules of ours that one leads to without being asked again: what a browser fetches for it. */
function closureOf(name: string): Set<string> {
  const reached = new Set<string>();
  const queue = [name];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    const text = moduleText(new URL(join(pagesDir, next), 'file:///'));
    queue.push(...[...text.matchAll(/\bfrom '\.\/([\w-]+\.ts)'/g)].map(([, file]) => file));
  }
  return reached;
}

const ourModules = readdirSync(pagesDir).filter((name) => name.endsWith('.ts'));
const served = [...files.byPath.keys()].map((path) => path.split('/').slice(3).join('/'));
const loadedLater = [...readFileSync(join(pagesDir, 'app.ts'), 'utf8').matchAll(/import\('\.\/([\w-]+\.ts)'\)/g)];

test('every module of ours is served, and every module that one of them names', () => {
  expect(served.filter((name) => name.endsWith('.ts')).sort()).toEqual(ourModules.sort());
  for (const name of ourModules)
    for (const needed of closureOf(name)) expect(served, `${name} needs ${needed}`).toContain(needed);
  expect(loadedLater.length).toBeGreaterThan(0);
});

const ownBytesMax = 30 * 1024;
/** With what a view fetches once it stands, such as a chart. */
const wholeBytesMax = 36 * 1024;
const packedBytesMax = 16 * 1024;

/** Code alone: neither comments, nor the white space that types leave behind. */
function codeOf(name: string): string {
  const text = moduleText(new URL(join(pagesDir, name), 'file:///'));
  const lines = text.replaceAll(/^\s*\/\*\*[\s\S]*?\*\//gm, '').split('\n');
  return lines
    .map((line) => line.trim().replaceAll(/ {2,}/g, ' '))
    .filter((line) => line !== '' && !line.startsWith('//'))
    .join('\n');
}

test.each(loadedLater.map(([, file]) => file))('our own code of a view is small: %s', (view) => {
  const modules = [...new Set([...closureOf('app.ts'), ...closureOf(view)])];
  const sum = (bytes: readonly number[]): number => bytes.reduce((total, each) => total + each, 0);
  const packedOf = (name: string) => [...files.byPath].find(([path]) => path.endsWith(`/${name}`))![1].gzipped.length;
  const code = sum(modules.map((name) => Buffer.byteLength(codeOf(name))));
  const packed = sum(modules.map(packedOf));
  console.log(`${view}: ${code} bytes of code, ${packed} on the wire, in ${modules.length} modules`);
  expect(code, modules.join(', ')).toBeLessThan(ownBytesMax);
  const later = [...codeOf(view).matchAll(/import\('\.\/([\w-]+\.ts)'\)/g)].flatMap(([, part]) => [...closureOf(part)]);
  const whole = sum([...new Set([...modules, ...later])].map((name) => Buffer.byteLength(codeOf(name))));
  expect(whole, `with ${later.join(', ')}`).toBeLessThan(wholeBytesMax);
  expect(packed, modules.join(', ')).toBeLessThan(packedBytesMax);
});
