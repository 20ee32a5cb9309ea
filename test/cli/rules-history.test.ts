import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { fakeTerminal } from './terminal-double.ts';

// The plans of an organization, as the log of a data directory has them, by the command line alone.
let folder = '';
const path = (name: string) => join(folder, name);

function writeRule(bound: number, organizations = ''): void {
  writeFileSync(
    path('rules/behind.yaml'),
    `id: behind\nname: Behind\n${organizations}warning: { when: 'p.osi_pct < ${bound}.0', for: 2h }\n`,
  );
}

async function run(...args: string[]) {
  const { terminal, texts } = fakeTerminal();
  const exit = await runCommandLine([...args, '--config', path('paceline.yaml')], commands, terminal);
  return { exit, ...texts };
}

const historyOf = async (...words: string[]) =>
  (await run('rules', 'history', ...words, '--json')).out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'paceline-history-'));
  mkdirSync(path('rules'));
  writeFileSync(
    path('paceline.yaml'),
    `data_directory: ${path('data')}\nplans: { organizations: ${path('organizations.yaml')}, rules: ${path('rules')} }\n`,
  );
  writeFileSync(path('organizations.yaml'), 'organizations: { acme: { zone: Europe/Berlin } }\n');
  writeRule(90);
  expect((await run('apply')).exit).toBe(0);
  writeRule(80);
  writeFileSync(path('rules/extra.yaml'), `id: extra\nname: Extra\ncritical: { when: 'p.spend > 5.0' }\n`);
  writeFileSync(path('organizations.yaml'), 'organizations: { acme: { zone: UTC } }\n');
  expect((await run('apply')).exit).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('history says what each plan changed, down to the field, the newest first', async () => {
  const plans = await historyOf('acme');
  expect(plans.map(({ number }) => number)).toEqual([2, 1]);
  expect(plans[0]).toMatchObject({ org_id: 'acme', by: [], key_id: null });
  expect(plans[0].changes).toEqual([
    {
      ...{ kind: 'settings', id: '', what: 'changed' },
      fields: [{ field: 'defaults.zone', before: '"Europe/Berlin"', after: '"UTC"' }],
    },
    {
      ...{ kind: 'rule', id: 'behind', what: 'changed' },
      fields: [{ field: 'warning.when', before: '"p.osi_pct < 90.0"', after: '"p.osi_pct < 80.0"' }],
    },
    { kind: 'rule', id: 'extra', what: 'added', fields: [] },
  ]);
  expect((await historyOf('acme', 'extra')).map(({ number }) => number)).toEqual([2]);
  const { out } = await run('rules', 'history', 'acme', 'behind');
  expect(out).toMatch(/^plan 2, 2\S+Z, partition \d+, offset \d+\n {2}~ rule behind changed\n/);
  expect(out).toContain('    - warning.when: "p.osi_pct < 90.0"\n    + warning.when: "p.osi_pct < 80.0"\n');
});

test('whoever has no plan of their own sees whose they follow, and wrong names their nearest', async () => {
  const { out, notes } = await run('rules', 'history', 'bolt');
  expect(notes).toContain("bolt has no plan of its own: these are everyone's (_default)");
  expect(out).toContain('rule behind');
  const problems: [string[], string][] = [
    [['rules', 'history', 'acme', 'behnd'], 'no plan of the log has a rule behnd; did you mean behind?'],
    [['rules', 'history'], 'needs ORG'],
    [['rules', 'rollback', 'acme'], 'needs ORG and the NUMBER'],
    [['rules', 'rollback', 'acme', 'one'], '"one" is no number of a plan'],
    [['rules', 'rollback', 'acme', '7'], 'acme has no plan 7 in the log; it has 1 to 2'],
    [['rules', 'rollback', 'acme', '2'], 'plan 2 of acme, which is in force, says what plan 2 says'],
    [['rules', 'rollback', 'bolt', '1'], "bolt has no plan of its own; it follows everyone's: roll back _default"],
    [['rules', 'rolback', 'acme', '1'], 'did you mean rollback?'],
  ];
  for (const [args, message] of problems) {
    const refused = await run(...args);
    expect([refused.exit, refused.out], message).toEqual([64, '']);
    expect(refused.notes).toContain(message);
  }
});

test('a rollback is shown first, then makes a new plan with the old content, and says that files undo it', async () => {
  const shown = await run('rules', 'rollback', 'acme', '1');
  expect(shown.out).toContain('    - warning.when: "p.osi_pct < 80.0"\n    + warning.when: "p.osi_pct < 90.0"\n');
  expect(shown.notes).toContain('nothing is changed yet; say --yes to do it');
  expect((await historyOf('acme')).map(({ number }) => number)).toEqual([2, 1]);
  const done = await run('rules', 'rollback', 'acme', '1', '--yes');
  expect(done.exit).toBe(0);
  expect(done.out).toMatch(/acme: plan 3 says again what plan 1 said, at partition \d+, offset \d+/);
  expect(done.notes).toContain('the next "paceline apply" would undo this');
  const plans = await historyOf('acme');
  expect(plans.map(({ number }) => number)).toEqual([3, 2, 1]);
  expect(plans[0].changes.map(({ id, what }: { id: string; what: string }) => `${id} ${what}`)).toEqual([
    ' changed',
    'behind changed',
    'extra removed',
  ]);
  // Once the files say so, apply has nothing to do.
  writeRule(90);
  rmSync(path('rules/extra.yaml'));
  writeFileSync(path('organizations.yaml'), 'organizations: { acme: { zone: Europe/Berlin } }\n');
  await run('apply');
  expect((await historyOf('acme')).map(({ number }) => number)).toEqual([3, 2, 1]);
});
