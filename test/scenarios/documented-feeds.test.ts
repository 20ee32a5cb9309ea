import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hourMs } from '../../src/model/time.ts';
import { readPlanFiles } from '../../src/plans/plan-files.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { compareTables } from '../oracle/compare.ts';
import { foldLog } from '../oracle/fold.ts';
import { options } from '../oracle/story.ts';
import { drives, runScenario } from './run-scenario.ts';
import { checkScenario, parseScenario, type Scenario } from './scenario.ts';

/** The platforms of docs/feeds.md: what the plan is there, and the log that follows. */
const platforms = readFileSync(new URL('../../docs/feeds.md', import.meta.url), 'utf8')
  .split(/^## /m)
  .flatMap((section) => {
    const block = (language: string) => section.split(`\`\`\`${language}\n`)[1]?.split('```')[0];
    const [settings, story] = [block('yaml'), block('text')];
    return settings === undefined || story === undefined ? [] : [{ name: section.split('\n')[0], settings, story }];
  });

test('every platform of the table has a worked example', () => {
  const document = readFileSync(new URL('../../docs/feeds.md', import.meta.url), 'utf8');
  const rows = [...document.split('## How to say it')[0].matchAll(/^\| (?!platform|---)([^|]+) \|/gm)];
  expect(platforms.map(({ name }) => name)).toEqual(rows.map(([, name]) => name));
  expect(platforms.length).toBe(8);
});

describe.each(platforms)('$name', ({ settings, story }) => {
  const scenario = parseScenario(story);

  test('the settings are the plan of the log', () => {
    const { defaults, sources } = planOf(settings);
    expect({ defaults, sources }).toEqual(planIn(scenario));
  });

  test('the log shows the five habits of the table', () => {
    const reports = scenario.records
      .map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString()) as Record<string, number & string>)
      .filter(({ type }) => type === 'performance_report');
    const isDay = ({ period_start, period_end }: Record<string, number>) => period_end - period_start === 24 * hourMs;
    const final = reports.filter((each) => isDay(each) && each.as_of >= each.period_end);
    const isAdjusted = story.includes('event spend_adjustment');
    expect(reports.some((each) => each.as_of < each.period_end || !isDay(each))).toBe(true);
    expect(final.length).toBeGreaterThan(0);
    expect(isAdjusted || final.some((each) => final.some((later) => isTold(later, each)))).toBe(true);
    expect(settings).toMatch(/ zone: \S+\n/);
    expect(story).toMatch(/^expect daily .*currency=[A-Z]{3}\b/m);
  });

  test('the oracle tells what was worked out by hand', () => {
    expect(checkScenario(scenario, foldLog(scenario.records, options))).toEqual([]);
  });

  test.each(Object.entries(drives))('the engine, %s, as the oracle does', (_, drive) => {
    const tables = runScenario(scenario.records, drive);
    expect(checkScenario(scenario, tables)).toEqual([]);
    expect(compareTables(foldLog(scenario.records, options), tables)).toEqual([]);
  });
});

/** Whether the one tells the period of the other anew. */
function isTold(one: Record<string, number>, other: Record<string, number>): boolean {
  return one.period_start === other.period_start && one.as_of > other.as_of;
}

/** As `paceline apply` makes it. */
function planOf(settings: string) {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-feeds-'));
  try {
    writeFileSync(join(directory, 'organizations.yaml'), settings);
    mkdirSync(join(directory, 'rules'));
    const { drafts } = readPlanFiles({
      organizations: join(directory, 'organizations.yaml'),
      rules: join(directory, 'rules'),
    });
    const [draft] = drafts.filter(({ org_id }) => org_id === 'acme');
    return draft;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What the scenario's plan decides; what it leaves to the usual is filled in, as files do. */
function planIn({ records }: Scenario) {
  const texts = records.map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString()));
  const { defaults, sources } = JSON.parse(texts.find(({ type }) => type === 'org_plan').body) as Plan;
  return { defaults: { cause_when_unnamed: 'ADVERTISER', ...defaults }, sources };
}
