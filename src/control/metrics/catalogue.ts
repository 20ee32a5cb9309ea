/** A metric, described once: the registry and docs/metrics.md come from here. */
export interface MetricDescription {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Bounded and known at start; never an organization, campaign or rule id, but for the few with the most of something. */
  readonly labels: readonly string[];
  /** All values of a counter's labels, where they are known: such series are there, at 0, from the start, so that the first increase shows. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds of a histogram, in the unit of the name. */
  readonly buckets?: readonly number[];
}

const seconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Base units, `_total` on counters only, `sum()` over all labels means something. */
export const metricCatalogue = {
  paceline_build_info: { type: 'gauge', help: 'Always 1; the labels say what runs.', labels: ['version', 'node'] },
  paceline_config_info: {
    type: 'gauge',
    help: 'Always 1; checksum of the configuration in force.',
    labels: ['checksum'],
  },
  paceline_config_last_reload_successful: {
    type: 'gauge',
    help: '1 when the last attempt to reload was good.',
    labels: [],
  },
  paceline_config_last_reload_success_timestamp_seconds: {
    type: 'gauge',
    help: 'Wall time of the last good load.',
    labels: [],
  },
  paceline_records_in_total: {
    type: 'counter',
    help: 'Records applied, ticks and plans included.',
    labels: ['partition'],
  },
  paceline_bytes_in_total: {
    type: 'counter',
    help: 'Bytes of records applied, keys and framing included.',
    labels: ['partition'],
  },
  paceline_clocks_set_right_total: {
    type: 'counter',
    help: "Events of sources with clock: untrusted whose instants lay after the log's, and that count at the log's time instead.",
    labels: ['partition'],
  },
  paceline_money_at_risk: {
    type: 'gauge',
    help: 'What flights may have spent unseen, beyond their budgets and daily caps, by their newest snapshots, in units of the currency; after a start it is known as flights are snapshot, within the hour. Currencies beyond 32 a lane are told together (other).',
    labels: ['currency', 'partition'],
  },
  paceline_dead_letters_total: {
    type: 'counter',
    help: 'Records that became dead letters, whoever refused them; reasons are explained in events.md.',
    labels: ['reason'],
  },
  paceline_top_organization_records: {
    type: 'gauge',
    help: 'Records since the start of the 20 organizations that sent the most to lanes of this process, and of all others together (other). An organization lags as its partition does: multiply by paceline_lane_lag_records.',
    labels: ['organization', 'partition'],
  },
  paceline_top_organization_dead_letters: {
    type: 'gauge',
    help: 'Dead letters since the start of the 20 organizations of which most is refused, and of all others together (other); _system are keys that name none that is known.',
    labels: ['organization', 'partition'],
  },
  paceline_internal_errors_total: {
    type: 'counter',
    help: 'Records over which the engine stumbled, a bug of ours: dead letters internal_error.',
    labels: ['stage'],
    values: { stage: ['decode', 'check', 'apply'] },
  },
  paceline_log_torn_total: {
    type: 'counter',
    help: 'Half-written ends that were cut off a log in the data directory at its opening, as a crash leaves them; the bytes are kept beside the segment.',
    labels: [],
  },
  paceline_offsets_passed_total: {
    type: 'counter',
    help: 'Offsets that lanes moved on by; equals the sum of paceline_offsets_accounted_total.',
    labels: ['partition'],
  },
  paceline_offsets_accounted_total: {
    type: 'counter',
    help: 'Offsets passed, by what became of them: applied, dead (letters), late, dropped (duplicates, tests, stale plans), control (ticks, plans, transactions), lost (in damaged batches, beside the one that is their dead letter), gaps (compaction).',
    labels: ['partition', 'account'],
  },
  paceline_records_lost_total: {
    type: 'counter',
    help: 'Offsets of record batches that nobody can read; each batch is a dead letter damaged_batch.',
    labels: ['partition'],
  },
  paceline_rows_out_total: { type: 'counter', help: 'Rows committed for delivery.', labels: ['stream'] },
  paceline_lanes_assigned: { type: 'gauge', help: 'Lanes that this process runs.', labels: [] },
  paceline_lane_assignments_total: {
    type: 'counter',
    help: 'Times that lanes were dealt out anew: the start, and every rebalance after it.',
    labels: [],
  },
  paceline_waiting_for: {
    type: 'gauge',
    help: '1 while the start waits for a server, by what it is for; gone when it has come.',
    labels: ['part'],
  },
  paceline_lane_lag_records: {
    type: 'gauge',
    help: 'Records that the brokers hold for the lane and that it has not applied.',
    labels: ['partition'],
  },
  paceline_lane_clock_timestamp_seconds: {
    type: 'gauge',
    help: 'Lane clock: newest log time applied.',
    labels: ['partition'],
  },
  paceline_lane_paused: {
    type: 'gauge',
    help: '1 while the lane does not read, by reason.',
    labels: ['partition', 'reason'],
  },
  paceline_bronze_lane_halted: {
    type: 'gauge',
    help: '1 while bronze does not read a partition until a person acts: its log is damaged or was cut.',
    labels: ['partition'],
  },
  paceline_lane_drops_total: {
    type: 'counter',
    help: 'Times a lane gave its memory up and claimed again: it lost its place (FENCED, GAP), its log was cut (CUT), or its program threw (STUMBLED), a bug of ours.',
    labels: ['outcome'],
    values: { outcome: ['FENCED', 'GAP', 'CUT', 'STUMBLED'] },
  },
  paceline_commits_total: {
    type: 'counter',
    help: 'Lane commits by outcome.',
    labels: ['result'],
    values: { result: ['OK', 'DUP'] },
  },
  paceline_commit_duration_seconds: {
    type: 'histogram',
    help: 'Time of a commit round in the state store.',
    labels: [],
    buckets: seconds,
  },
  paceline_commit_bytes_total: {
    type: 'counter',
    help: 'Bytes of state committed: deltas, bases, outbox.',
    labels: [],
  },
  paceline_commit_last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'Wall time of the last good commit.',
    labels: [],
  },
  paceline_state_failures_total: {
    type: 'counter',
    help: 'Calls of the state store with an unknown outcome.',
    labels: ['call'],
    values: { call: ['claim', 'commit', 'check', 'trim'] },
  },
  paceline_state_restores_total: {
    type: 'counter',
    help: 'Lanes restored from a snapshot because the state store had lost them.',
    labels: [],
  },
  paceline_snapshots_total: {
    type: 'counter',
    help: 'Snapshots by outcome; a refused one was not whole, and the one before it was tried.',
    labels: ['result'],
    values: { result: ['written', 'failed', 'refused'] },
  },
  paceline_snapshot_last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'Wall time of the newest snapshot of a lane.',
    labels: ['partition'],
  },
  paceline_snapshot_duration_seconds: {
    type: 'histogram',
    help: 'Time to write a snapshot of a lane.',
    labels: [],
    buckets: seconds,
  },
  paceline_undelivered_bytes: { type: 'gauge', help: 'Committed output that some sink has not yet taken.', labels: [] },
  paceline_sink_deliveries_total: {
    type: 'counter',
    help: 'Deliveries by outcome; failed ones are tried again.',
    labels: ['sink', 'result'],
  },
  paceline_sink_rows_total: {
    type: 'counter',
    help: 'Rows delivered, repeats after a crash included.',
    labels: ['sink', 'stream'],
  },
  paceline_sink_delivery_duration_seconds: {
    type: 'histogram',
    help: 'Time of a delivery.',
    labels: ['sink'],
    buckets: seconds,
  },
  paceline_sink_up: {
    type: 'gauge',
    help: '1 when the last delivery went well; of bronze, which is shown from its first trouble on, while it waits for none.',
    labels: ['sink'],
  },
  paceline_source_stalls_total: {
    type: 'counter',
    help: 'Lanes found standing still with records before them, by what was done about it.',
    labels: ['action'],
    values: { action: ['reseek', 'rejoin'] },
  },
  paceline_disk_free_bytes: {
    type: 'gauge',
    help: 'Room on the disks that this process writes to, by what they are for: data, warehouse, snapshots.',
    labels: ['use'],
  },
  paceline_lake_complete_through_timestamp_seconds: {
    type: 'gauge',
    help: 'Up to when a layer of the lake is complete: bronze to its newest snapshot, silver to the end of its newest day, gold to the end of its newest closed week.',
    labels: ['layer'],
  },
  paceline_lake_files: {
    type: 'gauge',
    help: 'Data files of a layer of the lake, bronze, silver or gold.',
    labels: ['layer'],
  },
  paceline_lake_rows: {
    type: 'gauge',
    help: 'Rows of a layer of the lake, and of ClickHouse (hot).',
    labels: ['layer'],
  },
  paceline_lake_bytes: {
    type: 'gauge',
    help: 'Bytes of data of a layer of the lake, without past snapshots, and of ClickHouse (hot).',
    labels: ['layer'],
  },
  paceline_lake_last_drill_timestamp_seconds: {
    type: 'gauge',
    help: 'When a week of gold was last played again from bronze.',
    labels: [],
  },
  paceline_lake_last_drill_differences: {
    type: 'gauge',
    help: 'In how many places that week differed; 0 = in none.',
    labels: [],
  },
  paceline_lake_last_verified_copy_timestamp_seconds: {
    type: 'gauge',
    help: 'When a month that left ClickHouse was last read back from the store and found the same.',
    labels: [],
  },
  paceline_lake_jobs_total: {
    type: 'counter',
    help: 'Work over the lake that this engine had done, by outcome; look is what these metrics come from.',
    labels: ['work', 'result'],
    values: { work: ['look', 'silver', 'gold', 'tier', 'maintain', 'drill'], result: ['done', 'failed'] },
  },
  paceline_lake_job_duration_seconds: { type: 'gauge', help: 'How long such work took last.', labels: ['work'] },
  paceline_ticks_total: {
    type: 'counter',
    help: 'Ticks appended, by outcome.',
    labels: ['result'],
    values: { result: ['appended', 'failed'] },
  },
  paceline_control_up: {
    type: 'gauge',
    help: '1 when the database of rules answered last time; rules in force stay in force when it does not.',
    labels: [],
  },
  paceline_control_failures_total: { type: 'counter', help: 'Attempts to apply edits that failed.', labels: [] },
  paceline_control_notify_queue_ratio: {
    type: 'gauge',
    help: 'Share of the queue of notifications of PostgreSQL that is taken; from 0.5 on edits are found by the poll alone.',
    labels: [],
  },
  paceline_plans_appended_total: { type: 'counter', help: 'Plans appended for edits in the database.', labels: [] },
  paceline_plans_refused: {
    type: 'gauge',
    help: 'Organizations whose rows make no plan; the plan in force stays in force.',
    labels: [],
  },
  paceline_access_checks_total: {
    type: 'counter',
    help: 'Calls whose caller was looked up: kept (the cache knew), read (the accounts were asked), and of all of these refused.',
    labels: ['outcome'],
    values: { outcome: ['kept', 'read', 'refused'] },
  },
  paceline_logins_total: {
    type: 'counter',
    help: 'Attempts to open a session, by outcome.',
    labels: ['result'],
    values: { result: ['opened', 'refused', 'throttled', 'failed'] },
  },
  paceline_limits_refused_total: {
    type: 'counter',
    help: 'Calls that were refused because somebody called too often, by whose allowance was used up.',
    labels: ['kind'],
    values: { kind: ['organization', 'actor', 'address', 'login'] },
  },
  paceline_limits_by_twin_total: {
    type: 'counter',
    help: 'Calls that this process counted alone, at half of the allowance, because the cache was away.',
    labels: [],
  },
  paceline_answers_total: {
    type: 'counter',
    help: 'Answers to queries, by where they came from; joined ones waited for another caller’s.',
    labels: ['from'],
    values: { from: ['memory', 'redis', 'joined', 'computed'] },
  },
  paceline_cache_up: {
    type: 'gauge',
    help: '1 while the cache Redis is there; there is none of it where none is configured.',
    labels: [],
  },
  paceline_serving_calls_total: {
    type: 'counter',
    help: 'Calls that the doors answered, by operation (`other` = none, `several` = those of one GraphQL request) and the hundreds of their status.',
    labels: ['door', 'operation', 'status'],
  },
  paceline_serving_call_duration_seconds: {
    type: 'histogram',
    help: 'Time from the head of a call to the end of its answer.',
    labels: ['door', 'operation'],
    buckets: seconds,
  },
  paceline_spans_total: {
    type: 'counter',
    help: 'Spans of OpenTelemetry that the collector took, and those that it did not.',
    labels: ['outcome'],
    values: { outcome: ['sent', 'lost'] },
  },
  paceline_metrics_series_rejected_total: {
    type: 'counter',
    help: 'Series refused because the cap of series was reached.',
    labels: [],
  },
} as const satisfies Record<string, MetricDescription>;

export type MetricName = keyof typeof metricCatalogue;
