import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../../control/system-clock.ts';
import { createDecoder } from '../../decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../decoders/event-schemas.ts';
import { runOfRecords } from '../../events/run-of-records.ts';
import type { TableState } from '../../lakehouse/catalog/catalog.ts';
import { noteDrill, openDrills } from '../../lakehouse/jobs/note-drill.ts';
import { goldMonthsTable, goldNamespace, goldReceiptsTable } from '../../lakehouse/jobs/write-gold.ts';
import { laneOfOrganization, readLane } from '../../lakehouse/layers/bronze/read-lane.ts';
import { checkReceipt, readReceipts } from '../../lakehouse/layers/gold/check-receipts.ts';
import { compareWeek, generationOfVersion, type WeekComparison } from '../../lakehouse/layers/gold/compare-week.ts';
import type { Drill } from '../../lakehouse/layers/gold/gold-drills.ts';
import { type GoldMonthMark, readMonthMarks } from '../../lakehouse/layers/gold/gold-months.ts';
import type { GoldTable } from '../../lakehouse/layers/gold/gold-tables.ts';
import {
  isInWeek,
  readWeekRows,
  valuesOfRow,
  type WeekRow,
  type WeekRows,
  weekRow,
} from '../../lakehouse/layers/gold/week-rows.ts';
import { monthsOf, parseWeek, type Week, weekOf } from '../../lakehouse/layers/gold/weeks.ts';
import { EngineError } from '../../model/errors.ts';
import { systemOrg } from '../../model/ids.ts';
import { dayMs } from '../../model/time.ts';
import { LanePlayer } from '../../replay/lane-player.ts';
import { tables } from '../../rows/tables.ts';
import { openRegistry } from '../log/schema-registry.ts';
import { planSigning } from '../plans/plan-signing.ts';
import type { Config } from '../settings.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { goldTables, rawColumns } from './gold-tables.ts';
import { type LayerTools, openLayerTools } from './layer-tools.ts';
import { type Lake, tableOf, withLake } from './open-lake.ts';
import { goldOptions, layerParts } from './write-layers.ts';

export interface DrillOptions {
  /** What the draw begins with. */
  readonly seed: number;
  /** In place of a draw: an organization and a week of it. */
  readonly chosen: { readonly org: string; readonly week: string } | null;
  onDrawn(drawn: { readonly org: string; readonly week: string }): void;
  onProgress(done: number, total: number): void;
}

export interface DrillReport extends Omit<Drill, 'week'> {
  readonly week: string;
  /** The first difference, in words. */
  readonly example: string | null;
}

/** As gold closes a week. */
const closedAfterMs = dayMs;
/** Rows come to ClickHouse after their record, and to gold after that. */
const deliveryMs = 10 * 60_000;
/** A draw may hit a week in which an organization had nothing yet. */
const drawsMax = 50;

/**
 * Reads a closed week of an organization back from gold, compares it with its receipts, plays all records of its lane
 * from bronze through the very operators of the engine, and compares what they give with gold, row by row to the byte.
 * What came of it is noted in `gold.drills`. Throws HISTORY_INCOMPLETE where gold has no closed week or bronze not the
 * whole lane; what differs is in the report.
 */
