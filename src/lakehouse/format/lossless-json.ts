/**
 * JSON with 63-bit integers. Snapshot ids exceed 2^53, and a rounded id points at no snapshot: they are
 * always bigint here, other integers are bigint only when a number cannot hold them.
 */
const idKeys = new Set(['snapshot-id', 'parent-snapshot-id', 'current-snapshot-id']);

interface RawJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  stringify(value: unknown, replacer: (key: string, value: unknown) => unknown): string;
  rawJSON(text: string): unknown;
}
/** TypeScript's library does not know `rawJSON` and the reviver's third argument yet. */
const json = JSON as unknown as RawJson;

export function parseLossless(text: string): unknown {
  return json.parse(text, (key, value, context) => {
    if (typeof value !== 'number') return value;
    if (idKeys.has(key)) return BigInt(context.source ?? value);
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(context.source ?? value) : value;
  });
}

export function stringifyLossless(value: unknown): string {
  return json.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? json.rawJSON(String(inner)) : inner));
}
