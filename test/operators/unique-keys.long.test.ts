import { expect, test } from 'vitest';
import { EventBatch } from '../../src/events/event-batch.ts';
import { checkedLaneLimits, laneLimits } from '../../src/model/lane-limits.ts';
import { hourMs, minuteMs } from '../../src/model/time.ts';
import { decodeRows } from '../../src/rows/row-binary.ts';
import { tables } from '../../src/rows/tables.ts';
import { ruleHash } from '../../src/rules/compile-plan.ts';
import type { Plan, RulePlan } from '../../src/rules/plan.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import { fillBatch, type TestRecord } from './batch-builder.ts';
import { planRecord, randomRecords, randomSource, ruledPlan } from './random-world.ts';
import { printed } from './run-lane.ts';

/** Tables whose rows never change: each key is written once. The others are restated, a version of a key at a time. */
const written = new Set(['pacing_snapshots', 'alert_events', 'rule_evaluations', 'dead_letters', 'late_events']);
const seeds = Array.from({ length: 12 }, (_, index) => 6_100 + index);
const lateness = { deliveryLatenessMs: hourMs, moneyLatenessMs: hourMs, correctionLatenessMs: hourMs };
const limits = checkedLaneLimits({ ...laneLimits, ...lateness, evaluatedAfterEndMs: hourMs });

/** Rules of every scope that fire at once, each edited by the next plan. */
function editedPlan(number: number, random: () => number): Plan {
  const plan = ruledPlan(number, random);
  const rules = plan.rules.map((rule) => ({
    ...rule,
    warning: rule.warning === null ? null : { ...rule.warning, for_ms: 0 },
    critical: rule.critical === null ? null : { ...rule.critical, for_ms: number % 3 === 0 ? 0 : minuteMs },
  }));
  const ended = rules
    .filter(({ scope }) => scope === 'flight')
    .map((rule) => ({ ...rule, id: `${rule.id}-over`, scope: 'ended' as const, no_data: null }));
  return { ...plan, rules: [...rules, ...ended].map((rule) => edited(rule, number)) };
}

function edited(rule: Omit<RulePlan, 'hash'>, number: number): RulePlan {
  const next = { ...rule, keep_firing_for_ms: number * minuteMs };
  return { ...next, hash: ruleHash(next) };
}

/** A random day in which flights end, and all rules are edited every few records. */
function worldOf(seed: number): TestRecord[] {
  const random = randomSource(seed);
  const records = randomRecords(seed, 900, ruledPlan).filter(({ kind }) => kind !== 'org_plan');
  let number = 0;
  const drawn = records.flatMap((record): TestRecord[] => {
    const { detail, logTime } = record;
    const next = number === 0 || random() < 0.1 ? [planRecord(editedPlan(++number, random), 0, logTime)] : [];
    if (detail?.kind !== 'flight_changed') return [...next, record];
    const over = { start_at: logTime - 6 * hourMs, end_at: logTime + Math.floor(random() * 3 * hourMs) };
    return [...next, { ...record, detail: { ...detail, tz: 'UTC', ...over, ...daysOf(over) } }];
  });
  return drawn.map((record, offset) => ({ ...record, offset }));
}

function daysOf({ start_at, end_at }: { start_at: number; end_at: number }) {
  return { start_local: Math.floor(start_at / (24 * hourMs)), end_local: Math.floor((end_at - 1) / (24 * hourMs)) };
}

test('no two rows of a table have one key and version, nor one key where rows never change', () => {
  let ends = 0;
  for (const seed of seeds) {
    const records = worldOf(seed);
    const program = new CampaignLane({ partition: 0, partitions: 1, generation: 1, planKey: null }, limits);
    const batch = new EventBatch(64);
    program.apply(batch, fillBatch(batch, records));
    const { outputs } = program.harvest(1);
    for (const { name, key } of tables) {
      const seen = new Map<string, string>();
      for (const { bytes } of outputs.filter(({ stream }) => stream === name)) {
        const table = tables.find((each) => each.name === name);
        if (table === undefined) continue;
        for (const row of decodeRows(table, bytes)) {
          const columns = written.has(name) ? key : [...key, 'version'];
          const identity = columns.map((column) => String(row[column])).join('|');
          const known = seen.get(identity);
          if (known !== undefined) expect(`${known}\n${printed(row)}`, `seed ${seed}, ${name}`).toBe('');
          seen.set(identity, printed(row));
          if (name === 'alert_events' && row.reason === 'scope_ended') ends += 1;
        }
      }
    }
  }
  expect(ends, 'alerts that ended with their flight').toBeGreaterThan(50);
});
