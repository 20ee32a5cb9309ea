import { createHash } from 'node:crypto';
import { EngineError } from '../model/errors.ts';
import { minuteMs } from '../model/time.ts';
import { SealedText } from './access/sealed-text.ts';
import type { IdempotentCalls } from './access/store/idempotent-calls.ts';
import type { RandomBytes } from './access/tokens.ts';
import type { Caller } from './caller.ts';
import { tellRefusal } from './refusals.ts';

/** A UUID has 36; shorter ones are guessed, and who guesses a key reads the answer. */
const keyPattern = /^[\x21\x23-\x7e]{16,200}$/;

/** No call takes so long: whose answer was not written down by then never will be. */
const underWayMs = 10 * minuteMs;

/** A write as its caller may send it again. */
interface RepeatableCall {
  readonly key: string;
  readonly caller: Caller;
  readonly name: string;
  readonly input: unknown;
}

interface IdempotencyParts {
  readonly calls: IdempotentCalls;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
}

/**
 * Does a write once for all calls that bring its key (draft-ietf-httpapi-idempotency-key-header): who repeats it gets the
 * answer of the first, and nothing is done. The answer lies sealed under the key itself, so that the database alone tells
 * nobody a secret in it. Throws IDEMPOTENCY_KEY_REUSED, CALL_UNDER_WAY, CALL_UNFINISHED, and what the write throws.
 */
export async function answerOnce(
  { calls, random, nowMs }: IdempotencyParts,
  { key: given, caller, name, input }: RepeatableCall,
  run: () => Promise<Uint8Array>,
): Promise<{ readonly bytes: Uint8Array; readonly isRepeated: boolean }> {
  const key = readIdempotencyKey(given);
  const { actor, orgId, requestId } = caller;
  const by = { actor: `${actor.kind}:${actor.id}`, requestId };
  const keyHash = hashOf([by.actor, orgId, key]);
  const requestHash = hashOf([name, input]);
  const sealed = new SealedText(Buffer.from(key), 'answer', random);
  const known = await calls.take(by, orgId, { keyHash, requestHash });
  if (known !== null) {
    if (!Buffer.from(known.requestHash).equals(requestHash))
      throw new EngineError('IDEMPOTENCY_KEY_REUSED', 'the idempotency key was brought with another call');
    const answer = known.answer === null ? null : sealed.open(known.answer);
    if (answer !== null) return { bytes: Buffer.from(answer), isRepeated: true };
    if (nowMs() - known.takenMs < underWayMs)
      throw new EngineError('CALL_UNDER_WAY', 'the call that brought this idempotency key has not ended');
    throw new EngineError('CALL_UNFINISHED', 'what became of the call that brought this idempotency key is not known');
  }
  let bytes: Uint8Array;
  try {
    bytes = await run();
  } catch (error) {
    // What was refused did nothing. Of other trouble nobody knows, so the key stays taken.
    if (tellRefusal(error).http < 500) await calls.release(by, keyHash);
    throw error;
  }
  await calls.settle(by, keyHash, sealed.seal(Buffer.from(bytes).toString('utf8')));
  return { bytes, isRepeated: false };
}

/** The draft writes it in quotes; most clients do not. */
export function readIdempotencyKey(given: string): string {
  const key = /^"(.*)"$/.exec(given)?.[1] ?? given;
  if (keyPattern.test(key)) return key;
  throw new EngineError('REQUEST_INVALID', 'Idempotency-Key: must be 16 to 200 visible characters, such as a UUID');
}

function hashOf(parts: readonly unknown[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}
