import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../control/logs/logger.ts';
import { systemClock } from '../control/system-clock.ts';
import { erasedRecord } from '../model/erased-record.ts';
import { EngineError } from '../model/errors.ts';
import { partitionOfKey } from '../model/hash.ts';
import { type AppliedPlan, applyPlan } from '../plans/apply-plans.ts';
import { readPlanFiles } from '../plans/plan-files.ts';
import { applyByLedger } from '../plans/postgres/apply-edits.ts';
import { Database } from '../plans/postgres/database.ts';
import { eraseRows } from '../plans/postgres/erase-rows.ts';
import { closingPlan, type PlanDraft } from '../rules/plan.ts';
import { eraseAccounts } from '../serving/access/store/sqlite/erase-accounts.ts';
import { eraseRecords } from '../sources/recorded/erase-records.ts';
import { readStreamFile } from '../sources/recorded/segment-files.ts';
import { deleteKeys } from '../state/redis/delete-keys.ts';
import { openDataDirectory } from '../state/sqlite/data-directory.ts';
import { awaitRedisState, sealEmbeddedState } from './erase-state.ts';
import {
  closeInBronze,
  type ErasureReport,
  eraseFromLake,
  requireNoHold,
  requireOrganization,
} from './lake/erase-from-lake.ts';
import { logPlaceOf } from './log/log-place.ts';
import { streamName, visitLog } from './log/visit-log.ts';
import { visitWaitMs } from './log/visits.ts';
import { cacheEndpoint } from './open-state.ts';
import { accountsFile } from './serving/open-access.ts';
import type { Config } from './settings.ts';

/** Where the door of an organization was closed, or opened anew. */
export interface Door {
  readonly topic: string;
  readonly partition: number;
  readonly number: number;
  readonly offset: number;
  /** First offset that the log holds. */
  readonly logStart: number;
  /** The same plan in other lanes, where a producer with another partitioner may send: their offsets by partition. */
  readonly others: Readonly<Record<string, number>>;
}

/** What became of its records in the log. */
type ErasedLog =
  | { readonly kind: 'directory'; readonly records: number; readonly segments: readonly string[] }
  /** Kafka takes no single record out: they go with the retention of the topic. */
  | {
      readonly kind: 'kafka';
      readonly topic: string;
      readonly partition: number;
      readonly from: number;
      readonly to: number;
    };

export interface WholeErasure extends ErasureReport {
  /** Null in a dry run. */
  readonly closed: Door | null;
  readonly log: ErasedLog;
  /** Blobs of its lane that were written anew; null where that is for the engine to do, or in a dry run. */
  readonly state: number | null;
  /** Rows of PostgreSQL, or of the accounts in the data directory, by table; of the audit log those that were redacted. */
  readonly accounts: Readonly<Record<string, number>>;
  /** Answers in the cache. */
  readonly cached: number;
}

interface EraseContext {
  readonly log: Logger;
  readonly waitMs: number;
  readonly onStep: (what: string) => void;
  /** Works the log off in the data directory, and ends. */
  readonly workOff: () => Promise<void>;
}

/**
 * Closes the door for an organization: a plan of its own that says so, at an offset of its lane, so that every replay
 * decides alike. Bronze keeps the places of its records alone from then on. Closing twice changes nothing.
 */
async function closeDoor(config: Config, org: string, log: Logger): Promise<Door> {
  const door = await sayPlan(config, closingPlan(org), { log, reopens: false });
  await closeInBronze(config, org, null);
  return door;
}

/** Opens it anew, by what the files say of it, else by what they say for all. */
export async function reopenOrganization(config: Config, org: string, log: Logger): Promise<Door> {
  requireOrganization(org);
  const { drafts } = readPlanFiles(config.plans);
  const draft = drafts.find(({ org_id }) => org_id === org) ?? { ...drafts[0], org_id: org };
  const door = await sayPlan(config, draft, { log, reopens: true });
  await closeInBronze(config, org, door.offset);
  return door;
}

async function sayPlan(
  config: Config,
  draft: PlanDraft,
  { log, reopens }: { readonly log: Logger; readonly reopens: boolean },
): Promise<Door> {
  return await visitLog(config, { clock: systemClock, log }, async ({ identity, topic, plans: target }) => {
    const say = async (): Promise<readonly AppliedPlan[]> => {
      if (config.postgres.url === null) return await applyPlan(draft, target, { reopens });
      const database = new Database(config.postgres, { connectionsMax: 3 });
      try {
        const stream = { stream: streamName(identity), topic, log: target };
        const said = await applyByLedger(database, stream, draft, { reopens });
        if (said === null) throw new EngineError('CONTROL_UNAVAILABLE', 'another instance writes plans at this moment');
        return said;
      } finally {
        await database.close();
      }
    };
    const said = await say();
    const places = await Promise.all(
      said.map(async ({ partition, offset }) => {
        const place = offset ?? (await target.newest(draft.org_id, partition))?.offset ?? null;
        if (place !== null) return [partition, place] as const;
        const what = `the log of ${topic} no longer has the plan of ${draft.org_id} in partition ${partition}`;
        throw new EngineError('HISTORY_INCOMPLETE', what);
      }),
    );
    const key = Buffer.from(draft.org_id);
    const own = partitionOfKey(key, 0, key.length, target.partitions);
    const { number } = said.find(({ partition }) => partition === own) ?? said[0];
    const { [own]: offset, ...others } = Object.fromEntries(places);
    return { topic, partition: own, number, offset, logStart: await target.start(own), others };
  });
}

