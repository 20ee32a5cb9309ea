import { tables } from '../../src/rows/tables.ts';
import { nowMs, type Shop } from '../../test/serving/shop.ts';

/** The tables at the sizes of which the targets speak, or a share of them, made by ClickHouse itself. */

const organizations = 1_000;
const days = 301;
const rules = 10;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const beginMs = nowMs - days * dayMs;

/** Rows at share 1: 333,000 campaigns a day, and 6,944 live flights that are looked at once an hour. */
const full = { campaigns: 333_333, flights: 6_944, transitions: 10_000_000 };

interface Sizes {
  /** With a row each day. */
  readonly campaigns: number;
  /** Live at a time, each for 30 days. */
  readonly flights: number;
  readonly transitions: number;
}

export function sizesOf(share: number): Sizes {
  const of = (rows: number, least: number): number => Math.max(least, Math.round(rows * share));
  return {
    campaigns: of(full.campaigns, 50),
    flights: of(full.flights, 20),
    transitions: of(full.transitions, 1_000),
  };
}

type Columns = Readonly<Record<string, string>>;

/** Of campaign `c`: a thousand organizations of log-uniform sizes, of which the first has a tenth. */
const orgOf = `concat('org-', toString(toUInt32(floor(pow(${organizations}, (cityHash64(c) % 1000000) / 1000000)))))`;
const at = (ms: string): string => `fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC')`;
const version = (n: string): string => `bitShiftLeft(toUInt64(1), 48) + toUInt64(${n})`;
const statuses = "['on_track', 'on_track', 'on_track', 'behind', 'ahead', 'severely_behind', 'stale_data', 'paused']";
const outcomes = "['held_not', 'held_not', 'held_not', 'critical', 'warning', 'unknown', 'guarded']";

const flightColumns = {
  org_id: orgOf,
  campaign_id: "concat('campaign-', toString(c))",
  flight_id: "concat('flight-', toString(c), '-', toString(intDiv(hour, 720)))",
  as_of: at(`${beginMs} + hour * ${hourMs} + c % 3000 * 1000 - 60000`),
  evaluated_at: at(`${beginMs} + hour * ${hourMs} + c % 3000 * 1000`),
  plan_number: '7',
  version: version('hour * 100000 + c % 100000'),
};

/** What a table is filled with, from `n` and the names that `from` gives it. */
interface Filling {
  readonly table: string;
  /** Rows of a week. */
  readonly rows: (sizes: Sizes) => number;
  readonly from: (sizes: Sizes, week: number) => string;
  readonly columns: Columns;
}

const fillings: readonly Filling[] = [
  {
    table: 'campaign_metrics_daily',
    rows: ({ campaigns }) => campaigns * 7,
    from: ({ campaigns }, week) => `number % ${campaigns} AS c, ${week * 7} + intDiv(number, ${campaigns}) AS day`,
    columns: {
      ...{ org_id: orgOf, campaign_id: "concat('campaign-', toString(c))" },
      date: `toDate32(toDate32('1970-01-01') + ${Math.floor(beginMs / dayMs)} + day + 1)`,
      ...{ currency: "['EUR', 'USD', 'GBP'][c % 3 + 1]", impressions: 'cityHash64(c, day) % 100000' },
      ...{ viewable_impressions: 'cityHash64(day, c) % 50000', measurable_impressions: '70000', clicks: 'c % 700' },
      ...{ conversions_by_touch: 'toDecimal64(c % 40, 6)', revenue_by_touch_micros: 'c % 9000 * 10000' },
      ...{ spend_micros: 'cityHash64(c, day, 1) % 900000000', plan_number: '7' },
      version: version('day * 1000000 + c % 1000000'),
    },
  },
  {
    table: 'pacing_snapshots',
    rows: ({ flights }) => flights * 24 * 7,
    from: ({ flights }, week) => `number % ${flights} AS c, ${week * 168} + intDiv(number, ${flights}) AS hour`,
    columns: {
      ...flightColumns,
      ...{ status: `${statuses}[cityHash64(c, intDiv(hour, 24)) % 8 + 1]`, persisted_for: "'hour'", mode: "'EVEN'" },
      ...{ currency: "['EUR', 'USD', 'GBP'][c % 3 + 1]", budget_micros: '1000000000 + c', goal: "'MONEY'" },
      ...{ spend_micros: 'hour % 720 * 1300000 + c', expected_micros: 'hour % 720 * 1388888' },
      ...{ osi_bp: '9000 + cityHash64(c, hour) % 2000', delivery_bp: 'hour % 720 * 13', elapsed_bp: 'hour % 720 * 13' },
      ...{ projected_micros: '900000000 + cityHash64(c, hour, 1) % 200000000', run_rate_micros_per_day: '31200000' },
      ...{
        required_micros_per_day: '33000000',
        day_target_micros: '33333333',
        day_spend_micros: 'hour % 24 * 1300000',
      },
      ...{ unseen_micros: '900000', money_at_risk_micros: 'c % 5 * 1000', time_zone: "'UTC'", advertiser: "'sports'" },
      starts_at: at(`${beginMs} + intDiv(hour, 720) * ${720 * hourMs}`),
      ends_at: at(`${beginMs} + (intDiv(hour, 720) + 1) * ${720 * hourMs}`),
      completeness: `concat('adserver=', toString(${beginMs} + hour * ${hourMs} - 60000))`,
      ledger_version: '3',
    },
  },
  {
    table: 'alert_events',
    rows: ({ transitions }) => Math.max(1, Math.round((transitions / days) * 7)),
    from: ({ flights, transitions }, week) =>
      `cityHash64(number, ${week}) % ${flights} AS c, cityHash64(${week}, number) % 168 + ${week * 168} AS hour,
        number % ${rules} AS rule, intDiv(number, ${rules}) % 4 AS step, number + ${week} * toUInt64(${transitions}) AS n`,
    columns: {
      ...flightColumns,
      ...{ alert_id: 'lower(hex(sipHash128(n)))', fingerprint: 'lower(hex(sipHash128(c, rule, intDiv(hour, 720))))' },
      ...{ rule_id: "concat('rule-', toString(rule))", mode: "'active'" },
      from_state: "['ok', 'pending', 'firing', 'recovering'][step + 1]",
      to_state: "['pending', 'firing', 'recovering', 'resolved'][step + 1]",
      ...{ level: "if(c % 3 = 0, 'critical', 'warning')", reason: "'condition'", condition: "'p.osi_pct < 90.0'" },
      values: `concat('{"p.osi_pct":', toString(c % 100), '}')`,
      active_since: at(`${beginMs} + hour * ${hourMs} - 3600000`),
      ...{ summary: "concat('campaign-', toString(c), ' is behind')", labels: "'{}'", annotations: "'{}'" },
      ...{ rule_hash: "'0123456789abcdef'", log_offset: 'n', told: "'firing'" },
    },
  },
  {
    table: 'rule_evaluations',
    rows: ({ flights }) => flights * 24 * 7 * rules,
    from: ({ flights }, week) =>
      `intDiv(number, ${rules}) % ${flights} AS c, ${week * 168} + intDiv(number, ${flights * rules}) AS hour, number % ${rules} AS rule`,
    columns: {
      ...flightColumns,
      ...{ rule_id: "concat('rule-', toString(rule))", outcome: `${outcomes}[cityHash64(c, hour, rule) % 7 + 1]` },
      ...{ state: "if(cityHash64(c, rule) % 20 = 0, 'firing', 'ok')", level: "'none'" },
      values: `concat('{"p.osi_pct":', toString(cityHash64(c, hour) % 100), '}')`,
      rule_hash: "'0123456789abcdef'",
    },
  },
];

