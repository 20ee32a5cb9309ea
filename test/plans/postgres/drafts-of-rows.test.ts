import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblem } from '../../../src/control/config/problem.ts';
import { readPlanFiles } from '../../../src/plans/plan-files.ts';
import { draftsOfRows } from '../../../src/plans/postgres/drafts-of-rows.ts';
import { proveRules } from '../../../src/plans/prove-rules.ts';
import { pipelineRow, planRows, ruleRow, ruleText } from './rows.ts';

const shipped = join(import.meta.dirname, '../../../config');
const acme = 'zone: Europe/Berlin\nspend: { from: feed, source: dsp }\n';
const bolt = 'evaluate_every: 10m\ncampaigns:\n  c1: { day_allowance_percent: 150, labels: { tier: gold } }\n';

function problemsOf(read: ReturnType<typeof draftsOfRows>): Record<string, string[]> {
  return Object.fromEntries(read.refused.map(({ orgId, problems }) => [orgId, problems.map(formatProblem)]));
}

test('what rows prove of rules is told at their place in the database, of each organization its own', () => {
  const level = (hours: number) => `id: late\nname: L\nwarning: { when: 'p.hours_left < ${hours}.0' }\n`;
  const rows = planRows({ rules: [ruleRow('acme', 'late', level(-2)), ruleRow('bolt', 'late', level(3))] }, [
    'acme',
    'bolt',
  ]);
  const { drafts, rules } = draftsOfRows(rows);
  const notes = proveRules({ drafts: drafts.map(({ draft }) => draft), rules });
  expect(notes.map(formatProblem)).toEqual([
    'postgres rules(acme, late).definition:3:19: warning cannot fire for any flight: p.hours_left is 0 or more',
  ]);
});

test('rows make exactly the plans that files make', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-rows-'));
  try {
    const defaults = readFileSync(join(shipped, 'organizations.yaml'), 'utf8').replace('organizations: {}', '');
    const indent = (text: string) => text.replace(/^/gm, '    ');
    writeFileSync(
      join(dir, 'organizations.yaml'),
      `${defaults}\norganizations:\n  acme:\n${indent(acme)}\n  bolt:\n${indent(bolt)}\n  calm:\n`,
    );
    await mkdir(join(dir, 'rules'));
    const names = readdirSync(join(shipped, 'rules')).filter((name) => name.endsWith('.yaml'));
    const texts = names.map((name) => [name.replace('.yaml', ''), readFileSync(join(shipped, 'rules', name), 'utf8')]);
    for (const [id, text] of texts) writeFileSync(join(dir, 'rules', `${id}.yaml`), text);
    writeFileSync(join(dir, 'rules', 'own.yaml'), `${ruleText('own')}organizations: [acme, bolt]\n`);

    const files = readPlanFiles({ organizations: join(dir, 'organizations.yaml'), rules: join(dir, 'rules') });
    const section = defaults.slice(defaults.indexOf('defaults:') + 'defaults:'.length);
    const rows = draftsOfRows(
      planRows(
        {
          pipelines: [
            pipelineRow('_default', section),
            pipelineRow('acme', acme),
            // JSON is YAML: the same settings as a program would write them.
            pipelineRow(
              'bolt',
              '{"evaluate_every":"10m","campaigns":{"c1":{"labels":{"tier":"gold"},"day_allowance_percent":150}}}',
            ),
          ],
          rules: [
            ...texts.map(([id, text]) => ruleRow('_default', id, text)),
            ruleRow('acme', 'own', ruleText('own')),
            ruleRow('bolt', 'own', ruleText('own')),
          ],
        },
        ['acme', 'bolt', 'calm'],
      ),
    );
    expect(rows.refused).toEqual([]);
    expect(rows.drafts.map(({ draft }) => draft)).toEqual(files.drafts);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a broken row names table, key, column and place, and stops its organization alone', () => {
  const read = draftsOfRows(
    planRows(
      {
        pipelines: [pipelineRow('acme', 'zone: UTC\nzoen: UTC\n'), pipelineRow('calm', 'zone: Mars/Olympus\n')],
        rules: [ruleRow('bolt', 'mine', ruleText('mine', 'p.osi < 90.0')), ruleRow('calm', 'mine', ruleText('mine'))],
      },
      ['acme', 'bolt', 'calm', 'dawn'],
    ),
  );
  expect(read.drafts.map(({ draft }) => draft.org_id)).toEqual(['_default', 'dawn']);
  const problems = problemsOf(read);
  expect(problems.acme).toEqual([
    'postgres pipelines(acme, main).settings:2:1: unknown key "zoen"; did you mean "zone"?',
  ]);
  expect(problems.bolt).toHaveLength(1);
  expect(problems.bolt[0]).toMatch(/^postgres rules\(bolt, mine\)\.definition:5:10: warning\.when: .*osi/);
  expect(problems.calm).toEqual([
    'postgres pipelines(calm, main).settings:1:7: zone: must be an IANA time zone, such as Europe/Berlin',
  ]);
});

