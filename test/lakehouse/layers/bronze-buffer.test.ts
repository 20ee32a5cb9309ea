import { expect, test } from 'vitest';
import { BronzeBuffer } from '../../../src/lakehouse/layers/bronze/bronze-buffer.ts';
import { makeRun } from './bronze-rows.ts';

test('records that wait keep their bytes, though the source reads over its buffer', () => {
  const buffer = new BronzeBuffer();
  const run = makeRun(0, 0, 12);
  buffer.add(run);
  run.bytes.fill(0);
  const waiting = buffer.groups().flatMap(({ values, offsets }) => values.map((value, i) => [offsets[i], value]));
  expect(waiting.length).toBe(12);
  for (const [offset, value] of waiting) expect(Buffer.from(value as Uint8Array).toString()).toBe(`0/${offset}`);
});
