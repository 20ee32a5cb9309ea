import { connectRedis, describeEndpoint, masterNodes } from './redis-client.ts';
import { toStateError } from './redis-errors.ts';
import { defaultCommandTimeoutMs, type RedisEndpoint } from './redis-options.ts';

const keysAtOnce = 500;

/** Deletes all keys that begin so; returns how many there were. Throws STATE_UNAVAILABLE. */
export async function deleteKeys(endpoint: RedisEndpoint, prefix: string): Promise<number> {
  const client = await connectRedis(endpoint, defaultCommandTimeoutMs);
  // What a pattern means by these characters a name does not.
  const pattern = `${prefix.replaceAll(/[\\*?[\]]/g, '\\$&')}*`;
  let deleted = 0;
  try {
    for (const node of masterNodes(client)) {
      let cursor = '0';
      do {
        const [next, keys] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', keysAtOnce);
        for (const key of keys) deleted += await node.unlink(key);
        cursor = next;
      } while (cursor !== '0');
    }
    return deleted;
  } catch (error) {
    throw toStateError(error, describeEndpoint(endpoint));
  } finally {
    client.disconnect();
  }
}
