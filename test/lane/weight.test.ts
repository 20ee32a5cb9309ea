import { expect, test } from 'vitest';
import { Campaign } from '../../src/lane/campaign.ts';
import { CampaignWeight, lightMax, weightMax } from '../../src/lane/campaign-weight.ts';
import { LaneBooks } from '../../src/lane/lane-books.ts';
import { weightSection } from '../../src/lane/sections/weight.ts';
import { ByteReader, ByteWriter } from '../../src/model/byte-codec.ts';

const exact = (value: number) => ({ field: 'amount_micros', of: 'exact' as const, value });
const count = (value: number) => ({ field: 'requests', of: 'count' as const, value });

test('what is light weighs nothing, upwards and downwards', () => {
  const weight = new CampaignWeight();
  const light = [exact(lightMax.exact), exact(-lightMax.exact), count(lightMax.count), count(-lightMax.count)];
  expect(weight.put(light)).toBeNull();
  expect([weight.up, weight.down]).toEqual([
    { count: 0, exact: 0 },
    { count: 0, exact: 0 },
  ]);
});

test('counts and exact amounts, upwards and downwards, each have a bound of their own, which is still allowed', () => {
  const weight = new CampaignWeight();
  const full = [count(weightMax.count), exact(weightMax.exact), count(-weightMax.count), exact(-weightMax.exact)];
  for (const amount of full) expect(weight.put([amount])).toBeNull();
  for (const amount of [count(2_048), exact(2 ** 40), count(-2_048), exact(-(2 ** 40))]) {
    expect(weight.put([amount])).toBe(amount);
  }
});

test('a record whose second amount goes beyond puts on nothing at all', () => {
  const weight = new CampaignWeight();
  const beyond = count(weightMax.count + 1_024);
  expect(weight.put([exact(2 ** 40), beyond])).toBe(beyond);
  expect(weight.up.exact).toBe(0);
});

test('a restore knows the weight, and a delta says only what changed', () => {
  const campaign = () => new Campaign(0, 0, 'acme', 'spring', 0, new LaneBooks());
  const heavy = campaign();
  const out = new ByteWriter();
  weightSection.write(out, heavy, true);
  expect(out.length).toBe(0);
  heavy.weight = new CampaignWeight();
  heavy.weight.put([exact(2 ** 60), count(-5_000)]);
  weightSection.write(out, heavy, false);
  const restored = campaign();
  weightSection.read(new ByteReader(out.take()), 2, restored);
  expect(restored.weight).toMatchObject({ up: { count: 0, exact: 2n ** 60n }, down: { count: 5_000, exact: 0 } });
  weightSection.settle?.(heavy);
  weightSection.write(out, heavy, false);
  expect(out.length).toBe(0);
  weightSection.forget?.(heavy);
  expect(heavy.weight).toBeNull();
});

test('what counts no more is taken back, to the last digit', () => {
  const weight = new CampaignWeight();
  for (let told = 0; told < 1_000; told++) {
    const [old, next] = [2 ** 61 + told * 1_024, 2 ** 61 + (told + 1) * 1_024];
    expect(weight.put([exact(next), exact(-(2 ** 40))], told === 0 ? [] : [exact(old), exact(-(2 ** 40))])).toBeNull();
  }
  expect(BigInt(weight.up.exact)).toBe(2n ** 61n + 1_024_000n);
  expect(BigInt(weight.down.exact)).toBe(2n ** 40n);
  expect(weight.put([exact(2 ** 62)])).toMatchObject({ value: 2 ** 62 });
});

test('a weight of an older release is read', () => {
  const out = new ByteWriter();
  for (const value of [5_000, 2 ** 60, 0, 1_234.5]) out.double(value);
  const campaign = new Campaign(0, 0, 'acme', 'spring', 0, new LaneBooks());
  weightSection.read(new ByteReader(out.take()), 1, campaign);
  expect(campaign.weight?.up.count).toBe(5_000);
  expect(BigInt(campaign.weight?.up.exact ?? 0)).toBe(2n ** 60n);
  expect(campaign.weight?.down).toEqual({ count: 0, exact: 1_235 });
});
