import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../src/model/errors.ts';
import { readRule } from '../src/plans/rule-file.ts';
import { allowanceValues } from '../src/rules/allowance-values.ts';
import { baselineStatistics } from '../src/rules/baselines.ts';
import { campaignWords, eventValues } from '../src/rules/event-values.ts';
import { goalValues } from '../src/rules/goal-values.ts';
import { maturedValues } from '../src/rules/matured-values.ts';
import { measures, windowCounters, windowRatios } from '../src/rules/measures.ts';
import { type LevelPlan, type RulePlan, ruleVariables } from '../src/rules/plan.ts';
import { riskValues } from '../src/rules/risk-values.ts';
import { absentBaselineFor, absentFor, absentMeasureFor } from '../src/rules/rule-reach.ts';
import { baselineDaysMax, windowDaysMax, windowHours, windowsOf } from '../src/rules/window-values.ts';
import { fillPage, publishPage } from './publish-page.ts';

// Prints docs/rules.md: the prose of rules-doc/ around the names that conditions may use and the rules
// that ship. `--check` writes nothing and fails when the file differs.
const root = join(import.meta.dirname, '..');
const rulesDirectory = join(root, 'config', 'rules');
const templatesDirectory = join(rulesDirectory, 'templates');
const templates = readdirSync(templatesDirectory)
  .filter((name) => name.endsWith('.yaml'))
  .sort();
const files = readdirSync(rulesDirectory)
  .filter((name) => name.endsWith('.yaml'))
  .sort();

function nameRows(scope: keyof typeof ruleVariables): string {
  const names = Object.entries(ruleVariables[scope]);
  const rows = names.map(([name, [type, doc]]) => `| \`${name}\` | ${type} | ${doc} |`);
  if (scope !== 'flight') return ['| name | type | meaning |', '| --- | --- | --- |', ...rows].join('\n');
  const absent: Readonly<Record<string, string>> = absentFor;
  const withAbsent = rows.map((row, at) => `${row} ${absent[names[at][0]] ?? '–'} |`);
  return ['| name | type | meaning | not there for |', '| --- | --- | --- | --- |', ...withAbsent].join('\n');
}

function shippedRow(file: string): string {
  const { read } = readRule(file, readFileSync(join(rulesDirectory, file), 'utf8'));
  assert(read !== undefined, `${file} is a good rule`);
  const { rule } = read;
  return `| \`${rule.id}\` | ${rule.name} | ${levelCell(rule.warning)} | ${levelCell(rule.critical)} |`;
}

function templateRow(file: string): string {
  const { read } = readRule(file, readFileSync(join(templatesDirectory, file), 'utf8'));
  assert(read !== undefined, `${file} is a good rule`);
  const { rule } = read;
  const guard = rule.guard === null ? '–' : `\`${rule.guard.replaceAll('|', '\\|')}\``;
  return `| \`${rule.id}\` | ${rule.name} | ${guard} | ${levelCell(rule.warning)} | ${levelCell(rule.critical)} |`;
}

function levelCell(level: RulePlan['warning'] | LevelPlan): string {
  if (level === null) return '–';
  const wait = level.for_ms === 0 ? '' : ` for ${level.for_ms / 60_000} min`;
  return `\`${level.when.replaceAll('|', '\\|')}\`${wait}`;
}

function measureRows(of: Readonly<Record<string, { readonly meaning: string }>>): string {
  const rows = Object.entries(of).map(([name, { meaning }]) => {
    const measure = measures.get(name);
    assert(measure !== undefined, `${name} is a measure`);
    return `| \`m.${name}_…\` | ${meaning}. | ${windowsOf(measure)} | ${absentMeasureFor(measure) ?? '–'} |`;
  });
  return rows.join('\n');
}

function declaredRows(of: Readonly<Record<string, readonly [string, string, string]>>): string {
  const rows = Object.entries(of).map(([name, cells]) => `| \`${name}\` | ${cells.join(' | ')} |`);
  return rows.join('\n');
}

const windowRows = [
  ['| window | reaches | not there for |', '| --- | --- | --- |'],
  windowHours.map((hours) => [
    `\`${hours}h\``,
    `The last ${hours === 1 ? 'hour' : `${hours} hours`} up to as_of, from the full quarter of an hour`,
    'flights judged by whole days',
  ]),
  [
    ['`today`', 'The local day so far; at midnight the day that ended', '–'],
    [
      `\`1d\` to \`${windowDaysMax}d\``,
      'So many whole local days, the newest one that is over last: `1d` is yesterday, at midnight the day that ended',
      '–',
    ],
    [
      '`flight`',
      'Since the flight started: spend, impressions and cpm up to as_of, all others its days that are over',
      '–',
    ],
  ],
]
  .flat()
  .map((row) => (typeof row === 'string' ? row : `| ${row.join(' | ')} |`))
  .join('\n');

const baselineRows = Object.entries(baselineStatistics)
  .map(([name, meaning]) => {
    const absent = name === 'n' ? '–' : absentBaselineFor[name as keyof typeof absentBaselineFor];
    return `| \`b.MEASURE_1d_${name}\` … \`${baselineDaysMax}d\` | ${meaning}. | ${absent === '' ? '–' : absent} |`;
  })
  .join('\n');

const prose = readFileSync(join(import.meta.dirname, 'rules-doc', 'prose.md'), 'utf8');
publishPage(
  join(root, 'docs', 'rules.md'),
  fillPage(prose, {
    example: readFileSync(join(rulesDirectory, 'under-pacing.yaml'), 'utf8'),
    flight: nameRows('flight'),
    words: declaredRows(campaignWords),
    events: declaredRows(eventValues),
    risks: declaredRows(riskValues),
    goals: declaredRows(goalValues),
    allowances: declaredRows(allowanceValues),
    windows: windowRows,
    counters: measureRows(windowCounters),
    ratios: measureRows(windowRatios),
    baselines: baselineRows,
    matured: Object.entries(maturedValues)
      .map(([name, meaning]) => `| \`m.${name}_7d\` | ${meaning}. |`)
      .join('\n'),
    campaign: nameRows('campaign'),
    order: nameRows('order'),
    advertiser: nameRows('advertiser'),
    source: nameRows('source'),
    shipped: files.map(shippedRow).join('\n'),
    templates: templates.map(templateRow).join('\n'),
  }),
);
