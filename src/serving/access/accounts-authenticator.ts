import { EngineError } from '../../model/errors.ts';
import { idPattern } from '../../model/ids.ts';
import { type Caller, type Permission, permissionsOfRole, type Role, roles } from '../caller.ts';
import type { Admission, Authenticator, Credentials } from './authenticate.ts';
import type { Accounts } from './store/accounts.ts';
import type { SessionFacts } from './store/sessions.ts';
import type { TokenCache } from './token-cache.ts';
import { isSameHash, readKey, readToken } from './tokens.ts';

interface AuthenticatorOptions {
  readonly accounts: Accounts;
  readonly cache: TokenCache;
  readonly nowMs: () => number;
  /** Told of trouble that no caller waits for. */
  readonly onTrouble: (error: Error) => void;
  /** Counts outcomes: `kept` answers, `read` ones, refusals by their code. */
  readonly onOutcome?: (outcome: 'kept' | 'read' | 'refused') => void;
}

/** What is remembered of a key's token; its hash was compared when it was read. */
interface KeyCard {
  readonly orgId: string;
  readonly id: string;
  readonly scopes: readonly Permission[];
  readonly expiresMs: number | null;
}

const useNotedEveryMs = 60_000;
const rememberedMax = 10_000;

/** Lets sessions and keys in, by the accounts and what the cache keeps of them. */
export class AccountsAuthenticator implements Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #usesNoted = new Map<string, number>();
  readonly #visitsNoted = new Map<string, number>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  async authenticate(credentials: Credentials, admission: Admission): Promise<Caller> {
    try {
      return await this.#authenticate(credentials, admission);
    } catch (error) {
      this.#options.onOutcome?.('refused');
      throw error;
    }
  }

  async #authenticate(credentials: Credentials, admission: Admission): Promise<Caller> {
    const { bearer, session, isCrossSite } = credentials;
    if (admission.orgId !== null && !isOrganization(admission.orgId)) throw noMember();
    if (bearer !== null) {
      // Nothing but a program or a page of ours sets this header, so where the call comes from says nothing.
      if (bearer.startsWith('plk_')) return await this.#admitKey(bearer, admission);
      return await this.#admitSession(bearer, admission);
    }
    if (session === null) throw new EngineError('UNAUTHENTICATED', 'the call brings neither a session nor a key');
    if (admission.isWrite && isCrossSite)
      throw new EngineError('FORBIDDEN', 'a page of another site sent this call; a session changes nothing that way');
    return await this.#admitSession(session, admission);
  }

  async #admitSession(token: string, admission: Admission): Promise<Caller> {
    const hash = readToken('session', token);
    const facts = hash === null ? null : await this.#findSession(hash, admission);
    if (facts === null || facts.expiresMs <= this.#options.nowMs()) throw noSession();
    const { orgId, requestId } = admission;
    const actor = { kind: facts.isOperator ? ('operator' as const) : ('user' as const), id: facts.userId };
    if (facts.isOperator) return { actor, orgId, role: 'operator', permissions: permissionsOf('operator'), requestId };
    if (orgId === null) return { actor, orgId, role: 'viewer', permissions: new Set(), requestId };
    if (facts.role === null) throw noMember();
    return { actor, orgId, role: facts.role, permissions: permissionsOf(facts.role, facts.permissions), requestId };
  }

  async #findSession(hash: Uint8Array, { orgId, requestId }: Admission): Promise<SessionFacts | null> {
    const facts = await this.#kept(hash, orgId ?? '', () => this.#options.accounts.sessions.find(hash, orgId));
    // Before anything is shown: what cannot be noted is not let in.
    if (facts?.isOperator && facts.role === null && orgId !== null) await this.#noteVisit(facts, orgId, requestId);
    return facts;
  }

  async #noteVisit({ sessionId, userId }: SessionFacts, orgId: string, requestId: string): Promise<void> {
    const visit = `${orgId} ${sessionId}`;
    if (this.#visitsNoted.has(visit)) return;
    await this.#options.accounts.sessions.noteVisit(
      { actor: `operator:${userId}`, requestId },
      { orgId, sessionId, userId },
    );
    remember(this.#visitsNoted, visit, this.#options.nowMs());
  }

  async #admitKey(text: string, { orgId, requestId }: Admission): Promise<Caller> {
    const read = readKey(text);
    const card = read === null ? null : await this.#kept(read.hash, '', () => this.#readKey(read));
    const now = this.#options.nowMs();
    if (card === null || (card.expiresMs !== null && card.expiresMs <= now)) throw noSession();
    this.#noteUse(card, now);
    if (orgId !== null && orgId !== card.orgId) throw noMember();
    const permissions = new Set(card.scopes);
    const role = roles.find((each) => card.scopes.every((scope) => permissionsOfRole[each].includes(scope))) ?? 'admin';
    return { actor: { kind: 'key', id: card.id }, orgId, role, permissions, requestId };
  }

  async #readKey(read: { prefix: string; hash: Uint8Array }): Promise<KeyCard | null> {
    const facts = await this.#options.accounts.keys.find(read.prefix);
    if (facts === null || !isSameHash(facts.hash, read.hash)) return null;
    const { orgId, id, scopes, expiresMs } = facts;
    return { orgId, id, scopes, expiresMs };
  }

  /** The kept answer, or the one of the store; a token that means nothing is not kept, its sender would fill the cache. */
  async #kept<T>(hash: Uint8Array, orgId: string, read: () => Promise<T | null>): Promise<T | null> {
    const { cache, onOutcome } = this.#options;
    const look = await cache.look(hash, orgId);
    if ('kept' in look) {
      onOutcome?.('kept');
      return JSON.parse(look.kept) as T;
    }
    onOutcome?.('read');
    const found = await read();
    if (found !== null && look.lease !== null) await cache.fill(hash, orgId, look.lease, JSON.stringify(found));
    return found;
  }

  /** Once a minute a key, beside the call. */
  #noteUse(key: KeyCard, now: number): void {
    if (now - (this.#usesNoted.get(key.id) ?? Number.NEGATIVE_INFINITY) < useNotedEveryMs) return;
    remember(this.#usesNoted, key.id, now);
    this.#options.accounts.keys.noteUse(key).catch((error: unknown) => this.#options.onTrouble(error as Error));
  }
}

/** The organization of a call; what begins with _ belongs to the engine. */
function isOrganization(orgId: string): boolean {
  return idPattern.test(orgId) && !orgId.startsWith('_');
}

/** In the same words for a wrong, an old and a revoked one. */
function noSession(): EngineError {
  return new EngineError('UNAUTHENTICATED', 'the session or key is wrong, expired or revoked');
}

/** In the same words whether the organization exists or not. */
function noMember(): EngineError {
  return new EngineError('FORBIDDEN', 'you are no member of this organization');
}

function permissionsOf(role: Role, more: readonly Permission[] = []): ReadonlySet<Permission> {
  return new Set([...permissionsOfRole[role], ...more]);
}

function remember(noted: Map<string, number>, key: string, now: number): void {
  noted.delete(key);
  noted.set(key, now);
  if (noted.size > rememberedMax) noted.delete(noted.keys().next().value!);
}
