import * as z from 'zod';
import { dayText } from '../../model/day-text.ts';
import { EngineError } from '../../model/errors.ts';
import { idPattern } from '../../model/ids.ts';
import { dayMs } from '../../model/time.ts';

/** What inputs are made of: each bounded, each described once. */
export const id = z.string().regex(idPattern, 'must be 1 to 64 of A-Z a-z 0-9 _ . : -');

const cursorLengthMax = 1_024;

export const paging = {
  limit: z.int().min(1).max(500).default(50).describe('Entries of one answer at most.'),
  cursor: z
    .string()
    .min(1)
    .max(cursorLengthMax)
    .optional()
    .describe('`next_cursor` of the answer before, with the same other parameters.'),
};

export const moment = z.iso.datetime({ offset: true, local: false }).describe('An instant, RFC 3339.');
const date = z.iso.date();

/** A period of instants: from inclusive, to exclusive. */
export const period = {
  from: moment.optional().describe('First instant of the period; the default is as long before `to` as is allowed.'),
  to: moment.optional().describe('End of the period, exclusive; the default is now.'),
};

/** A period of local days, both inclusive. */
export const days = {
  from: date.optional().describe('First local day; the default is 29 days before `to`.'),
  to: date
    .optional()
    .describe('Last local day, inclusive; the default is tomorrow in UTC, where some zones are already.'),
};

/** The period that was asked for, ms; throws REQUEST_INVALID where it is empty or too long. */
export function periodOf(
  input: { readonly from?: string | undefined; readonly to?: string | undefined },
  now: number,
  longestMs: number,
): { from: number; to: number } {
  const to = input.to === undefined ? now + 1 : Date.parse(input.to);
  const from = input.from === undefined ? to - longestMs : Date.parse(input.from);
  if (from >= to) throw new EngineError('REQUEST_INVALID', 'from: must be before "to"');
  if (to - from > longestMs)
    throw new EngineError('REQUEST_INVALID', `from: the period is longer than ${longestMs / dayMs} days`);
  return { from, to };
}

export function daysOf(
  input: { readonly from?: string | undefined; readonly to?: string | undefined },
  now: number,
  longest: number,
): { from: string; to: string } {
  const to = input.to === undefined ? Math.floor(now / dayMs) + 1 : dayNumber(input.to);
  const from = input.from === undefined ? to - Math.min(longest, 30) + 1 : dayNumber(input.from);
  if (from > to) throw new EngineError('REQUEST_INVALID', 'from: must not be after "to"');
  if (to - from + 1 > longest)
    throw new EngineError('REQUEST_INVALID', `from: the period is longer than ${longest} days`);
  return { from: dayText(from), to: dayText(to) };
}

function dayNumber(text: string): number {
  return Math.floor(Date.parse(`${text}T00:00:00Z`) / dayMs);
}
