import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/control/config/load-config.ts';

const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');

test('the shipped files are good, and the printed one changes nothing', () => {
  const defaults = loadConfig([], { shippedConfigDirectory }).config;
  for (const name of ['paceline.yaml', 'embedded.yaml'])
    expect(loadConfig([join(shippedConfigDirectory, name)], { shippedConfigDirectory }).config, name).toEqual(defaults);
});
