import type { Accounts } from './access/store/accounts.ts';
import type { Invitation } from './access/store/invitations.ts';
import type { ApiKey } from './access/store/keys.ts';
import type { MemberRole } from './access/store/people.ts';

/** A value that a statement names as `{name:Type}`: it travels beside the text, never in it. */
export type ParameterValue = string | number | readonly string[];

/** One statement over the tables, and the values for its parameters. */
export interface TableQuery {
  /** SELECT over tables without a database in front. `{org:String}` is bound by the reader itself. */
  readonly sql: string;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

/**
 * The tables as one organization sees them. A reader is made for one organization and can name no other:
 * `{org:String}` is its own, and the server, where it can, bounds it once more.
 */
export interface TableReader {
  readonly orgId: string;
  /**
   * Rows as objects; 64-bit integers and decimals come as text, so that no digit is lost. Throws
   * QUERY_TIMEOUT, QUERY_OVERLOADED where too many wait, TABLES_UNAVAILABLE, or QUERY_FAILED.
   */
  rows<Row>(query: TableQuery): Promise<Row[]>;
  /** Where rows of a table are read whose period begins at an instant, ms. */
  since(table: string, fromMs: number): Promise<ReadTable>;
}

/** A table as a statement reads it, each row once and in its last version. */
export interface ReadTable {
  /** As FROM takes it, with the alias `d`. */
  readonly sql: string;
  /** `hot`: what ClickHouse keeps. `all_times`: with what left it for the lake. */
  readonly reach: 'hot' | 'all_times';
}

/** Makes readers. Its connections are its own: what waits here never delays a lane. */
export interface Tables {
  of(orgId: string): TableReader;
  /** Organizations of which there is any campaign, by id, after one of them: for the operator alone. */
  organizations(after: string, limit: number): Promise<string[]>;
  /** Transitions whose identity, or that of their alert, begins so: for the operator alone. */
  alertsLike(prefix: string, limit: number): Promise<{ orgId: string; alertId: string; fingerprint: string }[]>;
  /**
   * Changes whenever a table may have changed, with any organization's rows, and tells nothing else; it may
   * be a second old. So equal versions mean equal answers.
   */
  dataVersion(): Promise<string>;
}

/** A rule or setting as somebody wrote it, and which edit of it this is. */
export interface RuleText {
  readonly ruleId: string;
  /** YAML or JSON, as a file of config/rules/. */
  readonly text: string;
  /** The organization's own, or everyone's (`_default`), which an organization cannot change. */
  readonly isOwn: boolean;
  /** Kept in files: changed there, and by `paceline apply`. */
  readonly isFile: boolean;
  /** Changes with each edit; what If-Match compares. */
  readonly version: string;
}

/** Who writes, for the audit. */
export interface WriteContext {
  readonly actor: string;
  readonly requestId: string;
}

/** Where people decide: the rules of an organization. */
export interface RuleStore {
  rulesOf(orgId: string): Promise<RuleText[]>;
  /**
   * Writes a rule that was checked before. `expected` is the version that the writer saw; null = it must not be
   * there yet. Throws EDIT_CONFLICT where it is another, RULE_INVALID where the plan as a whole would not
   * compile, EDIT_REFUSED where rules of this installation are kept in files.
   */
  writeRule(
    orgId: string,
    rule: { id: string; text: string },
    expected: string | null,
    by: WriteContext,
  ): Promise<RuleText>;
  deleteRule(orgId: string, ruleId: string, expected: string, by: WriteContext): Promise<void>;
}

/** Accounts, and what makes tokens for them: each token is told to whoever asked for it, and stored nowhere. */
export interface AccessDesk {
  readonly accounts: Accounts;
  /** Throws REQUEST_INVALID for scopes that no key may have. */
  issueKey(
    by: WriteContext,
    key: { orgId: string; name: string; scopes: readonly string[]; expiresMs: number | null },
  ): Promise<{ key: string; made: ApiKey }>;
  invite(
    by: WriteContext,
    invited: { orgId: string; email: string; role: MemberRole },
  ): Promise<{ token: string; invitation: Invitation }>;
}

/** A record of the log of events, in an organization's partition. */
export interface Place {
  readonly partition: number;
  readonly offset: number;
}

/** A record as it came, read again. */
export interface PastRecord extends Place {
  readonly topic: string;
  /** Append time, ms. */
  readonly logTimeMs: number;
  /** When it happened, ms; the log time where its own cannot be trusted. */
  readonly eventTimeMs: number;
  readonly kind: string;
  /** All its fields, instants in ms, days since 1970; null where it cannot be read. */
  readonly fields: Readonly<Record<string, unknown>> | null;
}

/** Which records; every bound that is left out holds for none. */
export interface PastQuery {
  /** Left out: of any, which only the one record may be that a judgement was made at. */
  readonly orgIds?: readonly string[];
  readonly partition: number;
  readonly kinds?: readonly string[];
  readonly campaignId?: string;
  readonly fromOffset?: number;
  /** Inclusive. */
  readonly untilOffset?: number;
  /** Of the event's time, ms. */
  readonly fromEventMs?: number;
  /** Of the append time, ms. */
  readonly fromLogMs?: number;
  readonly limit: number;
}

/** What was said before, as bronze and the control plane keep it. */
export interface Past {
  /** The topic of the log of events. */
  readonly topic: string;
  /** Why no record can be named here, in a few words; null where they can. */
  readonly whyNoRecords: string | null;
  /** In the order of the log; none where there are no records to name. */
  records(query: PastQuery): Promise<readonly PastRecord[]>;
  /** The plan of the organization as people have it written now, as JSON without a number; null = it cannot be had. */
  planNow(orgId: string): Promise<string | null>;
  /** Organizations that a rule of this id is written for, where it is not for all; null = there is no such rule, or it is for all. */
  organizationsOfRule(ruleId: string): Promise<readonly string[] | null>;
}

/** A record as it lies at its address: its bytes, and nothing read into them. */
export interface StoredRecord extends Place {
  readonly topic: string;
  /** Append time, ms. */
  readonly logTimeMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Where it was found. */
  readonly heldBy: 'log' | 'bronze';
}

/** What decoding makes of a value, as a lane would at this moment. */
export interface ReadValue {
  /** Why it cannot be used; null = it decodes, and what only a lane knows may still be against it. */
  readonly problem: { readonly reason: string; readonly detail: string } | null;
  /** The organization that the value names; null where it cannot be read. */
  readonly orgId: string | null;
  readonly kind: string | null;
  /** Tick or plan: records of the engine, which nobody sends. */
  readonly isSystem: boolean;
  /** How lanes remember its id: for some hours, for as long as money may be late, or not at all. */
  readonly idMemory: 'delivery' | 'rare' | 'total' | 'none';
  /** Lower-case hex. */
  readonly eventId: string | null;
  /** When it happened, ms. */
  readonly eventTimeMs: number | null;
  /** All its fields, as `PastRecord` has them. */
  readonly fields: Readonly<Record<string, unknown>> | null;
}

/** The log of events by its addresses. Every call may throw SOURCE_UNAVAILABLE, or REGISTRY_UNAVAILABLE. */
export interface EventLog {
  readonly topic: string;
  /** The record at a place, from the log, else from bronze; null where neither has it. Throws QUERY_OVERLOADED. */
  record(place: Place): Promise<StoredRecord | null>;
  read(values: readonly { readonly key: Uint8Array | null; readonly value: Uint8Array | null }[]): Promise<ReadValue[]>;
  /** The partition of an organization, and the offset that its next record gets. Throws REPLAY_REFUSED where nobody may append. */
  placeOf(orgId: string): Promise<Place>;
  /** Appends values under the key of the organization; resolves with their offsets once they are durable. */
  append(orgId: string, values: readonly Uint8Array[]): Promise<number[]>;
  /** Offsets of records of an organization from a place on, and up to a log time, by the SHA-256 of their values. */
  find(from: Place, orgId: string, untilMs: number): Promise<ReadonlyMap<string, readonly number[]>>;
}

/** The engine as `/-/status` shows it; null in a process that runs none. */
export interface EngineView {
  status(): unknown;
  graph(): unknown;
}

/** Seals where a list goes on, so that nobody can name a place that no answer gave. */
export interface Cursors {
  /** `scope` says for which list of which organization the cursor is good. */
  seal(scope: string, position: readonly (string | number)[]): string;
  /** Null for whatever `seal` did not make for that very scope. */
  open(scope: string, cursor: string): (string | number)[] | null;
}

/** Everything that queries need from outside. */
export interface ServingPorts {
  readonly tables: Tables;
  readonly rules: RuleStore;
  readonly access: AccessDesk;
  readonly engine: EngineView | null;
  readonly past: Past;
  readonly log: EventLog;
  readonly cursors: Cursors;
  /** UUIDs. */
  readonly newId: () => string;
  /** Wall time, ms. */
  readonly now: () => number;
}
