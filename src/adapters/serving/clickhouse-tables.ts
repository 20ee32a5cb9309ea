import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { type AskOptions, askClickHouse, type QueryEndpoint, rowsOf } from '../../control/query-client.ts';
import { assert, EngineError } from '../../model/errors.ts';
import { idPattern } from '../../model/ids.ts';
import { inSpan, traceHeaders } from '../../model/spans.ts';
import { type Clock, dayMs } from '../../model/time.ts';
import { historyName, tenantTables } from '../../rows/tables.ts';
import type { ParameterValue, ReadTable, TableQuery, TableReader, Tables } from '../../serving/ports.ts';
import type { Config } from '../settings.ts';
import { Turns } from './turns.ts';

interface ClickHouseTablesOptions {
  readonly endpoint: QueryEndpoint;
  readonly database: string;
  /** How a call says which organization alone it may see: the embedded one by a header, a server by a setting. */
  readonly isEmbedded: boolean;
  /** Cluster of a server, null = one server. */
  readonly cluster: string | null;
  readonly clock: Clock;
  readonly queriesMax: number;
  readonly waitingMax: number;
  readonly timeoutMs: number;
  /** How old the version of the data may be, ms. */
  readonly freshnessMs: number;
  /** For how long each table keeps its rows, days; older ones are asked of the views of all times, too. */
  readonly hotDaysOf: (table: string) => number;
  readonly onTrouble: (error: EngineError) => void;
}

const viewsKnownMs = 30_000;

/**
 * The tables for the doors: a few connections of their own to ClickHouse, a bounded queue before them, and a
 * deadline for each query, which ends it in the server too. The lanes' inserts never wait here.
 */
export class ClickHouseTables implements Tables, Disposable {
  readonly #options: ClickHouseTablesOptions;
  readonly #agent: Agent;
  readonly #turns: Turns;
  #version: { readonly text: Promise<string>; readonly untilMs: number } | null = null;
  #history: { readonly names: Promise<ReadonlySet<string>>; readonly untilMs: number } | null = null;
  #isVersionRefused = false;

  constructor(options: ClickHouseTablesOptions) {
    this.#options = options;
    const isSecure = new URL(options.endpoint.url).protocol === 'https:';
    const pool = { keepAlive: true, maxSockets: options.queriesMax + 1 };
    this.#agent = isSecure ? new SecureAgent(pool) : new Agent(pool);
    this.#turns = new Turns(options.queriesMax, options.waitingMax);
  }

