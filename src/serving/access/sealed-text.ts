import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { RandomBytes } from './tokens.ts';

const ivBytes = 12;
const tagBytes = 16;

/** Texts that visitors carry for us and can neither read nor change: AES-256-GCM. */
export class SealedText {
  readonly #key: Uint8Array;
  readonly #random: RandomBytes;

  /** `purpose` keeps what was sealed for one thing from being opened as another, under the same secret. */
  constructor(secret: Uint8Array, purpose: string, random: RandomBytes) {
    this.#key = createHash('sha256').update(`paceline ${purpose}\0`).update(secret).digest();
    this.#random = random;
  }

  seal(text: string): string {
    const iv = this.#random(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url');
  }

  /** Null for what was not sealed here, or was changed since. */
  open(sealed: string): string | null {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < ivBytes + tagBytes) return null;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, ivBytes));
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
    const text = decipher.update(bytes.subarray(ivBytes, bytes.length - tagBytes));
    try {
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      return null;
    }
  }
}
