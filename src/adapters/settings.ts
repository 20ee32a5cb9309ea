import * as z from 'zod';
import { type LoadedConfig as Loaded, type LoadOptions, loadConfig as load } from '../control/config/load-config.ts';
import { ConfigError } from '../control/config/problem.ts';
import {
  commitSection,
  httpSection,
  limitsSection,
  loggingSection,
  logSection,
  plansSection,
  shutdownSection,
} from '../control/config/process-sections.ts';
import { SettingsSchema } from '../control/config/settings-schema.ts';
import { tracingSection } from '../control/tracing/config.ts';
import { registrySection } from '../decoders/registry/config.ts';
import { icebergRestSection } from '../lakehouse/catalog/config.ts';
import { lakehouseSection, tiersSection } from '../lakehouse/jobs/config.ts';
import { bronzeSection } from '../lakehouse/layers/bronze/config.ts';
import { s3Section } from '../lakehouse/storage/config.ts';
import { setting } from '../model/setting.ts';
import { postgresSection } from '../plans/postgres/config.ts';
import { servingSection } from '../serving/config.ts';
import { clickhouseSection } from '../sinks/clickhouse/config.ts';
import { kafkaSection } from '../sources/kafka/config.ts';
import { redisSection, snapshotsSection } from '../state/redis/config.ts';
import { pairProblems } from './config-pairs.ts';
import { sinkSections } from './sinks.ts';

/**
 * Every setting of the process, composed of the sections of the process and of the systems that it may
 * work with. Nothing here can change an answer: what decides answers (rules, zones, sources) travels in
 * the log as plans.
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
  ...sinkSections,
  http: httpSection,
  clickhouse: clickhouseSection,
  commit: commitSection,
  bronze: bronzeSection,
  tiers: tiersSection,
  lakehouse: lakehouseSection,
  s3: s3Section,
  iceberg_rest: icebergRestSection,
  logging: loggingSection,
  tracing: tracingSection,
  limits: limitsSection,
  plans: plansSection,
  serving: servingSection,
  shutdown: shutdownSection,
});

export const settingsSchema = new SettingsSchema(configSchema);

export type Config = z.infer<typeof configSchema>;
export type LoadedConfig = Loaded<Config>;

/** `control/config/load-config.ts` for this configuration. */
export function loadConfig(files: readonly string[], options: LoadOptions): LoadedConfig {
  const loaded = load(settingsSchema, files, options);
  const problems = pairProblems(loaded.config, loaded.origins);
  if (problems.length > 0) throw new ConfigError(problems);
  return loaded;
}
