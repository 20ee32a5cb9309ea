import { channel } from 'node:diagnostics_channel';

/** Why a lane does not read at the moment; it goes on by itself, but for `sink_rejected` and `halted`, which a person must end. */
export type PauseReason =
  | 'opening'
  | 'revoking'
  | 'state_unavailable'
  | 'source_unavailable'
  | 'registry_unavailable'
  | 'undelivered_bound'
  | 'halted'
  | 'sink_rejected';

/** What an offset that a lane passed became. */
type OffsetAccount = 'applied' | 'dead' | 'late' | 'dropped' | 'control' | 'lost' | 'gaps';

/**
 * What the engine says about its own work, one fact per batch, round or delivery and never one per
 * event. Each is published on the `node:diagnostics_channel` named `paceline:<fact>`, so metrics, logs
 * and tracing attach from outside and the data plane knows none of them.
 */
export interface Facts {
  /** Which lanes are ours from now on; others may run the rest. */
  'lanes.assigned': { topic: string; partitions: readonly number[] };
  /** A lane is ours: its state is restored and its undelivered output queued. */
  'lane.claimed': { lane: string; partition: number; seq: number; nextOffset: number; chunksRedelivered: number };
  /** A lane lost its place (another owner, or the store or the log forgot where it stood); it claims again and replays. */
  'lane.dropped': {
    lane: string;
    partition: number;
    outcome: 'FENCED' | 'GAP';
    while: 'poll' | 'commit' | 'check' | 'trim';
  };
  /** The log lost records that the lane had applied; it is opened anew from its last commit. */
  'lane.cut': { lane: string; partition: number; nextOffset: number; error: unknown };
  /** The program of a lane threw over records from `offset` on, or at a commit: it is opened anew from its last commit. */
  'lane.stumbled': { lane: string; partition: number; offset: number; while: 'apply' | 'commit'; error: unknown };
  /** `reason` null = it goes on; `error` is the trouble that it waits out, null where it waits for no trouble. */
  'lane.paused': { lane: string; partition: number; reason: PauseReason | null; error: unknown };
  /** A lane of bronze stands still until a person acts; `error` null = it goes on. */
  'bronze.halted': { partition: number; error: unknown };
  /** Bronze waits out a trouble, told at each attempt; `error` null = it goes on. */
  'bronze.waiting': { error: unknown };
  /** The source heard where the log of a lane ends: one past the newest record that may be read. */
  'lane.end': { lane: string; partition: number; endOffset: number };
  /** `bytes` is the size of keys and values together with their framing in the run. */
  'batch.applied': {
    lane: string;
    partition: number;
    records: number;
    bytes: number;
    /** Offsets that the lane moved on by, and what became of them (docs/semantics.md §1); the sums are equal. */
    passed: number;
    accounts: Readonly<Record<OffsetAccount, number>>;
    nextOffset: number;
    clockMs: number;
  };
  /** Records of a lane by the organization that their key names, and dead letters by their owner, since the last of these facts. */
  'organizations.counted': {
    lane: string;
    partition: number;
    /** Those with the most. */
    organizations: readonly { orgId: string; records: number; letters: number }[];
    /** Records of all the others, and of keys that name none. */
    others: number;
  };
  /** Records of a batch that became dead letters, by reason, each with the first of them. */
  'records.buried': {
    lane: string;
    partition: number;
    letters: readonly { reason: string; records: number; offset: number; detail: string }[];
  };
  /** Events of a batch whose instants lay after the log's, of sources whose clock the plan does not trust: they count at its time. */
  'records.clock_set_right': { lane: string; partition: number; records: number };
  /** Money at risk of the lane's flights, where it changed; a currency that was told once is told again, at 0 too. */
  'money.at_risk': { partition: number; amounts: readonly { currency: string; micros: number }[] };
  /** Records over which the engine stumbled: dead letters `internal_error`. One fact a batch, with the first of them. */
  'records.failed': {
    stage: 'decode' | 'check' | 'apply';
    partition: number;
    offset: number;
    records: number;
    error: unknown;
  };
  /** The log holds something that nobody can read: `offsets` from `offset` on are lost, a dead letter says why. */
  'records.unreadable': {
    lane: string;
    partition: number;
    reason: string;
    offset: number;
    offsets: number;
    detail: string;
  };
  /** A log of ours ended in something that is no whole record: it was cut off, and is kept in a file. */
  'log.torn': { topic: string; partition: number; offset: number; bytes: number; kept: string };
  'lane.committed': {
    lane: string;
    partition: number;
    seq: number;
    nextOffset: number;
    result: 'OK' | 'DUP';
    bytes: number;
    streams: readonly { stream: string; rows: number }[];
  };
  'round.committed': { lanes: number; bytes: number; durationMs: number; attempts: number };
  /** A call to the state store failed with an unknown outcome; it is tried again. */
  'state.failed': { call: 'claim' | 'commit' | 'check' | 'trim'; attempt: number; error: unknown };
  /** A copy of a lane's durable content is on the disk, to restore from when Redis loses it. */
  'snapshot.written': { lane: string; seq: number; nextOffset: number; bytes: number; durationMs: number };
  /** The lane goes on; its last snapshot is older than it should be. */
  'snapshot.failed': { lane: string; error: unknown };
  /** A snapshot that is not whole was passed over; the one before it is tried. */
  'snapshot.refused': { lane: string; path: string; error: unknown };
  /** The state store had lost the lane; it was restored from the snapshot at `path`, and replays from there. */
  'state.restored': {
    lane: string;
    seq: number;
    nextOffset: number;
    reason: string;
    path: string;
    takenAtMs: number;
  };
  'sink.delivered': {
    sink: string;
    chunks: number;
    bytes: number;
    durationMs: number;
    streams: readonly { stream: string; rows: number }[];
  };
  /** `isFinal` = the sink refuses our rows and is stopped; else the same chunks are tried again. */
  'sink.failed': { sink: string; attempt: number; isFinal: boolean; error: unknown };
  /** A lane is asked for, records wait before it, and it stands still; `action` is what is tried now. */
  'source.stalled': {
    lane: string;
    partition: number;
    position: number;
    end: number;
    frozenMs: number;
    action: 'reseek' | 'rejoin';
  };
  /** Room on a disk that we write to. */
  'disk.looked': { use: string; directory: string; freeBytes: number; isFull: boolean; wasFull: boolean };
  /** The lake and what it takes over from, in numbers. Instants are epoch ms; null = not yet. */
  'lake.looked': {
    layers: readonly { layer: string; files: number; rows: number; bytes: number; completeThroughMs: number | null }[];
    hot: { rows: number; bytes: number };
    lastDrill: { drilledAtMs: number; differences: number } | null;
    lastVerifiedMs: number | null;
  };
  /** Work over the lake has ended; `error` null = well. */
  'lake.job': { job: string; durationMs: number; report: Readonly<Record<string, string | number>>; error: unknown };
  'tick.appended': { partition: number; offset: number };
  'tick.failed': { partition: number; error: unknown };
  /** The database of rules, or the log, did not answer; rules in force stay in force, and we try again. */
  'control.failed': { attempt: number; error: unknown };
  /** It answers; `failures` = attempts that failed since it last did. */
  'control.reached': { failures: number };
  /** How much of the database's queue of notifications is taken, 0 to 1; full = edits are found by the poll alone. */
  'control.notify_queue': { usage: number; isFull: boolean };
  'plan.appended': { orgId: string; partition: number; number: number; offset: number };
  /** Rows of an organization make no plan; the one in force stays in force. */
  'plan.refused': { orgId: string; problems: readonly string[] };
  /** All edits up to now are looked at. */
  'plans.applied': { plans: number; refused: number };
}
export type FactName = keyof Facts;

const channels = new Map<FactName, ReturnType<typeof channel>>();

function channelOf(name: FactName): ReturnType<typeof channel> {
  let found = channels.get(name);
  if (found === undefined) {
    found = channel(`paceline:${name}`);
    channels.set(name, found);
  }
  return found;
}

/** Tells everyone who listens; costs next to nothing when nobody does. Listeners must not throw. */
export function publishFact<Name extends FactName>(name: Name, fact: Facts[Name]): void {
  const target = channelOf(name);
  if (target.hasSubscribers) target.publish(fact);
}

/** Calls `listener` for each fact of that name, at once and in order; returns the way to stop. */
export function onFact<Name extends FactName>(name: Name, listener: (fact: Facts[Name]) => void): () => void {
  const target = channelOf(name);
  const receive = (message: unknown) => listener(message as Facts[Name]);
  target.subscribe(receive);
  return () => {
    target.unsubscribe(receive);
  };
}
