import type { AccountsDatabase, OnTouched, StoreContext } from './accounts-database.ts';
import { AuditLog } from './audit-log.ts';
import { Configurations } from './configurations.ts';
import { IdempotentCalls } from './idempotent-calls.ts';
import { Invitations } from './invitations.ts';
import { ApiKeys } from './keys.ts';
import { People } from './people.ts';
import { Replays } from './replays.ts';
import { Sessions } from './sessions.ts';

/** Who there is and what each may: the truth, in PostgreSQL or in SQLite beside the state. */
export interface Accounts {
  readonly name: string;
  readonly people: People;
  readonly sessions: Sessions;
  readonly keys: ApiKeys;
  readonly invitations: Invitations;
  readonly configurations: Configurations;
  readonly replays: Replays;
  readonly calls: IdempotentCalls;
  readonly audit: AuditLog;
  close(): Promise<void>;
}

interface AccountsOptions {
  readonly database: AccountsDatabase;
  readonly nowMs: () => number;
  /** UUIDs. */
  readonly newId: () => string;
  readonly onTouched: OnTouched;
}

export function openAccounts(options: AccountsOptions): Accounts {
  const context: StoreContext = options;
  return {
    name: options.database.name,
    people: new People(context),
    sessions: new Sessions(context),
    keys: new ApiKeys(context),
    invitations: new Invitations(context),
    configurations: new Configurations(context),
    replays: new Replays(context),
    calls: new IdempotentCalls(context),
    audit: new AuditLog(context),
    close: () => options.database.close(),
  };
}
