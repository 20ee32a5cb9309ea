import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Problem } from '../control/config/problem.ts';
import type { Place } from '../control/config/yaml-document.ts';
import { EngineError } from '../model/errors.ts';
import { fileTrouble } from '../model/file-trouble.ts';
import { readTextFile } from '../model/read-text.ts';
import { readSigner } from '../plans/plan-signer.ts';
import { describeDatabase } from '../plans/postgres/database.ts';
import { describeEndpoint } from '../state/redis/redis-client.ts';
import { logPlaceOf } from './log/log-place.ts';
import { readPem } from './servers/pem.ts';
import { openDocuments } from './serving/open-graphql-door.ts';
import { isServing } from './serving/serving-place.ts';
import type { Config } from './settings.ts';

/** A file that a setting names, and how an engine reads it. */
interface NamedFile {
  /** The setting, dotted. */
  readonly name: string;
  readonly path: string | null;
  /** An engine of this configuration reads it. */
  readonly isUsed: boolean;
  read(path: string): unknown;
}

interface FileProblems {
  /** What `run` would refuse. */
  readonly problems: Problem[];
  /** Of files that nothing reads as the settings are now. */
  readonly notes: Problem[];
}

/** Files that settings name and that are not there, not readable, or not what they should be; and addresses that are none. */
export function fileProblems(config: Config, origins: ReadonlyMap<string, Place>): FileProblems {
  const found: FileProblems = { problems: [], notes: [] };
  const add = (name: string, isUsed: boolean, error: unknown): void => {
    if (!(error instanceof EngineError)) throw error;
    const place = origins.get(name) ?? { file: '(command line)', line: 1, column: 1 };
    const plain = error.message.startsWith(name) ? error.message : `${name}: ${error.message}`;
    const message = isUsed ? plain : `${plain}; nothing reads it as the settings are now`;
    (isUsed ? found.problems : found.notes).push({ ...place, message });
  };
  for (const { name, path, isUsed, read } of [...authorities(config), ...keys(config)]) {
    if (path === null) continue;
    try {
      read(path);
    } catch (error) {
      add(name, isUsed, error);
    }
  }
  for (const { name, look } of addresses(config)) {
    try {
      look();
    } catch (error) {
      add(name, true, error);
    }
  }
  if (found.problems.length > 0) return found;
  for (const { name, cert, key, isUsed } of pairs(config)) {
    try {
      if (isUsed && cert !== null && key !== null) requireFit(name, cert, key);
    } catch (error) {
      add(name, isUsed, error);
    }
  }
  return found;
}

function isInKafka(config: Config): boolean {
  return logPlaceOf(config).servers !== null;
}

function authorities(config: Config): NamedFile[] {
  const { redis, registry, postgres, alertmanager, clickhouse, tracing, bronze, kafka, serving } = config;
  const isRest = bronze.enabled && bronze.catalog === 'rest';
  const isKafka = isInKafka(config);
  const all: readonly (readonly [name: string, path: string | null, isUsed: boolean])[] = [
    ['kafka.tls.ca_file', kafka.tls.ca_file, isKafka && kafka.tls.enabled],
    ['registry.ca_file', registry.ca_file, registry.url !== null],
    ['redis.ca_file', redis.ca_file, redis.url !== null || redis.cache_url !== null],
    ['postgres.ca_file', postgres.ca_file, postgres.url !== null],
    ['alertmanager.ca_file', alertmanager.ca_file, alertmanager.urls.length > 0],
    ['clickhouse.ca_file', clickhouse.ca_file, clickhouse.url !== null],
    ['tracing.ca_file', tracing.ca_file, tracing.endpoint !== null],
    ['iceberg_rest.ca_file', config.iceberg_rest.ca_file, isRest],
    ['serving.access.oidc_ca_file', serving.access.oidc_ca_file, isServing(config)],
  ];
  return all.map(([name, path, isUsed]) => ({ name, path, isUsed, read: (file) => readAuthorities(file, name) }));
}

function keys(config: Config): NamedFile[] {
  const { kafka, serving, plans } = config;
  const isKafka = isInKafka(config);
  const pem = (name: string) => (file: string) => readPem(file, name);
  const files = pairs(config).flatMap(({ name, cert, key, isUsed }): NamedFile[] => [
    { name: `${name}.cert_file`, path: cert, isUsed, read: pem(`${name}.cert_file`) },
    { name: `${name}.key_file`, path: key, isUsed, read: pem(`${name}.key_file`) },
  ]);
  const token = 'kafka.sasl.token_file';
  const documents = 'serving.graphql.documents';
  return [
    ...files,
    {
      name: token,
      path: kafka.sasl.token_file,
      isUsed: isKafka && kafka.sasl.mechanism === 'oauthbearer',
      read: (file) => readToken(file, token),
    },
    { name: 'plans.key_file', path: plans.key_file, isUsed: true, read: (file) => readSigner(file, 'plans.key_file') },
    {
      name: documents,
      path: serving.graphql.documents,
      isUsed: isServing(config) && serving.graphql.enabled,
      read: openDocuments,
    },
  ];
}

/** Addresses that are secrets: what is wrong with them is said without them. */
function addresses({ redis, postgres }: Pick<Config, 'redis' | 'postgres'>): { name: string; look(): unknown }[] {
  const all: { name: string; look(): unknown }[] = [];
  const { url, kind, sentinel_master: sentinelMaster, nodes } = redis;
  const endpoint = { kind, sentinelMaster, nodes, ca: null };
  if (url !== null) all.push({ name: 'redis.url', look: () => describeEndpoint({ ...endpoint, url }) });
  if (postgres.url !== null)
    all.push({ name: 'postgres.url', look: () => describeDatabase({ ...postgres, ca_file: null }) });
  return all;
}

interface KeyPair {
  readonly name: string;
  readonly cert: string | null;
  readonly key: string | null;
  readonly isUsed: boolean;
}

function pairs(config: Config): KeyPair[] {
  const { kafka, serving } = config;
  const isTls = isInKafka(config) && kafka.tls.enabled;
  return [
    { name: 'kafka.tls', cert: kafka.tls.cert_file, key: kafka.tls.key_file, isUsed: isTls },
    { name: 'serving.tls', cert: serving.tls.cert_file, key: serving.tls.key_file, isUsed: isServing(config) },
  ];
}

function readAuthorities(path: string, setting: string): void {
  const pem = readPem(path, setting);
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new EngineError('CONFIG_INVALID', `${setting}: ${path} holds no certificate`, { cause });
  }
}

function readToken(path: string, setting: string): void {
  let token: string;
  try {
    token = readTextFile(path).trim();
  } catch (cause) {
    throw new EngineError('CONFIG_INVALID', `${setting}: ${fileTrouble(cause, path)}`, { cause });
  }
  if (token === '') throw new EngineError('CONFIG_INVALID', `${setting}: ${path} is empty`);
}

function requireFit(name: string, cert: string, key: string): void {
  try {
    createSecureContext({ cert: readPem(cert, `${name}.cert_file`), key: readPem(key, `${name}.key_file`) });
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError('CONFIG_INVALID', `${name}.key_file: ${key} is not the key of ${cert}`, { cause });
  }
}
