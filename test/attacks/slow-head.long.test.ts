import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendRaw } from '../serving/send-raw.ts';
import { openShop, type Shop } from '../serving/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

test('who sends a head without an end is cut off', { timeout: 30_000 }, async () => {
  const began = Date.now();
  expect(await sendRaw(shop.server.port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ')).toMatch(/^HTTP\/1\.1 408 /);
  expect(Date.now() - began).toBeLessThan(14_000);
});