  of(orgId: string): TableReader {
    assert(idPattern.test(orgId), 'a reader is for an organization');
    return {
      orgId,
      rows: async <Row>(query: TableQuery) => {
        const parameters = Object.fromEntries(
          Object.entries(query.parameters).map(([name, value]) => [name, parameterText(value)]),
        );
        const bound = boundTo(orgId, this.#options);
        const answer = await this.#ask(query.sql, { parameters: { ...parameters, org: orgId }, ...bound });
        return answer as Row[];
      },
      since: (table, fromMs) => this.#since(table, fromMs),
    };
  }

  /** Whatever is younger than a table keeps is in it: only older questions are dear ones. */
  async #since(table: string, fromMs: number): Promise<ReadTable> {
    const { hotDaysOf, clock } = this.#options;
    const isOld = fromMs < clock.wallMs() - hotDaysOf(table) * dayMs;
    const history = historyName({ name: table });
    if (isOld && (await this.#views()).has(history)) return { sql: `${history} AS d`, reach: 'all_times' };
    return { sql: `${table} AS d FINAL`, reach: 'hot' };
  }

  /** Views of all times that know of a table of the lake: without one they tell what ClickHouse keeps. */
  async #views(): Promise<ReadonlySet<string>> {
    const now = this.#options.clock.steadyMs();
    if (this.#history !== null && now < this.#history.untilMs) return await this.#history.names;
    const sql = `SELECT name FROM system.tables
WHERE database = {database:String} AND startsWith(name, 'all_') AND position(create_table_query, 'gold_') > 0`;
    const names = this.#ask(sql, { parameters: { database: this.#options.database } }).then(
      (rows) => new Set(rows.map(({ name }) => String(name))),
      (error: unknown) => {
        if (!(error instanceof EngineError) || (error.code !== 'QUERY_REFUSED' && error.code !== 'QUERY_FAILED'))
          throw error;
        // A user without a right to system.tables: answers say that they know what ClickHouse keeps.
        this.#options.onTrouble(error);
        return new Set<string>();
      },
    );
    this.#history = { names, untilMs: now + viewsKnownMs };
    names.catch(() => {
      this.#history = null;
    });
    return await names;
  }

  async organizations(after: string, limit: number): Promise<string[]> {
    // Both tables lead with the organization, and of each one a row is enough.
    const sql = `SELECT DISTINCT org_id FROM (
  SELECT DISTINCT org_id FROM pacing_latest WHERE org_id > {after:String}
  UNION ALL SELECT DISTINCT org_id FROM campaign_metrics_daily WHERE org_id > {after:String}
) ORDER BY org_id LIMIT {limit:UInt32}`;
    const rows = await this.#ask(sql, { parameters: { after, limit: String(limit) } });
    return rows.map(({ org_id }) => String(org_id));
  }

  async alertsLike(prefix: string, limit: number): Promise<{ orgId: string; alertId: string; fingerprint: string }[]> {
    const sql = `SELECT org_id, alert_id, fingerprint FROM alert_events FINAL
WHERE startsWith(alert_id, {prefix:String}) OR startsWith(fingerprint, {prefix:String})
ORDER BY evaluated_at DESC, version DESC LIMIT {limit:UInt32}`;
    const rows = await this.#ask(sql, { parameters: { prefix: escapeText(prefix), limit: String(limit) } });
    return rows.map(({ org_id, alert_id, fingerprint }) => ({
      ...{ orgId: String(org_id), alertId: String(alert_id), fingerprint: String(fingerprint) },
    }));
  }

  dataVersion(): Promise<string> {
    const now = this.#options.clock.steadyMs();
    if (this.#version !== null && now < this.#version.untilMs) return this.#version.text;
    const text = this.#isVersionRefused ? Promise.resolve(this.#passingVersion()) : this.#askVersion();
    this.#version = { text, untilMs: now + this.#options.freshnessMs };
    // What failed is asked again by the next call.
    text.catch(() => {
      this.#version = null;
    });
    return text;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** Numbers of the newest blocks of every partition: an insert makes a higher one, and nothing else is as cheap. */
  async #askVersion(): Promise<string> {
    const { database, cluster } = this.#options;
    const parts = cluster === null ? 'system.parts' : `clusterAllReplicas('${cluster}', system.parts)`;
    const sql = `SELECT hex(sipHash128(groupArray(newest))) AS version FROM (
  SELECT (hostName(), table, partition_id, max(max_block_number), max(data_version)) AS newest FROM ${parts}
  WHERE active AND database = {database:String} GROUP BY hostName(), table, partition_id ORDER BY 1)`;
    try {
      const [row] = await this.#ask(sql, { parameters: { database } });
      return String((row as { version: unknown }).version);
    } catch (error) {
      if (!(error instanceof EngineError) || (error.code !== 'QUERY_REFUSED' && error.code !== 'QUERY_FAILED'))
        throw error;
      // A user without a right to system.parts: answers are kept for as long as a version may be old anyway.
      this.#isVersionRefused = true;
      this.#options.onTrouble(error);
      return this.#passingVersion();
    }
  }

  #passingVersion(): string {
    return `at-${Math.floor(this.#options.clock.steadyMs() / this.#options.freshnessMs)}`;
  }

  /** Of its text a span names the table alone that it reads first; values travel beside the text. */
  #ask(sql: string, options: AskOptions): Promise<Record<string, unknown>[]> {
    const from = /\bFROM (?:system\.)?([a-z_]+)/.exec(sql)?.[1] ?? 'tables';
    const attributes = { 'db.system.name': 'clickhouse', 'db.query.summary': `SELECT ${from}` };
    return inSpan(`SELECT ${from}`, { kind: 'client', attributes }, () => this.#askInTurn(sql, options));
  }

  async #askInTurn(sql: string, options: AskOptions): Promise<Record<string, unknown>[]> {
    const { endpoint, timeoutMs, database } = this.#options;
    const settings = { database, ...answerSettings, ...options.settings };
    const headers = { ...options.headers, ...traceHeaders() };
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await this.#turns.take(signal, async () =>
        rowsOf(await askClickHouse(endpoint, sql, { ...options, settings, headers, agent: this.#agent, signal })),
      );
    } catch (error) {
      if (signal.aborted && error === signal.reason)
        throw new EngineError('QUERY_TIMEOUT', `the query took longer than ${timeoutMs} ms`, { cause: error });
      if (error instanceof EngineError && error.code === 'SINK_UNAVAILABLE')
        throw new EngineError('TABLES_UNAVAILABLE', error.message, { cause: error });
      throw error;
    }
  }
}

/** As `tiers` says for each table. */
export function hotDaysOf({ hot_days, hot_days_of }: Config['tiers']): (table: string) => number {
  return (table) => (Object.hasOwn(hot_days_of, table) ? hot_days_of[table] : hot_days);
}

/** How values are spelt, whatever the profile of the user says: no digit is lost on the way through JSON. */
const answerSettings = {
  output_format_json_quote_64bit_integers: '1',
  output_format_json_quote_decimals: '1',
  output_format_json_quote_denormals: '1',
  date_time_output_format: 'simple',
};

/**
 * Each statement names its organization; this says it once more for every table and view, so that one that forgot
 * would show nothing of others. Tables of a cluster are ways to those of its shards, which have other names.
 */
function boundTo(orgId: string, { isEmbedded, database, cluster }: ClickHouseTablesOptions): AskOptions {
  if (isEmbedded) return { headers: { 'x-paceline-organization': orgId } };
  if (cluster !== null) return {};
  const filters = tenantTables.map((table) => `'${database}.${table}': 'org_id = \\'${orgId}\\''`);
  return { settings: { additional_table_filters: `{${filters.join(', ')}}` } };
}

/** As ClickHouse reads parameters: text with its escapes, arrays with quoted members. */
function parameterText(value: ParameterValue): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return escapeText(value);
  return `[${value.map((each) => `'${escapeText(each)}'`).join(',')}]`;
}

function escapeText(text: string): string {
  return text.replace(/[\\'\t\n\r\b\f\0]/g, (found) => escapes[found]);
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\b': '\\b',
  '\f': '\\f',
  '\0': '\\0',
};
