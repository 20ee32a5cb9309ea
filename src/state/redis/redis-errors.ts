import { EngineError, type ErrorCode } from '../../model/errors.ts';
import { troubleText } from '../../model/system-trouble.ts';
import { isTlsRefusal } from '../../model/tls-refusal.ts';

/** What Redis answers, by what to do about it. Redis 6 wraps errors inside scripts, hence no anchors. */
const meanings: readonly { readonly words: RegExp; readonly code: ErrorCode; readonly advice: string }[] = [
  {
    words: /\b(WRONGPASS|NOAUTH|ERR AUTH|ERR Client sent AUTH)\b/,
    code: 'STATE_REFUSED',
    advice: 'correct user and password of redis.url',
  },
  { words: /\bNOPERM\b/, code: 'STATE_REFUSED', advice: 'allow the user our keys, EVAL, EVALSHA, SCRIPT and INFO' },
  { words: /\bERR unknown command\b/i, code: 'STATE_REFUSED', advice: 'the server must know this command' },
  { words: /\bWRONGTYPE\b/, code: 'STATE_CORRUPT', advice: 'somebody else writes under our key prefix' },
  { words: /\bOOM\b/, code: 'STATE_UNAVAILABLE', advice: 'raise maxmemory; nothing was written' },
  { words: /\bMISCONF\b/, code: 'STATE_UNAVAILABLE', advice: 'the server cannot write its disk' },
];

const scriptFailure = /user_script|Error (running|compiling) script/i;

/**
 * An error of ioredis as ours. The original is not kept as cause: it carries the command's arguments,
 * among them the password of an AUTH and whole blobs.
 */
export function toStateError(error: unknown, what: string): Error {
  if (error instanceof EngineError) return error;
  const { message } = error as Error;
  const found = meanings.find(({ words }) => words.test(message));
  if (found) return new EngineError(found.code, `${what}: ${message}; ${found.advice}`);
  if (isTlsRefusal(error))
    return new EngineError(
      'STATE_REFUSED',
      `${what}: ${message}; check redis.ca_file, and host and scheme of redis.url`,
    );
  // A script that breaks is a bug of ours: waiting does not mend it.
  if (isReplyError(error) && scriptFailure.test(message) && !transient.test(message))
    return new Error(`invariant broken: ${what}: ${message}`);
  return new EngineError('STATE_UNAVAILABLE', `${what}: ${troubleText(error)}`);
}

const transient = /\b(READONLY|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|LOADING|BUSY)\b/;

/** True when a server said it, not the line to it. */
export function isReplyError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

export function isReply(error: unknown, word: string): boolean {
  return error instanceof Error && error.message.startsWith(`${word} `);
}
