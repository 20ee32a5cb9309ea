import type { Problem } from '../control/config/problem.ts';
import type { Place } from '../control/config/yaml-document.ts';
import { isServing, servingPort } from './serving/serving-place.ts';
import type { Config } from './settings.ts';
import { tierNameProblems } from './tier-names.ts';

/** What is wrong with settings together, each of which is sound by itself. */
interface PairProblem {
  /** The setting to look at, dotted. */
  readonly name: string;
  readonly message: string;
}

/** Settings that need or exclude each other; the engine would refuse them, so `check` does. */
export function pairProblems(config: Config, origins: ReadonlyMap<string, Place>): Problem[] {
  const found = [
    ...needs(config),
    ...saslProblems(config),
    ...portProblems(config),
    ...topicProblems(config),
    ...tierNameProblems(config),
  ];
  return found.map(({ name, message }) => ({
    ...(origins.get(name) ?? { file: '(command line)', line: 1, column: 1 }),
    message: `${name}: ${message}`,
  }));
}

function needs(config: Config): PairProblem[] {
  const { bronze, postgres, plans, redis, registry, alertmanager, kafka, s3, iceberg_rest: rest, serving } = config;
  const problems: PairProblem[] = [];
  const need = (isWrong: boolean, name: string, message: string) => {
    if (isWrong) problems.push({ name, message });
  };
  need(
    bronze.enabled && bronze.catalog === 'postgres' && postgres.url === null,
    'bronze.catalog',
    'postgres needs postgres.url, the database that holds the catalog',
  );
  need(
    plans.key_file !== null && plans.root_key === null,
    'plans.key_file',
    'needs plans.root_key, the key that the plans of the stream begin with',
  );
  need(
    redis.kind === 'sentinel' && redis.url !== null && redis.sentinel_master === null,
    'redis.kind',
    'sentinel needs redis.sentinel_master, the name of the master that it watches',
  );
  need(
    redis.cache_url !== null && redis.cache_url === redis.url,
    'redis.cache_url',
    'must be another server than redis.url',
  );
  need(
    bronze.enabled && bronze.catalog === 'rest' && rest.url === null,
    'bronze.catalog',
    'rest needs iceberg_rest.url, the address of the catalog',
  );
  const both: [string, unknown, string, unknown][] = [
    ['iceberg_rest.client_id', rest.client_id, 'iceberg_rest.client_secret', rest.client_secret],
    ['s3.access_key_id', s3.access_key_id, 's3.secret_access_key', s3.secret_access_key],
    ['serving.tls.cert_file', serving.tls.cert_file, 'serving.tls.key_file', serving.tls.key_file],
    ['kafka.tls.cert_file', kafka.tls.cert_file, 'kafka.tls.key_file', kafka.tls.key_file],
  ];
  for (const [one, its, other, others] of both) {
    need(its !== null && others === null, one, `needs ${other}`);
    need(others !== null && its === null, other, `needs ${one}`);
  }
  for (const [section, { username, password }] of Object.entries({ registry, alertmanager })) {
    need(username !== null && password === null, `${section}.username`, `needs ${section}.password`);
    need(password !== null && username === null, `${section}.password`, `needs ${section}.username`);
  }
  return problems;
}

function saslProblems({ kafka }: Pick<Config, 'kafka'>): PairProblem[] {
  const { mechanism, username, password, token_file: tokenFile } = kafka.sasl;
  if (mechanism === 'none' || kafka.brokers.length === 0) return [];
  const missing = (name: string) => ({
    name: 'kafka.sasl.mechanism',
    message: `${mechanism} needs kafka.sasl.${name}`,
  });
  if (mechanism === 'oauthbearer') return tokenFile === null ? [missing('token_file')] : [];
  return [...(username === null ? [missing('username')] : []), ...(password === null ? [missing('password')] : [])];
}

/** Results beside events, or two kinds of them in one topic, would be read as what they are not. */
function topicProblems({ kafka, log }: Pick<Config, 'kafka' | 'log'>): PairProblem[] {
  const topics: [name: string, topic: string | null][] = [
    ['log.topic', log.topic],
    ['kafka.alerts_topic', kafka.alerts_topic],
    ['kafka.dead_letters_topic', kafka.dead_letters_topic],
    ['kafka.snapshots_topic', kafka.snapshots_topic],
    ['kafka.order_snapshots_topic', kafka.order_snapshots_topic],
  ];
  return topics.flatMap(([name, topic], index) => {
    const twin = topics.slice(0, index).find(([, other]) => topic !== null && other === topic);
    return twin === undefined ? [] : [{ name, message: `${topic} is also ${twin[0]}; each needs a topic of its own` }];
  });
}

function portProblems(config: Config): PairProblem[] {
  const { http, clickhouse } = config;
  const listening: [name: string, port: number][] = [['http.port', http.port]];
  if (clickhouse.url === null) listening.push(['clickhouse.port', clickhouse.port]);
  if (isServing(config)) listening.push(['serving.port', servingPort(config)]);
  return listening.flatMap(([name, port], index) => {
    const twin = listening.slice(0, index).find(([, other]) => other === port && port !== 0);
    if (twin === undefined) return [];
    return [{ name, message: `${port} is also ${twin[0]}; both listen on this machine` }];
  });
}
