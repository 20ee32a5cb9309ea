import { readEngineInfo } from '../../state/sqlite/data-directory.ts';
import type { Config } from '../settings.ts';
import { servingPort } from './serving-place.ts';

/** A link for people: under the address that the configuration says, else under that of the running engine. */
export function linkTo(
  config: Pick<Config, 'data_directory' | 'clickhouse' | 'http' | 'serving'>,
  path: string,
): string {
  const { public_url } = config.serving.access;
  const scheme = config.serving.tls.cert_file === null ? 'http' : 'https';
  const base =
    public_url ??
    readEngineInfo(config.data_directory)?.addresses.api ??
    `${scheme}://${config.serving.host}:${servingPort(config)}`;
  return new URL(path, base).href;
}
