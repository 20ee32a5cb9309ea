import { test } from 'vitest';
import { isSoak } from '../soak.ts';
import { expectAllHold } from './expect-all-hold.ts';

const universes = isSoak ? 5_000 : 150;

test(`${universes} universes: nothing lost, wrong or extra`, { timeout: isSoak ? 3_600_000 : 180_000 }, () =>
  expectAllHold(universes, 41),
);