export async function drillLake(config: Config, options: DrillOptions): Promise<DrillReport> {
  return await withLake(config, async (lake) => {
    const { io, catalog } = lake;
    const { state: bronze } = await tableOf(lake, `${bronzeTableName.namespace}.${bronzeTableName.table}`);
    const months = await catalog.table({ namespace: goldNamespace, table: goldMonthsTable }).load();
    const drills = await openDrills({ ...layerParts(lake), location: goldOptions(lake).location });
    const marks = months === null ? [] : await readMonthMarks(io, months);
    const states = await goldStates(lake);
    const { org, week, gold } = await draw(marks, states, lake, options);
    options.onDrawn({ org, week: week.monday });
    await using tools = await openLayerTools(config);
    const own = marks.filter((one) => one.org === org && monthsOf(week).includes(one.month));
    const writtenMs = Math.min(...own.map(({ writtenAtMs }) => writtenAtMs)) - deliveryMs;
    const played = await playWeek(config, {
      tools,
      bronze,
      org,
      week,
      gold,
      writtenMs,
      onProgress: options.onProgress,
    });
    const compared = goldTables.map(({ name }) =>
      compareWeek(name, {
        gold: gold.get(name) ?? new Map(),
        played: played.rows.get(name) ?? new Map(),
        writtenBefore: played.writtenBefore,
      }),
    );
    const receipts = await compareReceipts(marks, states, week, lake);
    const sum = (of: (one: WeekComparison) => number): number => compared.reduce((total, one) => total + of(one), 0);
    const drill: Drill = {
      ...{ org, week, seed: options.seed, records: played.records },
      rows: sum(({ rows }) => rows),
      differences: sum(({ differences }) => differences) + receipts.wrong.length,
      restated: sum(({ restated }) => restated),
      receipts: receipts.right,
      hash: compared
        .reduce((total, { hash }) => total ^ hash, 0n)
        .toString(16)
        .padStart(16, '0'),
      drilledAtMs: systemClock.wallMs(),
    };
    await noteDrill(drill, drills, layerParts(lake));
    const example = receipts.wrong[0] ?? compared.find((one) => one.example !== null)?.example ?? null;
    return { ...drill, week: week.monday, example };
  });
}

type GoldStates = ReadonlyMap<string, TableState>;

async function goldStates({ catalog }: Lake): Promise<GoldStates> {
  const states = new Map<string, TableState>();
  for (const { name } of goldTables) {
    const state = await catalog.table({ namespace: goldNamespace, table: name }).load();
    if (state !== null) states.set(name, state);
  }
  return states;
}

interface DrawnWeek {
  readonly org: string;
  readonly week: Week;
  readonly gold: ReadonlyMap<string, WeekRows>;
}

/** The week that was chosen, or one that the seed draws among all that are closed. */
async function draw(
  marks: readonly GoldMonthMark[],
  states: GoldStates,
  lake: Lake,
  { seed, chosen }: DrillOptions,
): Promise<DrawnWeek> {
  const closed = closedWeeks(marks);
  const incomplete = (why: string): EngineError => new EngineError('HISTORY_INCOMPLETE', why);
  if (chosen !== null) {
    const week = parseWeek(chosen.week);
    if (!closed.some((one) => one.org === chosen.org && one.week.monday === week.monday))
      throw incomplete(
        `gold has no closed week ${week.monday} of ${chosen.org}; "paceline lake gold" writes closed weeks`,
      );
    return { org: chosen.org, week, gold: await readGold({ org: chosen.org, week }, states, lake) };
  }
  if (closed.length === 0) throw incomplete('gold has no closed week yet; "paceline lake gold" writes them');
  for (let drawn = 0; drawn < drawsMax; drawn++) {
    const number = createHash('sha256').update(`${seed}/${drawn}`).digest().readUInt32LE();
    const one = closed[number % closed.length];
    const gold = await readGold(one, states, lake);
    if ([...gold.values()].some(({ size }) => size > 0)) return { ...one, gold };
  }
  throw incomplete(`none of ${drawsMax} weeks that were drawn has a row; choose one: "paceline lake drill ORG WEEK"`);
}

