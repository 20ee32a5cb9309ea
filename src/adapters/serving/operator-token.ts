import { createHash, timingSafeEqual } from 'node:crypto';
import { EngineError } from '../../model/errors.ts';
import type { Admission, Authenticator, Credentials } from '../../serving/access/authenticate.ts';
import { type Caller, permissionsOfRole } from '../../serving/caller.ts';

/**
 * Lets in whoever has the token of engine.json, which the owner of the data directory alone can read: as the
 * operator, for every organization. Everybody else is for `others` to judge.
 */
export class OperatorToken implements Authenticator {
  readonly #token: () => string;
  readonly #others: Authenticator | null;

  constructor(token: () => string, others: Authenticator | null) {
    this.#token = token;
    this.#others = others;
  }

  async authenticate(credentials: Credentials, admission: Admission): Promise<Caller> {
    const { bearer } = credentials;
    if (bearer === null || !isSame(bearer, this.#token())) {
      if (this.#others !== null) return await this.#others.authenticate(credentials, admission);
      throw new EngineError('UNAUTHENTICATED', 'the call brings no valid token; that of this engine is in engine.json');
    }
    const { orgId, requestId } = admission;
    const permissions = new Set(permissionsOfRole.operator);
    return { actor: { kind: 'local', id: 'owner' }, orgId, role: 'operator', permissions, requestId };
  }
}

/** Of equal length whatever was given, so that the time tells nothing. */
function isSame(given: string, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}