/** Says what would go, everywhere. Changes nothing, and may run beside an engine. */
export async function planErasure(config: Config, org: string, log: Logger): Promise<WholeErasure> {
  requireOrganization(org);
  const report = await eraseFromLake(config, org, { isDryRun: true, log });
  const where = { isDryRun: true, closed: null, org };
  return {
    ...report,
    closed: null,
    log: eraseLog(config, where),
    state: null,
    accounts: await eraseFromAccounts(config, org, true),
    cached: 0,
  };
}

/**
 * Erases an organization everywhere: the door closes first, then the log of the data directory, state, accounts,
 * caches, ClickHouse and the lake. Each step may be repeated, so a run that was killed is carried on by the next. At the
 * end readers look for it. Throws COPY_DIFFERS where one still finds something.
 */
export async function eraseEverywhere(config: Config, org: string, context: EraseContext): Promise<WholeErasure> {
  requireOrganization(org);
  requireNoHold(config, org);
  const { log, waitMs, onStep } = context;
  onStep('closing the door');
  const closed = await closeDoor(config, org, log);
  const lane = { ...closed, org };
  let state: number | null = null;
  if (config.redis.url === null) {
    onStep('working the log off');
    await context.workOff();
    onStep('writing the state anew');
    state = await sealEmbeddedState(config, lane);
  } else {
    onStep('waiting for the lane');
    await awaitRedisState(config, lane, { waitMs, onWaiting: onStep });
  }
  onStep('erasing the log');
  const erasedLog = await eraseLogInTurn(config, { isDryRun: false, closed, org });
  onStep('erasing accounts and caches');
  const accounts = await eraseFromAccounts(config, org, false);
  const cached = await eraseFromCache(config, org);
  onStep('erasing ClickHouse and the lake');
  const also = { closed, log: erasedLog, state, accounts, cached };
  const report = await eraseFromLake(config, org, { isDryRun: false, log, also });
  return { ...report, ...also };
}

interface LogErasure {
  readonly isDryRun: boolean;
  readonly closed: Door | null;
  readonly org: string;
}

async function eraseLogInTurn(config: Config, erasure: LogErasure): Promise<ErasedLog> {
  if (logPlaceOf(config).isShared) return eraseLog(config, erasure);
  const directory = await openDataDirectory(config.data_directory, { clock: systemClock, waitMs: visitWaitMs });
  try {
    return eraseLog(config, erasure);
  } finally {
    directory.close();
  }
}

/** Of the topics in the data directory: events become ticks, results say only which they were. */
function eraseLog(config: Config, { isDryRun, closed, org }: LogErasure): ErasedLog {
  const { topic } = config.log;
  if (logPlaceOf(config).isShared) {
    const { partition = -1, logStart = 0, offset = 0 } = closed ?? {};
    return { kind: 'kafka', topic, partition, from: logStart, to: offset };
  }
  const dir = join(config.data_directory, 'log');
  const key = Buffer.from(org);
  const isTheirs = (each: Uint8Array | null) => each !== null && key.equals(each);
  const doors = new Map(Object.entries(closed?.others ?? {}));
  if (closed !== null) doors.set(String(closed.partition), closed.offset);
  const isDoor = (partition: number, offset: number) => doors.get(String(partition)) === offset;
  const found = eraseRecords({
    ...{ dir, topic, key, isDryRun },
    standIn: (record) => (isTheirs(record.key) && !isDoor(record.partition, record.offset) ? erasedRecord : null),
  });
  let { records } = found;
  const segments = [...found.segments];
  for (const other of topicsIn(dir).filter((name) => name !== topic)) {
    const results = eraseRecords({
      ...{ dir, topic: other, key, isDryRun },
      standIn: ({ key: each, value }) => (isTheirs(each) ? placeOfResult(value) : null),
    });
    records += results.records;
    segments.push(...results.segments);
  }
  return { kind: 'directory', records, segments };
}

function topicsIn(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const names = readdirSync(dir, { withFileTypes: true });
  return names
    .filter((entry) => entry.isDirectory() && readStreamFile(dir, entry.name) !== null)
    .map(({ name }) => name);
}

/** By which the sink knows where it stands; what it said is gone. */
function placeOfResult(value: Uint8Array | null): Uint8Array {
  const { version, delivery } = JSON.parse(Buffer.from(value ?? '{}').toString('utf8')) as Record<string, unknown>;
  return Buffer.from(JSON.stringify({ erased: true, version, delivery }));
}

async function eraseFromAccounts(
  config: Pick<Config, 'data_directory' | 'postgres'>,
  org: string,
  isDryRun: boolean,
): Promise<Record<string, number>> {
  if (config.postgres.url !== null) return await eraseRows(config.postgres, org, { actor: 'paceline erase', isDryRun });
  return eraseAccounts(join(config.data_directory, accountsFile), org, { nowMs: systemClock.wallMs(), isDryRun });
}

/** Answers are kept by organization; the memory of processes forgets them within minutes. */
async function eraseFromCache(config: Config, org: string): Promise<number> {
  const endpoint = cacheEndpoint(config);
  return endpoint === null ? 0 : await deleteKeys(endpoint, `${config.redis.key_prefix}cache:answer:${org}/`);
}