/** Rows of a list that has few of them, so that each question finds what it asks for. */
const few: Readonly<Record<string, { readonly from: string; readonly columns: Columns }>> = {
  order_snapshots: {
    from: `number % 50 AS c, ${days * 24} - 1 - intDiv(number, 50) AS hour FROM numbers(${50 * 720})`,
    columns: {
      ...{ org_id: "'org-1'", order_id: "concat('order-', toString(c))", as_of: flightColumns.as_of },
      ...{ evaluated_at: flightColumns.evaluated_at, status: "'behind'", mode: "'EVEN'", currency: "'EUR'" },
      ...{ budget_micros: '1000000000', spend_micros: 'hour * 1000', plan_number: '7', version: flightColumns.version },
    },
  },
  dead_letters: {
    from: `number AS n, ${days * 24} - 1 - number % 700 AS hour FROM numbers(100000)`,
    columns: {
      ...{ org_id: "if(n % 10 = 0, 'org-1', 'org-2')", topic: "'ads.events.v1'", partition: '0', log_offset: 'n' },
      ...{ log_time: at(`${beginMs} + hour * ${hourMs}`), reason: "['bad_field', 'bad_time', 'truncated'][n % 3 + 1]" },
      ...{ detail: "'amount_micros must be integer micros'", version: version('n') },
    },
  },
  late_events: {
    from: `number AS n, ${days * 24} - 1 - number % 700 AS hour FROM numbers(100000)`,
    columns: {
      ...{ org_id: "if(n % 10 = 0, 'org-1', 'org-2')", campaign_id: "'campaign-1'", kind: "'impression'" },
      ...{
        event_id: 'lower(hex(sipHash128(n)))',
        booked_at: at(`${beginMs} + hour * ${hourMs}`),
        version: version('n'),
      },
    },
  },
};

/** Weeks are written one by one, as an engine did over the months, and merged; of today there are several pieces. */
export async function fillTables(
  change: Shop['change'],
  share: number,
  note: (words: string) => void,
): Promise<number> {
  const sizes = sizesOf(share);
  let written = 0;
  for (const { table, rows, from, columns } of fillings) {
    const beganMs = performance.now();
    const count = rows(sizes);
    for (let week = 0; week < days / 7; week += 1)
      await change(insertOf(table, columns, `${from(sizes, week)} FROM numbers(${count})`));
    await change(`OPTIMIZE TABLE ads.${table} FINAL`);
    // What the engine writes again through a day: the newest rows once more, a tenth at a time.
    for (let piece = 0; piece < 8; piece += 1)
      await change(
        insertOf(table, columns, `${from(sizes, days / 7 - 1)} FROM numbers(${count}) WHERE number % 70 = ${piece}`),
      );
    const total = count * (days / 7);
    written += total;
    const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
    note(
      `${table}: ${total.toLocaleString('en')} rows in ${seconds} s, ${await bytesOfRow(change, table)} bytes a row`,
    );
  }
  for (const [table, { from, columns }] of Object.entries(few)) await change(insertOf(table, columns, from));
  return written;
}

/** On disk, once what was written twice is merged. */
async function bytesOfRow(change: Shop['change'], table: string): Promise<string> {
  const answer = await change(
    `SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND database = 'ads' AND table = '${table}'`,
  );
  return answer.kind === 'rows' ? Number(answer.rows[0][0]).toFixed(1) : 'unknown';
}

function insertOf(table: string, columns: Columns, from: string): string {
  const known = new Set(tables.find(({ name }) => name === table)!.columns.map(({ name }) => name));
  const own = Object.entries(columns).filter(([name]) => known.has(name));
  return `INSERT INTO ads.${table} (${own.map(([name]) => name).join(', ')})
SELECT ${own.map(([, sql]) => sql).join(', ')} FROM (SELECT ${from})`;
}
