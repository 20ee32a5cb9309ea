import { EngineError, type ErrorCode } from '../model/errors.ts';

/** Status names of gRPC, as Connect spells them. */
type RpcCode =
  | 'invalid_argument'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'failed_precondition'
  | 'aborted'
  | 'resource_exhausted'
  | 'deadline_exceeded'
  | 'unavailable'
  | 'internal';

interface Refusal {
  readonly http: number;
  readonly rpc: RpcCode;
  /** What a caller reads in place of the message, which may name servers of ours; null = the message itself. */
  readonly words: string | null;
}

/** What each coded error is on each door. A code that is not here is our trouble, and nobody else's to read. */
const refusals: Readonly<Partial<Record<ErrorCode, Refusal>>> = {
  REQUEST_INVALID: { http: 400, rpc: 'invalid_argument', words: null },
  UNAUTHENTICATED: { http: 401, rpc: 'unauthenticated', words: null },
  FORBIDDEN: { http: 403, rpc: 'permission_denied', words: null },
  PERSISTED_QUERY_NOT_FOUND: { http: 404, rpc: 'not_found', words: null },
  NOT_FOUND: { http: 404, rpc: 'not_found', words: null },
  REPLAY_REFUSED: { http: 409, rpc: 'failed_precondition', words: null },
  EDIT_REFUSED: { http: 409, rpc: 'failed_precondition', words: null },
  CALL_UNDER_WAY: { http: 409, rpc: 'aborted', words: null },
  CALL_UNFINISHED: { http: 409, rpc: 'failed_precondition', words: null },
  IDEMPOTENCY_KEY_REUSED: { http: 422, rpc: 'invalid_argument', words: null },
  EDIT_CONFLICT: { http: 412, rpc: 'aborted', words: null },
  RULE_INVALID: { http: 422, rpc: 'invalid_argument', words: null },
  CONFIG_INVALID: { http: 422, rpc: 'invalid_argument', words: null },
  RATE_LIMITED: { http: 429, rpc: 'resource_exhausted', words: null },
  QUERY_OVERLOADED: { http: 503, rpc: 'unavailable', words: null },
  QUERY_TIMEOUT: { http: 504, rpc: 'deadline_exceeded', words: null },
  TABLES_UNAVAILABLE: { http: 503, rpc: 'unavailable', words: 'the tables do not answer now' },
  SOURCE_UNAVAILABLE: { http: 503, rpc: 'unavailable', words: 'the log of events does not answer now' },
  REGISTRY_UNAVAILABLE: { http: 503, rpc: 'unavailable', words: 'the schema registry does not answer now' },
  LOG_FULL: { http: 503, rpc: 'unavailable', words: 'the log of events has no room now' },
  ACCESS_UNAVAILABLE: { http: 503, rpc: 'unavailable', words: 'who may ask cannot be told now' },
  ACCESS_OVERLOADED: { http: 503, rpc: 'unavailable', words: null },
  CONTROL_UNAVAILABLE: { http: 503, rpc: 'unavailable', words: 'edits cannot be taken now' },
};

/** Trouble as a caller sees it. */
interface Told {
  readonly code: ErrorCode | 'INTERNAL';
  readonly http: number;
  readonly rpc: RpcCode;
  readonly message: string;
  readonly next: string | null;
}

/** Every error that a call may end with, and what becomes of it on the doors. */
export function tellRefusal(error: unknown): Told {
  const known = error instanceof EngineError ? refusals[error.code] : undefined;
  if (!(error instanceof EngineError) || known === undefined)
    return { code: 'INTERNAL', http: 500, rpc: 'internal', message: 'something of ours failed', next: null };
  const { http, rpc, words } = known;
  return { code: error.code, http, rpc, message: words ?? error.message, next: error.next };
}
