import * as z from 'zod';
import { type SettingMeta, settingMeta } from '../../model/setting.ts';

export interface SettingDescription extends SettingMeta {
  /** Dotted, as in `http.port`. */
  readonly name: string;
  readonly keys: readonly string[];
  readonly type: string;
  readonly bounds: string;
  readonly defaultValue: unknown;
}

/**
 * A configuration that somebody composed of sections: all of its settings, each described once. Who
 * composes it knows the systems that the sections belong to; we do not.
 */
export class SettingsSchema<T extends z.ZodObject> {
  readonly schema: T;
  /** All settings as a flat list in the order of the schema: for the reference, masks and diffs. */
  readonly settings: readonly SettingDescription[];

  constructor(schema: T) {
    this.schema = schema;
    this.settings = describeObject(schema, []);
  }

  /** Keys that the schema knows at `path`; empty when there is no mapping. */
  knownKeysAt(path: readonly PropertyKey[]): string[] {
    let schema: z.ZodType | undefined = this.schema;
    for (const part of path) {
      schema = schemaShape(schema)?.[String(part)];
      if (schema === undefined) return [];
    }
    return Object.keys(schemaShape(schema) ?? {});
  }

  /** The configuration as people may see it: secrets are `***`. */
  maskSecrets(config: z.infer<T>): z.infer<T> {
    const masked = structuredClone(config);
    for (const { keys, secret } of this.settings) {
      if (!secret || valueAt(masked, keys) === null) continue;
      const parent = valueAt(masked, keys.slice(0, -1)) as Record<string, unknown>;
      parent[keys.at(-1)!] = '***';
    }
    return masked;
  }
}

function describeObject(schema: z.ZodType, path: readonly string[]): SettingDescription[] {
  const shape = (unwrap(schema) as z.ZodObject).shape as Record<string, z.ZodType>;
  return Object.entries(shape).flatMap(([name, field]) => {
    const parts = [...path, name];
    const meta = settingMeta.get(field);
    return meta === undefined ? describeObject(field, parts) : [describeSetting(field, meta, parts)];
  });
}

function describeSetting(field: z.ZodType, meta: SettingMeta, parts: readonly string[]): SettingDescription {
  const json = z.toJSONSchema(field, { io: 'input' }) as JsonField;
  return {
    ...meta,
    name: parts.join('.'),
    keys: parts,
    type: typeOf(json),
    bounds: boundsOf(json),
    defaultValue: field.parse(undefined),
  };
}

interface JsonField {
  type?: string;
  enum?: string[];
  anyOf?: JsonField[];
  minimum?: number;
  maximum?: number;
}

function typeOf(json: JsonField): string {
  if (json.anyOf) return json.anyOf.map(typeOf).join(' or ');
  return json.enum ? json.enum.join(' | ') : (json.type ?? 'any');
}

function boundsOf(json: JsonField): string {
  return json.minimum === undefined ? '' : `${json.minimum} to ${json.maximum}`;
}

function unwrap(schema: z.ZodType): z.ZodType {
  const definition = schema.def as { innerType?: z.ZodType };
  return definition.innerType ? unwrap(definition.innerType) : schema;
}

function schemaShape(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  const inner = unwrap(schema);
  return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>) : undefined;
}

export function valueAt(config: unknown, path: readonly string[]): unknown {
  let at: unknown = config;
  for (const part of path)
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined;
  return at;
}
