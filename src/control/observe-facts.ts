import { type FactName, type Facts, onFact } from '../model/facts.ts';
import { type Clock, minuteMs } from '../model/time.ts';
import type { Logger } from './logs/logger.ts';
import type { Metrics } from './metrics/metrics.ts';
import { OrganizationObserver } from './observe-organizations.ts';
import type { LaneStatus } from './status.ts';

/** What the facts say about a lane since the start. */
interface LaneTally {
  nextOffset: number;
  /** Where the log ends, as last heard; null where the source does not say. */
  endOffset: number | null;
  clockMs: number | null;
  records: number;
  commits: number;
  pausedFor: string | null;
  trouble: string | null;
}

/**
 * Listens to the data plane and turns its facts into metrics, log lines and lane status. The data
 * plane knows none of us; when this listener is gone, it runs on unchanged.
 */
export class FactObserver implements Disposable {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #lanes = new Map<string, LaneTally>();
  #controlTrouble: string | null = null;
  #stateTrouble: string | null = null;
  #isNotifyQueueFull = false;
  readonly #organizations: OrganizationObserver;
  readonly #stops: (() => void)[] = [];
  /** Currencies in which lanes told of money at risk, by partition. */
  readonly #riskTold = new Map<number, Set<string>>();
  /** Dead letters since the last line about them, by reason. */
  readonly #untold = new Map<string, number>();
  /** Steady time of the last line about failed records, by stage, and about dead letters, by reason. */
  readonly #failureToldMs = new Map<string, number>();

  /** `deadLetterReasons`: all that there are, so that each is counted from the start. */
  constructor(metrics: Metrics, log: Logger, clock: Clock, deadLetterReasons: readonly string[] = []) {
    for (const reason of deadLetterReasons) metrics.add('paceline_dead_letters_total', { reason }, 0);
    this.#metrics = metrics;
    this.#log = log;
    this.#clock = clock;
    this.#organizations = new OrganizationObserver(metrics, clock);
    this.#observeLanes();
    this.#observeUnreadable();
    this.#observeCommits();
    this.#observeSnapshots();
    this.#observeSinks();
    this.#observePlans();
  }

  /** Why edits in PostgreSQL are not followed at the moment; null = they are, or nobody follows any. */
  get controlTrouble(): string | null {
    return this.#controlTrouble;
  }

  /** Why the state is not written or read at the moment; null = it is. */
  get stateTrouble(): string | null {
    return this.#stateTrouble;
  }

  lanes(): LaneStatus[] {
    return [...this.#lanes]
      .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
      .map(([lane, { nextOffset, clockMs, records, commits, pausedFor, trouble }]) => ({
        lane,
        next_offset: nextOffset,
        clock_ms: clockMs,
        records,
        commits,
        paused_for: pausedFor,
        trouble,
      }));
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop();
    this.#organizations[Symbol.dispose]();
  }

  #on<Name extends FactName>(name: Name, listener: (fact: Facts[Name]) => void): void {
    this.#stops.push(onFact(name, listener));
  }

