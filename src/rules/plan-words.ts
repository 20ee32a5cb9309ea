import { z } from 'zod';
import { idPattern } from '../model/ids.ts';
import { findZone } from '../model/zones.ts';

/** Words that several parts of a plan have in common; each says its own wish. */

export const planId = z.string().regex(idPattern, 'must be 1 to 64 of A-Z a-z 0-9 _ . : -');
export const zoneName = z
  .string()
  .refine((name) => findZone(name) !== null, 'must be an IANA time zone, such as Europe/Berlin');
export const currencyCode = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO-4217 code, such as EUR');
