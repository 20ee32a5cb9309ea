// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this in YAML.
// biome-ignore-all lint/suspicious/noThenProperty: a word of rules.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { runCommandLine } from '../../../src/cli/run-command-line.ts';
import { readPlanFiles } from '../../../src/plans/plan-files.ts';
import type { PostgresSettings } from '../../../src/plans/postgres/config.ts';
import { Database } from '../../../src/plans/postgres/database.ts';
import { draftsOfRows } from '../../../src/plans/postgres/drafts-of-rows.ts';
import { itemsOfFiles } from '../../../src/plans/postgres/plan-items.ts';
import { readPlanRows } from '../../../src/plans/postgres/plan-rows.ts';
import { writeFileItems } from '../../../src/plans/postgres/write-items.ts';
import { fakeTerminal } from '../../cli/terminal-double.ts';
import { ruleText } from './rows.ts';
import { asLogin, makeDatabase, type TestDatabase } from './server.ts';

const shipped = join(import.meta.dirname, '../../../config');

describe('files and rows', () => {
  let held: TestDatabase;
  let service: PostgresSettings;
  let database: Database;
  let dir: string;

  beforeEach(async () => {
    held = await makeDatabase();
    service = await held.login('paceline_service');
    database = new Database(service);
    dir = mkdtempSync(join(tmpdir(), 'paceline-rules-'));
    cpSync(shipped, dir, { recursive: true });
    organizations('\n  # The big one.\n  acme:\n    zone: Europe/Berlin # where they sit\n  calm:\n');
    writeFileSync(join(dir, 'rules', 'own.yaml'), `${ruleText('own')}organizations: [acme, calm]\n`);
    writeFileSync(
      join(dir, 'pg.yaml'),
      'postgres:\n  url: ${env:TEST_POSTGRES_URL}\nplans: {organizations: organizations.yaml, rules: rules}\n',
    );
    process.env.TEST_POSTGRES_URL = service.url!;
  });
  afterEach(async () => {
    delete process.env.TEST_POSTGRES_URL;
    await database.close();
    await held[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true });
  });

  function organizations(text: string): void {
    const file = join(dir, 'organizations.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/\norganizations:[\s\S]*/, `\norganizations:${text}`));
  }
  const paths = () => ({ organizations: join(dir, 'organizations.yaml'), rules: join(dir, 'rules') });
  const readItems = () => itemsOfFiles(readPlanFiles(paths()), paths().organizations);
  const writeFiles = () => writeFileItems(database, readItems(), 'test');
  const sql = (text: string, values: unknown[] = []) =>
    asLogin(service, async (client) => (await client.query(text, values)).rows);
  const texts = () =>
    Object.fromEntries(
      [
        'organizations.yaml',
        ...readdirSync(join(dir, 'rules'))
          .filter((name) => name.endsWith('.yaml'))
          .map((name) => `rules/${name}`),
      ].map((name) => [name, readFileSync(join(dir, name), 'utf8')]),
    );
  async function run(...args: string[]) {
    const { terminal, texts: said } = fakeTerminal();
    const exit = await runCommandLine([...args, '--config', join(dir, 'pg.yaml')], commands, terminal);
    return { exit, ...said };
  }
  const draftsOfDatabase = async () => draftsOfRows(await readPlanRows(database)).drafts.map(({ draft }) => draft);

  test('what files say becomes rows that make the very same plans, and writing again changes nothing', async () => {
    const first = await writeFiles();
    expect(first.conflicts).toEqual([]);
    expect(await draftsOfDatabase()).toEqual(readPlanFiles(paths()).drafts);
    const [{ revision }] = await sql('SELECT revision FROM paceline.edits');
    expect(await writeFiles()).toEqual({ written: [], removed: [], conflicts: [], held: [] });
    expect(await sql('SELECT revision FROM paceline.edits')).toEqual([{ revision }]);
    expect((await run('check')).exit).toBe(0);
    expect((await run('rules', 'diff')).exit).toBe(0);
  });

  test('what files no longer say is removed, what they change is changed, what people made stays', async () => {
    await writeFiles();
    await sql("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('calm', 'theirs', $1)", [
      ruleText('theirs'),
    ]);
    organizations('\n  acme:\n    zone: Asia/Tokyo\n');
    rmSync(join(dir, 'rules', 'own.yaml'));
    rmSync(join(dir, 'rules', 'exhausted.yaml'));
    const { removed } = await writeFiles();
    expect(removed.map(({ kind, orgId, id }) => `${kind} ${orgId} ${id}`)).toEqual([
      'settings calm ',
      'rule _default exhausted',
      'rule acme own',
      'rule calm own',
    ]);
    const drafts = await draftsOfDatabase();
    expect(drafts.slice(0, 2)).toEqual(readPlanFiles(paths()).drafts);
    // Somebody's own rule keeps the organization listed.
    expect(drafts[2]).toMatchObject({ org_id: 'calm' });
    expect(drafts[2].rules.map(({ id }) => id)).toContain('theirs');
  });

  test('a conflict stops its organization alone, and check lists it', async () => {
    await writeFiles();
    expect((await run('rules', 'push', 'own', '--yes')).exit).toBe(0);
    await sql("UPDATE paceline.rules SET definition = $1 WHERE org_id = 'acme' AND id = 'own'", [
      ruleText('own', 'p.osi_pct < 80.0'),
    ]);
    organizations('\n  acme:\n    zone: Asia/Tokyo\n  calm:\n    zone: Asia/Tokyo\n');
    const { conflicts, written } = await writeFiles();
    expect(conflicts.map(({ kind, orgId, id, blocks }) => [kind, orgId, id, blocks])).toEqual([
      ['rule', 'acme', 'own', 'acme'],
    ]);
    expect(written.map(({ orgId }) => orgId)).toEqual(['calm']);
    const zones = Object.fromEntries((await draftsOfDatabase()).map(({ org_id, defaults }) => [org_id, defaults.zone]));
    expect(zones).toEqual({ _default: 'UTC', acme: 'Europe/Berlin', calm: 'Asia/Tokyo' });
    const check = await run('check', '--json');
    expect(check.exit).toBe(78);
    const { problems } = JSON.parse(check.out);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ file: join(dir, 'rules', 'own.yaml') });
    expect(problems[0].message).toContain('rule "own" of acme');
    expect(problems[0].message).toContain('differ in warning.when');
    expect((await run('check', '--offline')).exit).toBe(0);
  });

  test('a rule for everyone in one place and for an organization in the other is a conflict too', async () => {
    await writeFiles();
    await sql("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('calm', 'exhausted', $1)", [
      ruleText('exhausted'),
    ]);
    const check = await run('check');
    expect(check.exit).toBe(78);
    expect(check.notes).toContain('rule "exhausted" of calm');
    expect((await writeFiles()).conflicts.map(({ blocks }) => blocks)).toEqual(['calm']);
  });

  test('a broken row is named by check, with its place', async () => {
    await writeFiles();
    await sql("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('calm', 'bad', $1)", [
      ruleText('bad', 'p.osi < 1.0'),
    ]);
    const check = await run('check');
    expect([check.exit, check.notes]).toEqual([
      78,
      expect.stringContaining('postgres rules(calm, bad).definition:5:10: warning.when:'),
    ]);
  });

  test('push shows first, then does, and the audit log says who', async () => {
    const shown = await run('rules', 'push', 'acme');
    expect(shown.out).toContain('settings of acme: only in files');
    expect(shown.notes).toContain('say --yes');
    expect(await sql('SELECT * FROM paceline.rules')).toEqual([]);
    const done = JSON.parse((await run('rules', 'push', 'acme', '--yes', '--json')).out);
    expect(done.pushed.map(({ kind, org_id, id }: Record<string, string>) => [kind, org_id, id])).toEqual([
      ['settings', 'acme', null],
      ['rule', 'acme', 'own'],
    ]);
    expect(await sql('SELECT org_id, id, managed_by FROM paceline.rules')).toEqual([
      { org_id: 'acme', id: 'own', managed_by: 'database' },
    ]);
    const [{ actor }] = await sql("SELECT actor FROM paceline.audit_logs WHERE table_name = 'rules'");
    expect(actor).toMatch(/ by paceline rules push$/);
    expect((await run('rules', 'push', 'acme', '--json')).out).toContain('"pushed":[]');
  });

  test('pull writes what a person would write; what is equal keeps its bytes, what changes keeps its comments', async () => {
    await writeFiles();
    await run('rules', 'push', '--yes');
    const before = texts();
    const untouched = JSON.parse((await run('rules', 'pull', '--yes', '--json')).out);
    expect(untouched).toEqual({ done: true, files: [], kept: [] });
    await sql("UPDATE paceline.rules SET definition = replace(definition, '< 90.0', '< 80.0') WHERE id = 'own'");
    await sql("UPDATE paceline.pipelines SET settings = replace(settings, 'Berlin', 'Paris') WHERE org_id = 'acme'");
    await sql("INSERT INTO paceline.organizations (id) VALUES ('dawn')");
    await sql("INSERT INTO paceline.pipelines (org_id, id, settings) VALUES ('dawn', 'main', $1)", [
      '{"zone":"UTC","sources":{"dsp":{"heartbeats":true}}}',
    ]);
    const asJson = JSON.stringify({
      warning: { for: '1h', when: 'p.osi_pct < 50.0' },
      no_data: { after: '1h', then: 'ok' },
      name: 'Fresh',
      id: 'fresh',
    });
    for (const org of ['acme', 'dawn'])
      await sql("INSERT INTO paceline.rules (org_id, id, definition) VALUES ($1, 'fresh', $2)", [org, asJson]);
    const shown = await run('rules', 'pull');
    expect(shown.out).toContain('3 files to write');
    expect(texts()).toEqual(before);
    expect((await run('rules', 'pull', '--yes')).exit).toBe(0);
    const after = texts();
    expect(after['rules/fresh.yaml']).toBe(
      "id: fresh\nname: Fresh\nwarning:\n  when: 'p.osi_pct < 50.0'\n  for: 1h\nno_data: { after: 1h, then: ok }\norganizations: [ acme, dawn ]\n",
    );
    expect(after['rules/own.yaml']).toBe(before['rules/own.yaml'].replace('< 90.0', '< 80.0'));
    const dawn = '  dawn:\n    zone: UTC\n    sources:\n      dsp:\n        heartbeats: true\n';
    expect(after['organizations.yaml']).toBe(`${before['organizations.yaml'].replace('Berlin', 'Paris')}${dawn}`);
    for (const [name, text] of Object.entries(before))
      if (!/own|organizations/.test(name)) expect(after[name], name).toBe(text);
    expect((await run('rules', 'diff')).exit).toBe(0);
    expect(readPlanFiles(paths()).drafts).toEqual(await draftsOfDatabase());
  });

  test('what no file can say stays in the database and is named', async () => {
    await writeFiles();
    await sql("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('acme', 'two', $1), ('calm', 'two', $2)", [
      ruleText('two'),
      ruleText('two', 'p.osi_pct < 1.0'),
    ]);
    await sql("INSERT INTO paceline.rules (org_id, id, definition, rule_set) VALUES ('acme', 'strict', $1, 'strict')", [
      ruleText('strict'),
    ]);
    const { files, kept } = JSON.parse((await run('rules', 'pull', '--yes', '--json')).out);
    expect(files).toEqual([]);
    expect(kept).toEqual([
      expect.stringContaining('it belongs to another rule set'),
      expect.stringContaining('acme, calm say different things'),
    ]);
  });

  test('diff names fields on both sides, and has an exit code for scripts', async () => {
    await writeFiles();
    await run('rules', 'push', '--yes');
    await sql(
      "UPDATE paceline.rules SET definition = replace(definition, '< 90.0', '< 80.0') WHERE org_id = 'acme' AND id = 'own'",
    );
    const text = await run('rules', 'diff');
    expect(text.exit).toBe(1);
    expect(text.out).toContain(
      'rule own of acme: differs, managed by database\n  - warning.when: "p.osi_pct < 90.0"\n  + warning.when: "p.osi_pct < 80.0"\n',
    );
    const { items } = JSON.parse((await run('rules', 'diff', 'own', '--json')).out);
    expect(items.map(({ org_id, state }: Record<string, string>) => [org_id, state])).toEqual([
      ['acme', 'differs'],
      ['calm', 'equal'],
    ]);
    expect((await run('rules', 'diff', 'nobody')).exit).toBe(64);
    expect((await run('rules', 'dif')).exit).toBe(64);
  });
});