  #lane(name: string): LaneTally {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      const nothing = { endOffset: null, clockMs: null, pausedFor: null, trouble: null };
      lane = { nextOffset: 0, records: 0, commits: 0, ...nothing };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #observeLanes(): void {
    this.#on('lanes.assigned', ({ topic, partitions }) => {
      const ours = new Set(partitions.map((partition) => `${topic}:${partition}`));
      for (const lane of this.#lanes.keys()) if (!ours.has(lane)) this.#forgetLane(lane);
      this.#metrics.set('paceline_lanes_assigned', {}, partitions.length);
      this.#metrics.add('paceline_lane_assignments_total', {});
      this.#log.info('lanes.assigned', { topic, partitions: partitions.join(',') });
    });
    this.#on('lane.claimed', (fact) => {
      for (const name of perLaneCounters) this.#metrics.add(name, { partition: String(fact.partition) }, 0);
      // At zero from the start: else the first loss would not be an increase of anything.
      this.#metrics.add('paceline_records_lost_total', { partition: String(fact.partition) }, 0);
      this.#lane(fact.lane).nextOffset = fact.nextOffset;
      this.#stateTrouble = null;
      const { lane, seq, nextOffset, chunksRedelivered } = fact;
      this.#log.info('lane.claimed', { lane, seq, next_offset: nextOffset, chunks_redelivered: chunksRedelivered });
    });
    this.#on('lane.dropped', (fact) => {
      this.#metrics.add('paceline_lane_drops_total', { outcome: fact.outcome });
      this.#log.warn('lane.dropped', { lane: fact.lane, outcome: fact.outcome, while: fact.while });
    });
    this.#on('lane.cut', ({ lane, nextOffset, error }) => {
      this.#metrics.add('paceline_lane_drops_total', { outcome: 'CUT' });
      this.#log.error('lane.cut', { lane, next_offset: nextOffset, error });
    });
    this.#on('lane.stumbled', ({ lane, offset, while: doing, error }) => {
      this.#metrics.add('paceline_lane_drops_total', { outcome: 'STUMBLED' });
      if (this.#isToldNow(`stumbled ${lane}`)) this.#log.error('lane.stumbled', { lane, offset, while: doing, error });
    });
    this.#on('lane.paused', ({ lane, partition, reason, error }) => {
      const tally = this.#lane(lane);
      if (tally.pausedFor !== null) this.#setPaused(partition, tally.pausedFor, 0);
      if (reason !== null) this.#setPaused(partition, reason, 1);
      const wasOpening = tally.pausedFor === null || tally.pausedFor === 'opening';
      tally.pausedFor = reason;
      tally.trouble = error instanceof Error ? error.message : null;
      // The end of opening is told by `lane.claimed`.
      if (reason === null && !wasOpening) this.#log.info('lane.resumed', { lane });
      if (reason === 'halted') this.#log.error('lane.halted', { lane, error });
      else if (reason !== null && reason !== 'opening')
        this.#log.warn('lane.paused', { lane, reason, ...(error === null ? {} : { error }) });
    });
    this.#on('bronze.halted', ({ partition, error }) => {
      this.#metrics.set('paceline_bronze_lane_halted', { partition: String(partition) }, error === null ? 0 : 1);
      if (error === null) this.#log.info('bronze.resumed', { partition });
      else this.#log.error('bronze.halted', { partition, error });
    });
    this.#on('bronze.waiting', ({ error }) => {
      this.#metrics.set('paceline_sink_up', { sink: 'bronze' }, error === null ? 1 : 0);
      if (error === null) this.#log.info('bronze.resumed', {});
      else this.#log.warn('bronze.trouble', { error });
    });
    this.#on('lane.end', (fact) => {
      const lane = this.#lanes.get(fact.lane);
      // Bronze reads the same log with lanes of its own, and a lane is known from its claim on.
      if (lane === undefined) return;
      lane.endOffset = fact.endOffset;
      this.#measureLag(lane, fact.partition);
    });
    this.#on('batch.applied', (fact) => {
      const lane = this.#lane(fact.lane);
      lane.nextOffset = fact.nextOffset;
      lane.records += fact.records;
      this.#measureLag(lane, fact.partition);
      const labels = { partition: String(fact.partition) };
      this.#metrics.add('paceline_records_in_total', labels, fact.records);
      this.#metrics.add('paceline_bytes_in_total', labels, fact.bytes);
      this.#metrics.add('paceline_offsets_passed_total', labels, fact.passed);
      for (const [account, offsets] of Object.entries(fact.accounts))
        this.#metrics.add('paceline_offsets_accounted_total', { ...labels, account }, offsets);
      if (!Number.isFinite(fact.clockMs)) return;
      lane.clockMs = fact.clockMs;
      this.#metrics.set('paceline_lane_clock_timestamp_seconds', labels, fact.clockMs / 1_000);
    });
    this.#on('records.buried', (fact) => this.#recordsBuried(fact));
    this.#on('records.clock_set_right', ({ partition, records }) => {
      this.#metrics.add('paceline_clocks_set_right_total', { partition: String(partition) }, records);
    });
    this.#on('money.at_risk', ({ partition, amounts }) => {
      const told = this.#riskTold.get(partition) ?? new Set();
      this.#riskTold.set(partition, told);
      for (const { currency, micros } of amounts) {
        told.add(currency);
        this.#metrics.set('paceline_money_at_risk', { currency, partition: String(partition) }, micros / 1e6);
      }
    });
    this.#on('records.failed', (fact) => this.#recordsFailed(fact));
  }

  /** A line a minute and reason, with a record to look at; the table of dead letters has them all. */
  #recordsBuried({ lane, letters }: Facts['records.buried']): void {
    for (const { reason, records, offset, detail } of letters) {
      this.#metrics.add('paceline_dead_letters_total', { reason }, records);
      const untold = (this.#untold.get(reason) ?? 0) + records;
      this.#untold.set(reason, untold);
      if (!this.#isToldNow(reason)) continue;
      this.#untold.set(reason, 0);
      this.#log.warn('records.rejected', { reason, records: untold, lane, offset, detail });
    }
  }

  /** Whether a line about something is due: one a minute. */
  #isToldNow(what: string): boolean {
    const nowMs = this.#clock.steadyMs();
    if (nowMs - (this.#failureToldMs.get(what) ?? Number.NEGATIVE_INFINITY) < minuteMs) return false;
    this.#failureToldMs.set(what, nowMs);
    return true;
  }

  /** The stack once a minute and place: a producer that sends nothing else must not fill the log. */
  #recordsFailed({ stage, partition, offset, records, error }: Facts['records.failed']): void {
    this.#metrics.add('paceline_internal_errors_total', { stage }, records);
    if (!this.#isToldNow(stage)) return;
    this.#log.error('records.failed', { reason: 'internal_error', stage, partition, offset, records, error });
  }

  #observeUnreadable(): void {
    this.#on('records.unreadable', ({ lane, partition, reason, offset, offsets, detail }) => {
      if (reason === 'damaged_batch')
        this.#metrics.add('paceline_records_lost_total', { partition: String(partition) }, offsets);
      this.#log.error('records.unreadable', { lane, reason, offset, offsets, detail });
    });
    this.#metrics.add('paceline_log_torn_total', {}, 0);
    this.#on('log.torn', ({ topic, partition, offset, bytes, kept }) => {
      this.#metrics.add('paceline_log_torn_total', {});
      this.#log.warn('log.torn', { topic, partition, offset, bytes, kept });
    });
  }

  #measureLag({ nextOffset, endOffset }: LaneTally, partition: number): void {
    if (endOffset === null) return;
    const lag = Math.max(0, endOffset - nextOffset);
    this.#metrics.set('paceline_lane_lag_records', { partition: String(partition) }, lag);
  }

  /** Others run the lane now: its lag and its snapshots are theirs to tell. */
  #forgetLane(lane: string): void {
    this.#lanes.delete(lane);
    const labels = { partition: partitionOf(lane) };
    for (const name of perLaneGauges) this.#metrics.remove(name, labels);
    for (const currency of this.#riskTold.get(Number(labels.partition)) ?? [])
      this.#metrics.remove('paceline_money_at_risk', { currency, ...labels });
    this.#riskTold.delete(Number(labels.partition));
  }

  #setPaused(partition: number, reason: string, value: number): void {
    this.#metrics.set('paceline_lane_paused', { partition: String(partition), reason }, value);
  }

  #observeCommits(): void {
    this.#on('lane.committed', (fact) => {
      this.#lane(fact.lane).commits += 1;
      this.#metrics.add('paceline_commits_total', { result: fact.result });
      for (const { stream, rows } of fact.streams) this.#metrics.add('paceline_rows_out_total', { stream }, rows);
    });
    this.#on('round.committed', ({ bytes, durationMs }) => {
      this.#stateTrouble = null;
      this.#metrics.observe('paceline_commit_duration_seconds', {}, durationMs / 1_000);
      this.#metrics.add('paceline_commit_bytes_total', {}, bytes);
      this.#metrics.set('paceline_commit_last_success_timestamp_seconds', {}, this.#clock.wallMs() / 1_000);
    });
    this.#on('state.failed', ({ call, attempt, error }) => {
      this.#stateTrouble = error instanceof Error ? error.message : String(error);
      this.#metrics.add('paceline_state_failures_total', { call });
      this.#log.warn('state.failed', { reason: call, attempt, error });
    });
    this.#on('source.stalled', ({ lane, position, end, frozenMs, action }) => {
      this.#metrics.add('paceline_source_stalls_total', { action });
      this.#log.warn('source.stalled', { lane, position, end, frozen_ms: frozenMs, action });
    });
    this.#on('disk.looked', ({ use, directory, freeBytes, isFull, wasFull }) => {
      this.#metrics.set('paceline_disk_free_bytes', { use }, freeBytes);
      if (isFull && !wasFull) this.#log.error('disk.full', { use, directory, free_bytes: freeBytes });
      if (!isFull && wasFull) this.#log.info('disk.freed', { use, directory, free_bytes: freeBytes });
    });
    this.#on('lake.job', ({ job, durationMs, report, error }) => {
      const result = error === null ? 'done' : 'failed';
      this.#metrics.add('paceline_lake_jobs_total', { work: job, result });
      this.#metrics.set('paceline_lake_job_duration_seconds', { work: job }, durationMs / 1_000);
      const fields = { job, duration_ms: Math.round(durationMs), ...report };
      if (error !== null) this.#log.error('lake.job_failed', { ...fields, error });
      else if (job !== 'look') this.#log.info('lake.job', fields);
    });
    this.#on('lake.looked', (look) => this.#showLake(look));
    this.#on('tick.appended', () => this.#metrics.add('paceline_ticks_total', { result: 'appended' }));
    this.#on('tick.failed', ({ partition, error }) => {
      this.#metrics.add('paceline_ticks_total', { result: 'failed' });
      this.#log.warn('tick.failed', { partition, error });
    });
  }

  #showLake({ layers, hot, lastDrill, lastVerifiedMs }: Facts['lake.looked']): void {
    for (const { layer, files, rows, bytes, completeThroughMs } of layers) {
      this.#metrics.set('paceline_lake_files', { layer }, files);
      this.#metrics.set('paceline_lake_rows', { layer }, rows);
      this.#metrics.set('paceline_lake_bytes', { layer }, bytes);
      if (completeThroughMs !== null)
        this.#metrics.set('paceline_lake_complete_through_timestamp_seconds', { layer }, completeThroughMs / 1_000);
    }
    this.#metrics.set('paceline_lake_rows', { layer: 'hot' }, hot.rows);
    this.#metrics.set('paceline_lake_bytes', { layer: 'hot' }, hot.bytes);
    if (lastVerifiedMs !== null)
      this.#metrics.set('paceline_lake_last_verified_copy_timestamp_seconds', {}, lastVerifiedMs / 1_000);
    if (lastDrill === null) return;
    this.#metrics.set('paceline_lake_last_drill_timestamp_seconds', {}, lastDrill.drilledAtMs / 1_000);
    this.#metrics.set('paceline_lake_last_drill_differences', {}, lastDrill.differences);
  }

  #observeSnapshots(): void {
    this.#on('snapshot.written', ({ lane, durationMs }) => {
      this.#metrics.add('paceline_snapshots_total', { result: 'written' });
      this.#metrics.observe('paceline_snapshot_duration_seconds', {}, durationMs / 1_000);
      const labels = { partition: partitionOf(lane) };
      this.#metrics.set('paceline_snapshot_last_success_timestamp_seconds', labels, this.#clock.wallMs() / 1_000);
    });
    this.#on('snapshot.failed', ({ lane, error }) => {
      this.#metrics.add('paceline_snapshots_total', { result: 'failed' });
      this.#log.warn('snapshot.failed', { lane, error });
    });
    this.#on('snapshot.refused', ({ lane, path, error }) => {
      this.#metrics.add('paceline_snapshots_total', { result: 'refused' });
      this.#log.error('snapshot.refused', { lane, path, error });
    });
    this.#on('state.restored', ({ lane, seq, nextOffset, reason, path, takenAtMs }) => {
      this.#metrics.add('paceline_state_restores_total', {});
      const takenAt = new Date(takenAtMs).toISOString();
      this.#log.warn('state.restored', { lane, seq, next_offset: nextOffset, reason, path, taken_at: takenAt });
    });
  }

  /** The sinks that there are, so that their deliveries are counted from the start. */
  knowSinks(names: readonly string[]): void {
    for (const sink of names)
      for (const result of ['ok', 'failed', 'refused'])
        this.#metrics.add('paceline_sink_deliveries_total', { sink, result }, 0);
  }

  #observeSinks(): void {
    this.#on('sink.delivered', ({ sink, durationMs, streams }) => {
      this.#metrics.add('paceline_sink_deliveries_total', { sink, result: 'ok' });
      this.#metrics.observe('paceline_sink_delivery_duration_seconds', { sink }, durationMs / 1_000);
      this.#metrics.set('paceline_sink_up', { sink }, 1);
      for (const { stream, rows } of streams) this.#metrics.add('paceline_sink_rows_total', { sink, stream }, rows);
    });
    this.#on('sink.failed', ({ sink, attempt, isFinal, error }) => {
      this.#metrics.add('paceline_sink_deliveries_total', { sink, result: isFinal ? 'refused' : 'failed' });
      this.#metrics.set('paceline_sink_up', { sink }, 0);
      if (isFinal) this.#log.error('sink.refused', { sink, attempt, error });
      else this.#log.warn('sink.failed', { sink, attempt, error });
    });
  }

  #observePlans(): void {
    this.#on('control.failed', ({ attempt, error }) => {
      this.#metrics.add('paceline_control_failures_total', {});
      this.#metrics.set('paceline_control_up', {}, 0);
      this.#controlTrouble = error instanceof Error ? error.message : String(error);
      this.#log.warn('control.failed', { attempt, error });
    });
    this.#on('control.reached', ({ failures }) => {
      this.#metrics.set('paceline_control_up', {}, 1);
      this.#controlTrouble = null;
      if (failures > 0) this.#log.info('control.reached', { attempt: failures });
    });
    this.#on('control.notify_queue', ({ usage, isFull }) => {
      this.#metrics.set('paceline_control_notify_queue_ratio', {}, usage);
      if (isFull === this.#isNotifyQueueFull) return;
      this.#isNotifyQueueFull = isFull;
      if (isFull) this.#log.warn('control.notify_full', { usage });
      else this.#log.info('control.notify_room', { usage });
    });
    this.#on('plan.appended', ({ orgId, partition, number, offset }) => {
      this.#metrics.add('paceline_plans_appended_total', {});
      this.#log.info('plan.appended', { org_id: orgId, partition, number, offset });
    });
    this.#on('plan.refused', ({ orgId, problems }) => this.#log.error('plan.refused', { org_id: orgId, problems }));
    this.#on('plans.applied', ({ refused }) => this.#metrics.set('paceline_plans_refused', {}, refused));
  }
}

/** What is counted of each lane, from the moment that it is ours. */
const perLaneCounters = [
  'paceline_records_in_total',
  'paceline_bytes_in_total',
  'paceline_offsets_passed_total',
  'paceline_records_lost_total',
] as const;

/** What is said of a lane by its owner alone. */
const perLaneGauges = [
  'paceline_lane_lag_records',
  'paceline_lane_clock_timestamp_seconds',
  'paceline_snapshot_last_success_timestamp_seconds',
] as const;

/** A lane is named `topic:partition`. */
function partitionOf(lane: string): string {
  return lane.slice(lane.lastIndexOf(':') + 1);
}
