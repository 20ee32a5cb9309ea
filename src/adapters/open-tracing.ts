import { startTracing, type Tracing, type TracingContext } from '../control/tracing/start-tracing.ts';
import { readPem } from './servers/pem.ts';
import type { Config } from './settings.ts';

/** Spans of calls and of the engine, where the configuration names a collector. */
export function openTracing({ tracing }: Pick<Config, 'tracing'>, context: TracingContext): Promise<Tracing> {
  return startTracing(tracing, { ...context, ca: collectorAuthorities(tracing) });
}

/** PEM text of whom to trust; null = the system's. */
export function collectorAuthorities({ ca_file: path }: Config['tracing']): string | null {
  return path === null ? null : readPem(path, 'tracing.ca_file');
}
