import { afterAll, beforeAll, expect, test } from 'vitest';
import { askAll } from '../../bench/dashboards/ask.ts';
import { fillTables, sizesOf } from '../../bench/dashboards/fill.ts';
import { operationNames, operationOf } from '../../src/serving/operations.ts';
import { openShop, type Shop } from './shop.ts';

// The measurement of dashboards at a size that takes seconds: every question finds something, and none is forgotten.
const share = 0.00002;
let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
}, 60_000);
afterAll(() => shop.close());

test('each question of the API and the console is asked of tables that are filled, and answered', async () => {
  const rows = await fillTables(shop.change, share, () => undefined);
  const { flights } = sizesOf(share);
  expect(rows).toBeGreaterThan(flights * 301 * 24 * 11);
  const results = await askAll(shop, 1);
  const reading = operationNames.filter((name) => {
    const { scope, isWrite, isOfTables } = operationOf(name);
    return scope === 'organization' && !isWrite && isOfTables;
  });
  expect(results.map(({ name }) => name)).toEqual(expect.arrayContaining(reading));
  expect(results.filter(({ isOverAll }) => isOverAll)).toHaveLength(4);
  for (const { name, p95Ms } of results) expect(p95Ms, name).toBeGreaterThan(0);
  expect(shop.troubles).toEqual([]);
}, 240_000);
