import * as z from 'zod';
import { kafkaSection, registrySection } from './sections/brokers.ts';
import { s3Section } from './sections/lake.ts';
import {
  commitSection,
  httpSection,
  limitsSection,
  loggingSection,
  logSection,
  plansSection,
  shutdownSection,
} from './sections/process.ts';
import { alertmanagerSection, bronzeSection, clickhouseSection } from './sections/sinks.ts';
import { postgresSection, redisSection, snapshotsSection } from './sections/stores.ts';
import { type SettingMeta, setting, settingMeta } from './setting.ts';

/**
 * Every setting of the process, described once: type, default, bounds, meaning, reload class. Nothing
 * here can change an answer: what decides answers (rules, zones, sources) travels in the log as plans.
 */
export const configSchema = z.strictObject({
  data_directory: setting(z.string().min(1).default('data'), {
    doc: 'Where the engine keeps its log, state and tables. One engine per directory.',
    reload: 'restart',
    path: true,
  }),
  log: logSection,
  kafka: kafkaSection,
  registry: registrySection,
  redis: redisSection,
  snapshots: snapshotsSection,
  postgres: postgresSection,
  alertmanager: alertmanagerSection,
  http: httpSection,
  clickhouse: clickhouseSection,
  commit: commitSection,
  bronze: bronzeSection,
  s3: s3Section,
  logging: loggingSection,
  limits: limitsSection,
  plans: plansSection,
  shutdown: shutdownSection,
});

export type Config = z.infer<typeof configSchema>;
/** What a file or a caller may leave out. */
export type ConfigInput = z.input<typeof configSchema>;

export interface SettingDescription extends SettingMeta {
  /** Dotted, as in `http.port`. */
  readonly name: string;
  readonly keys: readonly string[];
  readonly type: string;
  readonly bounds: string;
  readonly defaultValue: unknown;
}

/** All settings as a flat list in the order of the schema: for the reference, masks and diffs. */
export const settings: readonly SettingDescription[] = describeObject(configSchema, []);

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

/** Keys that the schema knows at `path`; empty when there is no mapping. */
export function knownKeysAt(path: readonly PropertyKey[]): string[] {
  let schema: z.ZodType | undefined = configSchema;
  for (const part of path) {
    const shape = schemaShape(schema);
    schema = shape?.[String(part)];
    if (schema === undefined) return [];
  }
  return Object.keys(schemaShape(schema) ?? {});
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

/** The configuration as people may see it: secrets are `***`. */
export function maskSecrets(config: Config): Config {
  const masked = structuredClone(config);
  for (const { keys, secret } of settings) {
    if (!secret || valueAt(masked, keys) === null) continue;
    const parent = valueAt(masked, keys.slice(0, -1)) as Record<string, unknown>;
    parent[keys.at(-1)!] = '***';
  }
  return masked;
}
