import { afterEach, expect, test } from 'vitest';
import { type HttpServer, startHttpServer } from '../../src/control/http/http-server.ts';
import { findPortHolder } from '../../src/control/http/port-holder.ts';
import { EngineError } from '../../src/model/errors.ts';

let server: HttpServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const surface = {
  metrics: async () => 'paceline_x 1\n',
  whyNotLive: () => null,
  whyNotReady: () => 'lane ads.events.v1:3 is being restored',
  status: () => ({ offset: 9_007_199_254_740_993n }),
  reload: () => ({ result: 'unchanged' }),
  apply: async (body: string) => JSON.parse(body) as unknown,
  append: async (body: string) => ({ appended: body.length }),
  token: () => 'token-of-16-chars',
};

test('serves metrics, health and status', async () => {
  server = await startHttpServer({ host: '127.0.0.1', port: 0 }, surface);
  const get = async (path: string, init = {}) => {
    const response = await fetch(`${server!.url}${path}`, init);
    return [response.status, await response.text()];
  };
  expect(await get('/metrics')).toEqual([200, 'paceline_x 1\n']);
  expect(await get('/livez')).toEqual([200, 'ok\n']);
  expect(await get('/readyz')).toEqual([503, 'lane ads.events.v1:3 is being restored\n']);
  expect(await get('/-/status')).toEqual([200, '{"offset":"9007199254740993"}\n']);
  expect((await get('/nothing'))[0]).toBe(404);
  expect((await get('/metrics', { method: 'DELETE' }))[0]).toBe(405);
});

test.each(['apply', 'append'])('%s needs the token, and takes a body', async (route) => {
  server = await startHttpServer({ host: '127.0.0.1', port: 0 }, surface);
  const post = (token: string) =>
    fetch(`${server!.url}/-/${route}`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: '[1]' });
  expect((await post('token-of-16-charz')).status).toBe(401);
  expect((await post('token-of-16-chars')).status).toBe(200);
});

test('reload needs the token', async () => {
  server = await startHttpServer({ host: '127.0.0.1', port: 0 }, surface);
  const post = (headers: Record<string, string>) => fetch(`${server!.url}/-/reload`, { method: 'POST', headers });
  expect((await post({})).status).toBe(401);
  expect((await post({ authorization: 'Bearer token-of-16-charz' })).status).toBe(401);
  const accepted = await post({ authorization: 'Bearer token-of-16-chars' });
  expect([accepted.status, await accepted.json()]).toEqual([200, { result: 'unchanged' }]);
});

test('a port that is taken names its holder and the fix', async () => {
  server = await startHttpServer({ host: '127.0.0.1', port: 0 }, surface);
  const second = startHttpServer({ host: '127.0.0.1', port: server.port }, surface);
  const error: unknown = await second.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(EngineError);
  expect(error).toMatchObject({ code: 'PORT_TAKEN' });
  expect((error as Error).message).toContain('set http.port');
  if (process.platform !== 'linux') return;
  expect(findPortHolder(server.port)?.pid).toBe(process.pid);
  expect((error as Error).message).toContain(`pid ${process.pid} (`);
});
