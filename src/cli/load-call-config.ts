import { resolve } from 'node:path';
import { type LoadedConfig, loadConfig } from '../adapters/settings.ts';
import type { Call } from './command.ts';
import { configFiles, product } from './product.ts';

/** The configuration of a call: its files, then its flags. Throws ConfigError. */
export function loadCallConfig(call: Call, overrides: Readonly<Record<string, unknown>> = {}): LoadedConfig {
  const data = call.text('data');
  return loadConfig(configFiles(call.texts('config')), {
    shippedConfigDirectory: product.configDirectory,
    overrides: { ...overrides, ...(data === undefined ? {} : { data_directory: resolve(data) }) },
  });
}
