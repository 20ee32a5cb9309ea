import { afterAll, beforeAll, expect, test } from 'vitest';
import { pacingSnapshots } from '../../src/rows/tables.ts';
import { nowMs, openShop, rowOf, type Shop } from './shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

const path = '/organizations/acme/mark';
const accept = { accept: 'text/event-stream' };

function snapshot(org_id: string, offset: number) {
  const at = nowMs + offset;
  return rowOf(pacingSnapshots, {
    org_id,
    campaign_id: 'c',
    flight_id: 'f',
    status: 'behind',
    evaluated_at: at,
    as_of: at,
    version: BigInt(offset),
  });
}

/** Reads events one by one; null at the end. */
function eventsOf(response: Response): () => Promise<{ event: string; data: Record<string, unknown> } | null> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return async () => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const [event, data] = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        if (event !== ':') return { event: event.slice(7), data: JSON.parse(data.slice(6)) };
        continue;
      }
      const { value, done } = await reader.read();
      if (done) return null;
      text += value;
    }
  };
}

test('a stream begins with the present, goes on with each change of its organization, and ends with the session', async () => {
  const response = await shop.get(path, { token: 'viewer~acme', headers: accept });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  const next = eventsOf(response);
  expect(await next()).toMatchObject({ event: 'mark', data: { data: { flights: { rows: 0, version: null } } } });
  // Of others nothing is told, so the next event is that of acme.
  await shop.write(pacingSnapshots, [snapshot('globex', 1)]);
  await shop.write(pacingSnapshots, [snapshot('acme', 2)]);
  expect(await next()).toMatchObject({ event: 'mark', data: { data: { flights: { rows: 1, version: '0:2' } } } });
  shop.revoked.add('viewer~acme');
  expect(await next()).toMatchObject({ event: 'end', data: { code: 'UNAUTHENTICATED' } });
  expect(await next()).toBeNull();
});

test('who may not see it gets a problem and no stream; as JSON it is an answer like others', async () => {
  expect((await shop.get(path, { token: 'viewer~globex', headers: accept })).status).toBe(403);
  expect((await shop.get('/organizations/acme/flights', { headers: accept })).status).toBe(406);
  const plain = await shop.get(path, { token: 'viewer~globex' });
  expect(plain.status).toBe(403);
  expect((await shop.get(path)).headers.get('content-type')).toBe('application/json');
});

test('streams end when the process stops, and do not hold it up', async () => {
  const other = await openShop();
  const next = eventsOf(await other.get(path, { headers: accept }));
  expect(await next()).toMatchObject({ event: 'mark' });
  const began = performance.now();
  await other.server.close();
  expect(performance.now() - began).toBeLessThan(4_000);
  expect(await next()).toBeNull();
  await other.close().catch((error: Error) => expect(error.message).toMatch(/not running/i));
});