test('what everyone inherits stops everyone', () => {
  const read = draftsOfRows(planRows({ rules: [ruleRow('_default', 'all', 'id: all\n')] }, ['acme']));
  expect(read.drafts).toEqual([]);
  expect(Object.keys(problemsOf(read))).toEqual(['_default', 'acme']);
});

test('columns and text must agree', () => {
  const read = draftsOfRows(
    planRows(
      {
        rules: [
          ruleRow('_default', 'all', ruleText('all')),
          ruleRow('bolt', 'mine', ruleText('other')),
          ruleRow('calm', 'mine', `${ruleText('mine')}organizations: [acme]\n`),
          ruleRow('dawn', 'all', ruleText('all')),
        ],
      },
      ['bolt', 'calm', 'dawn'],
    ),
  );
  const problems = problemsOf(read);
  expect(problems.bolt[0]).toContain('the definition says "other", the column id says "mine"');
  expect(problems.calm[0]).toContain('organizations: the column org_id says whom a rule holds for');
  expect(problems.dawn[0]).toContain('rule id "all" is also used by a rule of _default');
  expect(read.drafts).toHaveLength(1);
});

test('an organization whose row it may edit itself takes no more of its lane than everyone has', () => {
  const quotas = 'quotas:\n  campaigns: 300000\n  dead_letters_per_hour: 10\n';
  const rows = (everyone: string, managed_by: 'files' | 'database') =>
    draftsOfRows(
      planRows({ pipelines: [pipelineRow('_default', everyone), pipelineRow('acme', quotas, { managed_by })] }, [
        'acme',
      ]),
    );
  expect(problemsOf(rows('', 'database'))).toEqual({
    acme: [
      'postgres pipelines(acme, main).settings:2:14: acme: quotas.campaigns is 300000, more than the 200000 of everyone; only files, or the row of _default, give an organization more',
    ],
  });
  expect(rows('quotas: { campaigns: 400000 }', 'database').refused).toEqual([]);
  const [, acme] = rows('quotas: { campaigns: 2, heartbeat_sources: 9 }', 'files').drafts;
  expect(acme.draft.defaults.quotas).toEqual({ campaigns: 300_000, dead_letters_per_hour: 10, heartbeat_sources: 9 });
});

test('a pipeline chooses its topic and its rule set', () => {
  const read = draftsOfRows(
    planRows(
      {
        pipelines: [pipelineRow('acme', '', { source_topic: 'ads.events.acme', rule_set: 'strict' })],
        rules: [
          ruleRow('_default', 'all', ruleText('all')),
          ruleRow('_default', 'all-strict', ruleText('all-strict'), { rule_set: 'strict' }),
          ruleRow('acme', 'mine', ruleText('mine'), { rule_set: 'strict' }),
          ruleRow('acme', 'unused', ruleText('unused')),
        ],
      },
      ['acme'],
    ),
  );
  const [byDefault, acmes] = read.drafts;
  expect(byDefault.draft.rules.map(({ id }) => id)).toEqual(['all']);
  expect(acmes.draft.rules.map(({ id }) => id)).toEqual(['all-strict', 'mine']);
  expect([byDefault.topic, acmes.topic]).toEqual([null, 'ads.events.acme']);
});
