import { createHash } from 'node:crypto';
import type { CacheScript } from './cache-server.ts';

export function cacheScript(text: string): CacheScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
