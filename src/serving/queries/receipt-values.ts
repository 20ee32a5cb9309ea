import * as z from 'zod';

/** The values of a judgement, by the names that conditions use; unknown ones are null. */
export const valuesSchema = z
  .record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()]))
  .describe('The values that the rule names; unknown ones are null.');

/** The column `values` of a row. What is no JSON object is our own bug: rows are written by the engine alone. */
export function valuesOf(text: unknown): z.output<typeof valuesSchema> {
  return valuesSchema.parse(JSON.parse(String(text === '' ? '{}' : text)));
}
