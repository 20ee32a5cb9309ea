import { z } from 'zod';
import { planValues } from '../rules/plan.ts';

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90s`, `5m`, `2h`, `1d`, `0s`, several in a row (`1h30m`): milliseconds. */
export const duration = z
  .string()
  .regex(/^(\d+(ms|s|m|h|d))+$/, 'must be a duration like 90s, 5m, 2h or 1d')
  .transform((text) => {
    let ms = 0;
    for (const [, digits, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
      ms += Number(digits) * units[unit as keyof typeof units];
    }
    return ms;
  })
  .refine((ms) => planValues.durationMs.safeParse(ms).success, 'must be at most 400d');
