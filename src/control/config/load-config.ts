import { hash } from 'node:crypto';
import { dirname, isAbsolute, resolve } from 'node:path';
import type * as z from 'zod';
import { fileTrouble } from '../../model/file-trouble.ts';
import { nearest } from '../../model/nearest.ts';
import { readTextFile } from '../../model/read-text.ts';
import { wishOf } from '../../model/wish.ts';
import { ConfigError, type Problem } from './problem.ts';
import { expandReferences, hasReference, type ReferenceWorld, resolvePlain, strayReference } from './references.ts';
import { type SettingsSchema, valueAt } from './settings-schema.ts';
import { type Place, readYaml, type YamlDocument } from './yaml-document.ts';

export interface LoadedConfig<C> {
  readonly config: C;
  /** Files read, in order: later ones win. */
  readonly files: readonly string[];
  /** SHA-256 over the raw bytes of the files; changes when any of them does. */
  readonly checksum: string;
  /** Where each setting that a file gives was written, by dotted name. */
  readonly origins: ReadonlyMap<string, Place>;
}

export interface LoadOptions {
  readonly world?: ReferenceWorld;
  /** Values of command-line flags; they win over files. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** What relative default paths of `plans.*` start from. */
  readonly shippedConfigDirectory: string;
}

type AnySchema = Pick<SettingsSchema<z.ZodObject>, 'settings' | 'knownKeysAt'>;

const processWorld: ReferenceWorld = {
  env: process.env,
  readFile: readTextFile,
};

/**
 * Reads the files in order (maps merge, lists replace, later wins), expands references, validates.
 * Throws a ConfigError with every problem at once, each with its place.
 */
export function loadConfig<T extends z.ZodObject>(
  schema: SettingsSchema<T>,
  files: readonly string[],
  options: LoadOptions,
): LoadedConfig<z.infer<T>> {
  const world = options.world ?? processWorld;
  const problems: Problem[] = [];
  const texts = files.map((file) => readText(file, world, problems));
  const isUnreadable = problems.length > 0;
  const documents = files.map((file, index) => readDocument(file, texts[index], { world, schema, problems }));
  for (const { file, value, problems: found } of documents)
    if (found.length === 0 && value !== null && !isMapping(value))
      throw new ConfigError([{ file, line: 1, column: 1, message: 'the file: must be a mapping of settings' }]);
  // A reference that leads nowhere hides no other mistake; a file that is no YAML has no others.
  if (isUnreadable || documents.some((document) => document.problems.length > 0)) throw new ConfigError(problems);
  let merged: unknown = {};
  for (const document of documents) merged = mergeLayers(schema, merged, document.value ?? {});
  merged = mergeLayers(schema, merged, options.overrides ?? {});
  const parsed = schema.schema.safeParse(merged);
  const issues = parsed.success ? [] : parsed.error.issues;
  const more = issues.flatMap((issue) => explainIssue(schema, issue, merged, documents));
  // The first of a place says enough: a value that is no address is no address with a port either.
  for (const each of more) if (!problems.some((told) => isSameTold(told, each))) problems.push(each);
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return {
    config: resolvePaths(schema, parsed.data, documents, options),
    files: files.map((file) => resolve(file)),
    checksum: hash('sha256', texts.join('\0')),
    origins: originsOf(schema, documents),
  };
}

function readText(file: string, world: ReferenceWorld, problems: Problem[]): string {
  try {
    return world.readFile(file);
  } catch (error) {
    problems.push({ file, line: 1, column: 1, message: fileTrouble(error, file) });
    return '';
  }
}

interface Reading {
  readonly world: ReferenceWorld;
  readonly schema: AnySchema;
  readonly problems: Problem[];
}

function readDocument(file: string, text: string, { world, schema, problems }: Reading): YamlDocument {
  const secrets = new Set(schema.settings.filter((setting) => setting.secret).map((setting) => setting.name));
  const document = readYaml(file, text, (scalar, place, path) => {
    if (typeof scalar.value !== 'string') return scalar.value;
    const stray = strayReference(scalar.value);
    if (stray !== null) problems.push({ ...place, message: stray });
    if (!hasReference(scalar.value)) {
      if (secrets.has(path.join('.')))
        problems.push({ ...place, message: `${path.join('.')} is a secret: write \${env:NAME} or \${file:path}` });
      return scalar.value;
    }
    try {
      const text = expandReferences(scalar.value, world);
      return scalar.isPlain && !secrets.has(path.join('.')) ? resolvePlain(text) : text;
    } catch (error) {
      problems.push({ ...place, message: (error as Error).message });
      return null;
    }
  });
  problems.push(...document.problems);
  return document;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Flags have no place, so that each of them is told. */
function isSameTold(a: Problem, b: Problem): boolean {
  const isSamePlace = a.file === b.file && a.line === b.line && a.column === b.column;
  return isSamePlace && (a.file !== commandLine || a.message === b.message);
}

function mergeLayers(schema: AnySchema, base: unknown, layer: unknown, path: readonly string[] = []): unknown {
  if (!isMapping(base) || !isMapping(layer)) return layer;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(layer)) {
    const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
    // An empty section ("http:" with nothing below) means "no wish here", not "null".
    if (value === null && schema.knownKeysAt([...path, key]).length > 0) continue;
    merged[key] = mergeLayers(schema, before ?? (isMapping(value) ? {} : before), value, [...path, key]);
  }
  return merged;
}

