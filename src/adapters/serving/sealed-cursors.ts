import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Cursors } from '../../serving/ports.ts';

const macBytes = 16;

/**
 * Cursors as text: a keyed hash over scope and position, then the position as JSON. Whoever has not the key can
 * make none, and one of another list or organization does not fit.
 */
export class SealedCursors implements Cursors {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  seal(scope: string, position: readonly (string | number)[]): string {
    const body = Buffer.from(JSON.stringify(position));
    return Buffer.concat([this.#mac(scope, body), body]).toString('base64url');
  }

  open(scope: string, cursor: string): (string | number)[] | null {
    const bytes = Buffer.from(cursor, 'base64url');
    if (bytes.length <= macBytes || bytes.toString('base64url') !== cursor) return null;
    const body = bytes.subarray(macBytes);
    if (!timingSafeEqual(bytes.subarray(0, macBytes), this.#mac(scope, body))) return null;
    return JSON.parse(body.toString('utf8')) as (string | number)[];
  }

  #mac(scope: string, body: Uint8Array): Buffer {
    const scoped = createHmac('sha256', this.#key)
      .update(`${Buffer.byteLength(scope)}:${scope}`)
      .update(body);
    return scoped.digest().subarray(0, macBytes);
  }
}
