import { redact } from './redact.ts';

/** Whether waiting helps: `with_backoff` = try the same again later, `never` = a person must act. */
type Retry = 'with_backoff' | 'never';

/**
 * Trouble that the world causes, by code. Our own bugs are assertions, never one of these.
 * Each entry: what it means and what to do next; `docs/errors.md` is printed from this table.
 */
export const errorCatalogue = {
  CONFIG_INVALID: { retry: 'never', exit: 78, next: 'Correct the named lines, then run "paceline check".' },
  RULE_INVALID: { retry: 'never', exit: 78, next: 'Correct the rule at the named place, then run "paceline check".' },
  USAGE: { retry: 'never', exit: 64, next: 'See "paceline help".' },
  DATA_DIR_LOCKED: { retry: 'never', exit: 73, next: 'Stop the named process or choose another --data directory.' },
  PORT_TAKEN: { retry: 'never', exit: 73, next: 'Stop the named process or set another port.' },
  GENERATION_MISMATCH: {
    retry: 'never',
    exit: 78,
    next: 'The state belongs to another stream; choose another data directory or redis.key_prefix, or say --new-generation.',
  },
  LOG_CORRUPT: { retry: 'never', exit: 74, next: 'Restore the named segment; everything before it is intact.' },
  LOG_FULL: { retry: 'with_backoff', exit: 74, next: 'Free disk space; the engine goes on by itself.' },
  OFFSET_OUT_OF_RANGE: { retry: 'never', exit: 74, next: 'The log no longer holds the committed offset; restore it.' },
  LOG_TRUNCATED: {
    retry: 'never',
    exit: 74,
    next: 'Bring back a replica that holds the lost records; or restart with --new-generation to build everything anew from what the log holds now.',
  },
  BATCH_DAMAGED: {
    retry: 'with_backoff',
    exit: 74,
    next: 'Let a replica with a good copy lead the partition, or restore it; to give the batch up and go on, set on_damaged_batch to report.',
  },
  LANE_BROKEN: {
    retry: 'never',
    exit: 70,
    next: 'A bug of ours: nothing of it was committed, and the other lanes go on. Report the stack in the log; a release that mends it goes on where the lane stopped.',
  },
  SOURCE_UNAVAILABLE: {
    retry: 'with_backoff',
    exit: 75,
    next: 'Check the brokers; the lanes wait and go on by themselves.',
  },
  SOURCE_REFUSED: {
    retry: 'never',
    exit: 77,
    next: 'Correct the credentials, the permissions or the topic that the message names; "paceline doctor" checks them.',
  },
  SERVER_SILENT: {
    retry: 'with_backoff',
    exit: 75,
    next: 'Look whether the named server is well: it takes connections and says nothing. What waits for it goes on by itself.',
  },
  RUN_INCOMPLETE: {
    retry: 'with_backoff',
    exit: 75,
    next: 'What is committed stays. Look at what the message names, then run it again.',
  },
  STATE_UNAVAILABLE: { retry: 'with_backoff', exit: 75, next: 'Check the state store.' },
  STATE_CORRUPT: {
    retry: 'never',
    exit: 74,
    next: 'Restore the state from a snapshot, or replay into a new directory.',
  },
  STATE_LOST: {
    retry: 'never',
    exit: 74,
    next: 'Bring the state store or a snapshot back; to build the state anew from the log, say --new-generation.',
  },
  STATE_REFUSED: {
    retry: 'never',
    exit: 77,
    next: 'Correct the credentials or the policy that the message names; "paceline doctor" checks them.',
  },
  CONTROL_UNAVAILABLE: {
    retry: 'with_backoff',
    exit: 75,
    next: 'Check PostgreSQL; rules in force stay in force meanwhile.',
  },
  CONTROL_REFUSED: {
    retry: 'never',
    exit: 77,
    next: 'Correct the credentials or run "paceline migrate"; "paceline doctor" checks both.',
  },
  STATE_FORMAT: { retry: 'never', exit: 78, next: 'This state was written by a newer paceline; upgrade.' },
  SINK_UNAVAILABLE: { retry: 'with_backoff', exit: 75, next: 'Check the named sink; nothing is lost meanwhile.' },
  HISTORY_INCOMPLETE: {
    retry: 'never',
    exit: 65,
    next: 'Nothing was changed. Choose a week and an organization whose records bronze has from the beginning of their lane.',
  },
  COPY_DIFFERS: {
    retry: 'never',
    exit: 65,
    next: 'Nothing was dropped. Run it again; if it differs again, keep the data and report it.',
  },
  SINK_REJECTED: { retry: 'never', exit: 70, next: 'The sink refuses our rows; its message says why.' },
  LAKE_REFUSED: {
    retry: 'with_backoff',
    exit: 77,
    next: 'Correct the key, the login or the rights that the message names, at the store or catalog or in the configuration; "paceline doctor" checks them. An engine that runs goes on by itself.',
  },
  REGISTRY_UNAVAILABLE: { retry: 'with_backoff', exit: 75, next: 'Check the schema registry; the lane waits.' },
  REGISTRY_REFUSED: {
    retry: 'never',
    exit: 77,
    next: 'Correct the credentials or the authority of the registry; "paceline doctor" checks them.',
  },
  SCHEMA_UNRESOLVABLE: {
    retry: 'never',
    exit: 78,
    next: 'The writer schema does not resolve against ours; see the message.',
  },
  ENGINE_CHILD_DIED: {
    retry: 'with_backoff',
    exit: 75,
    next: 'The embedded ClickHouse is restarted; where the message says that a write failed, free disk space.',
  },
  CATALOG_CONFLICT: { retry: 'with_backoff', exit: 75, next: 'Another writer committed first; we reload and go on.' },
  COMMIT_UNKNOWN: { retry: 'with_backoff', exit: 75, next: 'The outcome is read back before anything is sent again.' },
  BRONZE_ROLLED_BACK: {
    retry: 'never',
    exit: 74,
    next: 'Somebody set the bronze table back; restore it, or correct its property paceline.offsets.',
  },
  QUERY_REFUSED: { retry: 'never', exit: 77, next: 'Readers may run one SELECT over the tables; see docs/sql.md.' },
  QUERY_FAILED: { retry: 'never', exit: 65, next: 'Correct the query.' },
  QUERY_TIMEOUT: { retry: 'never', exit: 75, next: 'Ask for a shorter period or fewer things at once.' },
  QUERY_OVERLOADED: { retry: 'with_backoff', exit: 75, next: 'Too many queries wait; ask again in a moment.' },
  TABLES_UNAVAILABLE: { retry: 'with_backoff', exit: 75, next: 'ClickHouse does not answer; ask again in a moment.' },
  REQUEST_INVALID: { retry: 'never', exit: 65, next: 'Correct the named member; docs/api.md says what it takes.' },
  PERSISTED_QUERY_NOT_FOUND: {
    retry: 'never',
    exit: 65,
    next: 'Send the text of the query together with its hash once.',
  },
  NOT_FOUND: { retry: 'never', exit: 65, next: 'Check the identifiers and the organization of the call.' },
  UNAUTHENTICATED: { retry: 'never', exit: 77, next: 'Log in, or bring a valid key as "Authorization: Bearer".' },
  FORBIDDEN: { retry: 'never', exit: 77, next: 'Ask an admin of the organization for the role or permission.' },
  ACCESS_UNAVAILABLE: {
    retry: 'with_backoff',
    exit: 75,
    next: 'Who may ask cannot be told now; ask again in a moment.',
  },
  CACHE_UNAVAILABLE: {
    retry: 'with_backoff',
    exit: 75,
    next: 'Check the Redis of redis.cache_url; answers come slower meanwhile, and are the same.',
  },
  ACCESS_OVERLOADED: {
    retry: 'with_backoff',
    exit: 75,
    next: 'Too many passwords are being checked at once; try again in a moment.',
  },
  RATE_LIMITED: { retry: 'with_backoff', exit: 75, next: 'Wait as long as Retry-After says.' },
  REPLAY_REFUSED: {
    retry: 'never',
    exit: 77,
    next: 'The message says why nothing is sent again here; docs/dead-letters.md says how it is done.',
  },
  EDIT_CONFLICT: { retry: 'never', exit: 65, next: 'Somebody edited it since: read it again, and edit that.' },
  IDEMPOTENCY_KEY_REUSED: {
    retry: 'never',
    exit: 65,
    next: 'Make a new key for each call, and bring it again only with the very same one.',
  },
  CALL_UNDER_WAY: { retry: 'with_backoff', exit: 75, next: 'Ask again in a moment with the same key.' },
  CALL_UNFINISHED: {
    retry: 'never',
    exit: 65,
    next: 'Look whether it was done; if not, say it again with a new idempotency key.',
  },
  EDIT_REFUSED: { retry: 'never', exit: 77, next: 'It is kept in files: change it there, then run "paceline apply".' },
} as const satisfies Record<string, { retry: Retry; exit: number; next: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** An error the world caused: coded, with its cause, saying whether waiting helps. */
export class EngineError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(redact(message), options);
    this.name = 'EngineError';
    this.code = code;
  }
  get retry(): Retry {
    return errorCatalogue[this.code].retry;
  }
  get exitCode(): number {
    return errorCatalogue[this.code].exit;
  }
  get next(): string {
    return errorCatalogue[this.code].next;
  }
}

/** True when the error says that the same attempt may succeed later. */
export function isWorthRetrying(error: unknown): boolean {
  return error instanceof EngineError && error.retry === 'with_backoff';
}

/** What is in our memory is not what it must be; whoever guards a record lets it pass. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
}

/** Our own invariants. A failure here is a bug of ours: the engine stops rather than guess. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BrokenInvariant(`invariant broken: ${message}`);
}
