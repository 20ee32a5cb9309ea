import { expect, test } from 'vitest';
import { EngineBench, eventually, impression } from './engine-bench.ts';

test('two engines restarted one after the other while records arrive process every record once', async () => {
  await using bench = await EngineBench.open(4);
  const organizations = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  let produced = 0;
  let isOver = false;
  const producing = (async () => {
    while (!isOver) {
      await bench.produce(organizations.map((org) => impression(org)));
      produced += organizations.length;
    }
  })();
  const engines = new Map([
    ['a', await bench.start({}, {}, 'a')],
    ['b', await bench.start({}, {}, 'b')],
  ]);
  const areReady = () =>
    eventually(async () => {
      const answers = [...engines.values()].map(async ({ addresses }) =>
        (await fetch(`${addresses.http}/readyz`)).text(),
      );
      expect(await Promise.all(answers)).toEqual(answers.map(() => 'ok\n'));
    });
  try {
    await areReady();
    for (const name of ['a', 'b']) {
      const before = produced;
      await engines.get(name)!.stop();
      // The other works on alone.
      await eventually(() => expect(produced).toBeGreaterThan(before));
      engines.set(name, await bench.start({}, {}, name));
      await areReady();
    }
  } finally {
    isOver = true;
    await producing;
  }
  await eventually(async () => expect(await bench.impressions()).toBe(produced));
  for (const engine of engines.values()) {
    await engine.stop();
    expect(engine.status()).toMatchObject({ failure: null, dead_letters: 0 });
  }
  expect(produced).toBeGreaterThan(10 * organizations.length);
  expect(await bench.impressions()).toBe(produced);
});