/** Weeks of organizations that were over when gold was written, in an order that does not change. */
function closedWeeks(marks: readonly GoldMonthMark[]): { org: string; week: Week }[] {
  const found = new Map<string, { org: string; week: Week }>();
  for (const [org, own] of Map.groupBy(marks, (mark) => mark.org)) {
    if (org === systemOrg) continue;
    const writtenMs = new Map<number, number>();
    for (const { month, writtenAtMs } of own)
      writtenMs.set(month, Math.min(writtenAtMs, writtenMs.get(month) ?? writtenAtMs));
    for (const month of writtenMs.keys()) {
      for (let ms = Date.UTC(1970, month, 1); ms < Date.UTC(1970, month + 1, 1); ms += dayMs) {
        const week = weekOf(ms);
        const isWritten = monthsOf(week).every(
          (one) => (writtenMs.get(one) ?? Number.POSITIVE_INFINITY) >= week.endMs + closedAfterMs,
        );
        if (isWritten) found.set(`${org}/${week.monday}`, { org, week });
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

async function readGold(
  drawn: { org: string; week: Week },
  states: GoldStates,
  { io }: Lake,
): Promise<ReadonlyMap<string, WeekRows>> {
  const gold = new Map<string, WeekRows>();
  for (const table of goldTables) {
    const state = states.get(table.name);
    if (state !== undefined) gold.set(table.name, await readWeekRows(table, drawn, { io, state }));
  }
  return gold;
}

interface Playing {
  readonly tools: LayerTools;
  readonly bronze: TableState;
  readonly org: string;
  readonly week: Week;
  readonly gold: ReadonlyMap<string, WeekRows>;
  /** What was there before gold was written. */
  readonly writtenMs: number;
  onProgress(done: number, total: number): void;
}

/** What the operators of the engine make of the lane's records: the last version of each row of the week. */
async function playWeek(
  config: Pick<Config, 'plans' | 'registry'>,
  { tools, bronze, org, week, gold, writtenMs, onProgress }: Playing,
) {
  const source = { engine: tools.engine, sql: tools.sqlOf(bronze) };
  const lane = await laneOfOrganization(source, org);
  const versions = [...gold.values()].flatMap((rows) => [...rows.values()].map(({ version }) => version));
  // Rows tell of which generation of the stream they are; the lane has the number of the newest.
  const generation = Math.max(1, ...versions.map(generationOfVersion));
  const player = new LanePlayer(
    // How many lanes there are says only whose plans others may choose.
    { partition: lane.partition, partitions: lane.partition + 1, generation, planKey: planSigning(config).root },
    { decoder: createDecoder(openRegistry(config, systemClock) ?? new EmbeddedRegistry()), tables },
  );
  const rows = new Map(goldTables.map(({ name }) => [name, new Map<string, WeekRow>()]));
  let [records, writtenBefore] = [0, Number.MAX_SAFE_INTEGER];
  for await (const some of readLane(source, lane, join(tools.folder, 'lane'))) {
    await player.play(runOfRecords(lane.topic, lane.partition, some));
    const late = some.find(({ logTime }) => logTime >= writtenMs);
    if (late !== undefined) writtenBefore = Math.min(writtenBefore, late.offset);
    for (const [at, table] of goldTables.entries()) keepNewest(player, at, { table, org, week, rows });
    records += some.length;
    onProgress(records, lane.records);
  }
  return { rows, records, writtenBefore };
}

function keepNewest(
  player: LanePlayer,
  at: number,
  { table, org, week, rows }: { table: GoldTable; org: string; week: Week; rows: Map<string, Map<string, WeekRow>> },
): void {
  const newest = rows.get(table.name);
  for (const row of player.take(tables[at], (rawColumns[table.name] ?? []) as never[])) {
    if (row.org_id !== org) continue;
    const values = valuesOfRow(table, row);
    if (!isInWeek(table, values, week)) continue;
    const [key, found] = weekRow(table, values);
    if (found.version >= (newest?.get(key)?.version ?? 0n)) newest?.set(key, found);
  }
}

/** Months of the week whose receipts say what gold has, and those where gold has something else. */
async function compareReceipts(
  marks: readonly GoldMonthMark[],
  states: GoldStates,
  week: Week,
  { io, catalog }: Lake,
): Promise<{ right: number; wrong: string[] }> {
  const state = await catalog.table({ namespace: goldNamespace, table: goldReceiptsTable }).load();
  if (state === null) return { right: 0, wrong: [] };
  const months = monthsOf(week);
  const receipts = await readReceipts(io, state, (_, month) => months.includes(month));
  const wrong: string[] = [];
  let right = 0;
  for (const table of goldTables) {
    const own = states.get(table.name);
    if (own === undefined) continue;
    for (const month of months) {
      const found = await checkReceipt(table, month, { io, state: own, receipts, marks });
      if (found === '') right += 1;
      else if (found !== null) wrong.push(found);
    }
  }
  return { right, wrong };
}