function explainIssue(
  schema: AnySchema,
  issue: z.core.$ZodIssue,
  merged: unknown,
  documents: readonly YamlDocument[],
): Problem[] {
  if (issue.code !== 'unrecognized_keys') {
    const path = issue.path.map(String);
    return [
      {
        ...placeOf(path.join('.'), documents, 'values'),
        message: `${path.join('.') || 'the file'}: ${wish(schema, issue, merged)}`,
      },
    ];
  }
  return issue.keys.map((key) => {
    const known = schema.knownKeysAt(issue.path);
    const near = nearest(key, known);
    const isNested = schema.settings.some(({ name }) => name === [...issue.path.map(String), key].join('.'));
    const hint = isNested
      ? `settings are nested: write ${key.split('.').join(': { ')}: …${' }'.repeat(key.split('.').length - 1)}`
      : near
        ? `did you mean "${near}"?`
        : `known here: ${known.join(', ')}`;
    const path = [...issue.path.map(String), key].join('.');
    return { ...placeOf(path, documents, 'keys'), message: `unknown setting "${path}"; ${hint}` };
  });
}

const commandLine = '(command line)';

/** Later layers win, so the last document that has the path wrote the value. */
function placeOf(path: string, documents: readonly YamlDocument[], part: 'keys' | 'values'): Place {
  for (const document of documents.toReversed()) {
    const place = document[part].get(path);
    if (place) return place;
  }
  return { file: commandLine, line: 1, column: 1 };
}

function wish({ settings }: AnySchema, issue: z.core.$ZodIssue, merged: unknown): string {
  const setting = settings.find(({ name }) => name === issue.path.join('.'));
  if (setting === undefined) return wishOfEntry(settings, issue, merged) ?? 'must be a mapping of settings';
  const value = valueAt(merged, setting.keys);
  const got = setting.secret ? '***' : spell(value);
  if (issue.code === 'too_small' && typeof value === 'string') return `must have at least ${issue.minimum} characters`;
  if (issue.code === 'invalid_format') return `${wishOf(issue)}, got ${got}`;
  if (issue.code === 'custom') return `${issue.message}, got ${got}`;
  if (issue.code === 'too_small' && setting.bounds === null) return `${wishOf(issue)}, got ${got}`;
  const near = nearWord(setting.type, value);
  const bounds = setting.bounds ? ` from ${setting.bounds}` : '';
  return `must be ${setting.type}${bounds}, got ${got}${near ? `; did you mean "${near}"?` : ''}`;
}

/** What a person may have meant where only some words are right. */
function nearWord(type: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^(boolean)( or null)?$/.test(type)) return truths.get(value.toLowerCase());
  return type.includes('|') ? nearest(value, type.split(' | ')) : undefined;
}

/** As YAML 1.1 and people write them; here they are texts. */
const truths: ReadonlyMap<string, string> = new Map([
  ...['yes', 'y', 'on', 'true'].map((word) => [word, 'true'] as const),
  ...['no', 'n', 'off', 'false'].map((word) => [word, 'false'] as const),
]);

function spell(value: unknown): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** Of an entry of a list; null where the path leads to none. */
function wishOfEntry(settings: AnySchema['settings'], issue: z.core.$ZodIssue, merged: unknown): string | null {
  const list = settings.find(({ name }) => name === issue.path.slice(0, -1).join('.'));
  if (list === undefined || typeof issue.path.at(-1) !== 'number') return null;
  const got = list.secret ? '***' : spell(valueAt(merged, issue.path.map(String)));
  return `${wishOf(issue)}, got ${got}`;
}

function originsOf({ settings }: AnySchema, documents: readonly YamlDocument[]): Map<string, Place> {
  const origins = new Map<string, Place>();
  for (const document of documents)
    for (const { name } of settings) {
      const place = document.values.get(name);
      if (place) origins.set(name, place);
    }
  return origins;
}

/** Written paths start at the directory of their file; defaults at ours, the data directory at the caller's. */
function resolvePaths<C>(schema: AnySchema, config: C, documents: readonly YamlDocument[], options: LoadOptions): C {
  const resolved = structuredClone(config);
  const origins = originsOf(schema, documents);
  for (const setting of schema.settings) {
    if (!setting.path) continue;
    const parent = valueAt(resolved, setting.keys.slice(0, -1)) as Record<string, string | null>;
    const key = setting.keys.at(-1)!;
    const path = parent[key];
    if (path === null || isAbsolute(path) || path.startsWith('s3://')) continue;
    const isOverridden = valueAt(options.overrides, setting.keys) !== undefined;
    const origin = isOverridden ? undefined : origins.get(setting.name);
    const shipped = setting.name.startsWith('plans.') && !isOverridden ? options.shippedConfigDirectory : '.';
    parent[key] = resolve(origin ? dirname(origin.file) : shipped, path);
  }
  return resolved;
}
