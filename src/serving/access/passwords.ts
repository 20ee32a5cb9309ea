import { argon2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { EngineError } from '../../model/errors.ts';
import type { RandomBytes } from './tokens.ts';

const derive = promisify(argon2);

/** What a hash costs; each holds a thread of the process and this much memory while it is made. */
interface PasswordCost {
  readonly memoryKib: number;
  readonly passes: number;
}

/** The least that OWASP's password storage sheet asks of argon2id: 19 MiB, 2 passes. */
export const standardCost: PasswordCost = { memoryKib: 19_456, passes: 2 };

/** So two of the four threads that Node shares with files and names stay free. */
const atOnceMax = 2;
/** With about 50 ms each, whoever waits last waits under two seconds. */
const waitingMax = 64;

const lengthMin = 12;
/** Beyond any passphrase; argon2 takes as much as it is given. */
const bytesMax = 1_024;
const hashBytes = 32;
const saltBytes = 16;

/** Throws REQUEST_INVALID for a password that nobody should choose. */
export function requireGoodPassword(password: string, email: string): void {
  const refuse = (why: string) => {
    throw new EngineError('REQUEST_INVALID', `password ${why}`);
  };
  if ([...password].length < lengthMin) refuse(`must have at least ${lengthMin} characters`);
  if (Buffer.byteLength(password) > bytesMax) refuse(`must have at most ${bytesMax} bytes`);
  if (new Set(password).size < 5) refuse('repeats too few characters');
  if (password.toLowerCase().includes(email.split('@')[0].toLowerCase()) && email.split('@')[0].length > 3)
    refuse('must not hold the name of its address');
}

/** Makes and checks hashes of passwords with argon2id, a few at a time. */
export class Passwords {
  readonly #random: RandomBytes;
  readonly #cost: PasswordCost;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Takes as long to be checked as anybody's: who has no password is no faster to find. */
  readonly #nobody: string;

  constructor(random: RandomBytes, cost: PasswordCost = standardCost) {
    this.#random = random;
    this.#cost = cost;
    this.#nobody = printHash(cost, random(saltBytes), random(hashBytes));
  }

  /** The hash of a password that somebody chooses. Throws REQUEST_INVALID for one that nobody should. */
  async choose(password: string, email: string): Promise<string> {
    requireGoodPassword(password, email);
    return await this.hash(password);
  }

  /** Throws ACCESS_OVERLOADED where too many wait. */
  async hash(password: string): Promise<string> {
    const salt = this.#random(saltBytes);
    return printHash(this.#cost, salt, await this.#derive(password, salt, this.#cost));
  }

  /** `stored` null: nobody, or nobody with a password; the answer is no, and takes as long. */
  async verify(password: string, stored: string | null): Promise<boolean> {
    // What is longer is nobody's password, and would be hashed at the sender's will.
    const isTooLong = Buffer.byteLength(password) > bytesMax;
    const { cost, salt, hash } = parseHash(stored ?? this.#nobody);
    const derived = await this.#derive(isTooLong ? '' : password, salt, cost);
    return timingSafeEqual(derived, hash) && stored !== null && !isTooLong;
  }

  /** True for a hash that was made at another cost than is asked today. */
  isOutdated(stored: string): boolean {
    const { cost } = parseHash(stored);
    return cost.memoryKib !== this.#cost.memoryKib || cost.passes !== this.#cost.passes;
  }

  async #derive(password: string, salt: Uint8Array, { memoryKib, passes }: PasswordCost): Promise<Buffer> {
    await this.#enter();
    try {
      const message = Buffer.from(password.normalize('NFKC'));
      return await derive('argon2id', {
        message,
        nonce: salt,
        parallelism: 1,
        tagLength: hashBytes,
        memory: memoryKib,
        passes,
      });
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running >= atOnceMax) {
      if (this.#waiting.length >= waitingMax)
        throw new EngineError('ACCESS_OVERLOADED', `${waitingMax} checks of passwords wait already`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
  }
}

/** PHC's format, which every argon2 library reads. */
function printHash({ memoryKib, passes }: PasswordCost, salt: Uint8Array, hash: Uint8Array): string {
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=1$${unpadded(salt)}$${unpadded(hash)}`;
}

const hashPattern = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=1\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43})$/;

function parseHash(text: string): { cost: PasswordCost; salt: Uint8Array; hash: Uint8Array } {
  const found = hashPattern.exec(text);
  if (found === null) throw new EngineError('ACCESS_UNAVAILABLE', 'a stored hash of a password cannot be read');
  const [, memory, passes, salt, hash] = found;
  return {
    cost: { memoryKib: Number(memory), passes: Number(passes) },
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
