import { ConfluentRegistry } from '../../decoders/registry/confluent-registry.ts';
import type { Clock } from '../../model/time.ts';
import type { LogEncoding } from '../../sources/recorded/log-encoding.ts';
import { readPem } from '../servers/pem.ts';
import type { Config } from '../settings.ts';
import { type EventCodec, makeEventCodec } from './event-codec.ts';

/** The registry that the configuration names; null = the schemas released with us, by their own ids. */
export function openRegistry({ registry }: Pick<Config, 'registry'>, clock: Clock): ConfluentRegistry | null {
  const { url, username, password, ca_file: caFile } = registry;
  if (url === null) return null;
  const endpoint = {
    url,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(caFile === null ? {} : { ca: readPem(caFile, 'registry.ca_file') }),
  };
  return new ConfluentRegistry(endpoint, clock);
}

/** Encoder and decoders that mean by an id what the registry means. Throws REGISTRY_UNAVAILABLE. */
export async function openEventCodec(config: Config, encoding: LogEncoding, clock: Clock): Promise<EventCodec> {
  const registry = openRegistry(config, clock);
  if (registry === null) return makeEventCodec(encoding);
  return makeEventCodec(encoding, { registry, ids: (await registry.lookUp()).byKind });
}

const magicByte = 0;
const framingBytes = 5;

/**
 * Values of a log that was recorded with our own ids, as the registry would frame them: the id is
 * written over in place. Ids that were never ours stay.
 */
export async function openReframing(config: Config, clock: Clock): Promise<((value: Uint8Array) => void) | null> {
  const ids = await openRegistry(config, clock)?.lookUp();
  if (ids === undefined) return null;
  return (value) => {
    if (value.length < framingBytes || value[0] !== magicByte) return;
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const id = ids.byReleased.get(view.getInt32(1));
    if (id !== undefined) view.setInt32(1, id);
  };
}
