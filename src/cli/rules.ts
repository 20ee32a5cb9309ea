import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Config } from '../adapters/settings.ts';
import { EngineError } from '../model/errors.ts';
import { nearest } from '../model/nearest.ts';
import type { ItemComparison } from '../plans/postgres/compare-items.ts';
import type { FilesAndRows } from '../plans/postgres/compare-with-files.ts';
import type { Database } from '../plans/postgres/database.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { rollBack, showHistory } from './rules-history.ts';
import type { Terminal } from './terminal.ts';

const actions = ['history', 'rollback', 'diff', 'push', 'pull'];

export const rulesCommand: Command = {
  name: 'rules',
  summary: 'Show who changed which rule, go back to an earlier plan, and compare files with PostgreSQL.',
  examples: [
    'paceline rules history acme --data ./data',
    'paceline rules history acme under-pacing --data ./data',
    'paceline rules rollback acme 3 --yes --data ./data',
    'paceline rules diff --config config/production.yaml',
    'paceline rules push under-pacing --yes',
    'paceline rules pull acme --yes --json',
  ],
  doc: 'history shows the plans of an organization as the log has them, newest first: when, in which record, by whom (where PostgreSQL knows it), and what each changed; with a rule, only what changed that. rollback puts the content of an earlier plan in force again, as a new plan with the next number: shown first, done with --yes. Where rules are in files the new plan goes into the log, and it is said how the files must change, since the next apply would undo it; where they are in PostgreSQL the rows become what they were then, comments included. diff, push and pull are for PostgreSQL. diff shows what differs and who manages it; its exit code is 1 when something does. push gives what the files define to the people who manage the database; pull writes what the database says into the files, where equal parts keep their bytes and comments. push and pull show what they would change and change nothing until --yes; neither removes anything. Names choose rules or organizations; without any, all are meant. A changed row is applied by the running engine; changed files by "paceline apply".',
  flags: { config: configFlag, data: dataFlag, yes: { type: 'boolean', doc: 'Do it.' }, json: jsonFlag },
  words: {
    name: 'ACTION [NAME...]',
    doc: 'history ORG [RULE], rollback ORG NUMBER, or diff, push or pull, then rules or organizations.',
    min: 1,
    max: 1_000,
  },
  async run(call, terminal) {
    const [action, ...names] = call.words;
    if (!actions.includes(action)) throw unknownAction(action);
    const { config } = loadCallConfig(call);
    if (action === 'history') return await showHistory(config, call, terminal);
    if (action === 'rollback') return await rollBack(config, call, terminal);
    if (config.postgres.url === null)
      throw new EngineError('CONFIG_INVALID', 'postgres.url is not set: there is no database to compare with');
    const [{ Database }, { compareWithFiles }] = await Promise.all([
      import('../plans/postgres/database.ts'),
      import('../plans/postgres/compare-with-files.ts'),
    ]);
    const database = new Database(config.postgres);
    try {
      const sides = await compareWithFiles(database, config.plans);
      const isChosen = choose(names, sides);
      if (action === 'diff') return showDifferences(sides, isChosen, call, terminal);
      if (action === 'push') return await push(database, sides, isChosen, call, terminal);
      return await pull(config, sides, isChosen, call, terminal);
    } finally {
      await database.close();
    }
  },
};

function unknownAction(action: string): EngineError {
  const near = nearest(action, actions);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return usage(`"${action}" is not one of ${actions.join(', ')}${hint}`);
}

type Chosen = (compared: ItemComparison) => boolean;

function choose(names: readonly string[], { compared }: FilesAndRows): Chosen {
  const known = new Set(compared.flatMap(({ orgId, id }) => [orgId, id]));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) throw usage(`neither files nor database have ${unknown.join(', ')}`);
  return ({ kind, orgId, id }) =>
    names.length === 0 || names.includes(orgId) || (kind === 'rule' && names.includes(id));
}

const stateWords = {
  equal: 'equal',
  differs: 'differs',
  only_files: 'only in files',
  only_database: 'only in the database',
} as const;

function titleOf({ kind, orgId, id }: ItemComparison): string {
  return kind === 'rule' ? `rule ${id} of ${orgId}` : `settings of ${orgId}`;
}

function toJson({ kind, orgId, id, state, managedBy, fields, file, row }: ItemComparison) {
  const places = { file: file?.origin ?? null, row: row?.origin ?? null };
  return { kind, org_id: orgId, id: id === '' ? null : id, state, managed_by: managedBy, ...places, fields };
}

function printItem(item: ItemComparison, terminal: Terminal): void {
  const owner = item.managedBy === null ? '' : `, managed by ${item.managedBy}`;
  terminal.print(`${titleOf(item)}: ${stateWords[item.state]}${owner}`);
  if (item.row?.problem != null) terminal.print(`  ! ${item.row.problem}`);
  for (const { field, files, database } of item.fields) {
    terminal.print(terminal.style('red', `  - ${field}: ${files ?? '(absent)'}`));
    terminal.print(terminal.style('green', `  + ${field}: ${database ?? '(absent)'}`));
  }
}

function showDifferences(sides: FilesAndRows, isChosen: Chosen, call: Call, terminal: Terminal): number {
  const chosen = sides.compared.filter(isChosen);
  const differing = chosen.filter(({ state }) => state !== 'equal');
  if (call.has('json'))
    terminal.printJson({ equal: differing.length === 0, items: chosen.map(toJson), conflicts: sides.conflicts });
  else {
    if (differing.some(({ fields }) => fields.length > 0)) terminal.note('- files, + database');
    for (const item of differing) printItem(item, terminal);
    for (const { message } of sides.conflicts) terminal.print(terminal.style('yellow', `conflict: ${message}`));
    terminal.print(`${differing.length} differ, ${chosen.length - differing.length} equal`);
  }
  return differing.length === 0 ? 0 : 1;
}

async function push(
  database: Database,
  sides: FilesAndRows,
  isChosen: Chosen,
  call: Call,
  terminal: Terminal,
): Promise<number> {
  const { isPushed, pushItems } = await import('../plans/postgres/write-items.ts');
  const isDone = call.has('yes');
  const pushed = isDone
    ? await pushItems(database, sides.files, `${userInfo().username} by paceline rules push`, isChosen)
    : sides.compared.filter((each) => isPushed(each) && isChosen(each));
  if (call.has('json')) terminal.printJson({ done: isDone, pushed: pushed.map(toJson) });
  else {
    for (const item of pushed) printItem(item, terminal);
    terminal.print(`${pushed.length} ${isDone ? 'pushed' : 'to push'}`);
    tellHowToDoIt(isDone, pushed.length, terminal);
  }
  return 0;
}

async function pull(
  config: Pick<Config, 'plans'>,
  sides: FilesAndRows,
  isChosen: Chosen,
  call: Call,
  terminal: Terminal,
): Promise<number> {
  const { pullItems } = await import('../plans/postgres/pull-items.ts');
  const { organizations: organizationsFile, rules: rulesDirectory } = config.plans;
  const ruleFiles = new Map(sides.planFiles.rules.map(({ file, text }) => [file, text]));
  const { organizationsText } = sides.planFiles;
  const places = { organizationsFile, organizationsText, rulesDirectory, ruleFiles };
  const { files, kept } = pullItems(sides.files, sides.rows, places, isChosen);
  const isDone = call.has('yes');
  if (isDone) for (const { path, text } of files) writeFileSync(path, text);
  if (call.has('json')) terminal.printJson({ done: isDone, files, kept });
  else {
    for (const { path, text, isNew } of files) {
      terminal.print(`${isNew ? 'new' : 'changed'} ${path}`);
      if (!isDone) for (const line of text.trimEnd().split('\n')) terminal.print(`  ${line}`);
    }
    for (const reason of kept) terminal.note(`kept: ${reason}`);
    terminal.print(
      `${files.length} files ${isDone ? 'written' : 'to write'}, ${kept.length} kept in the database alone`,
    );
    tellHowToDoIt(isDone, files.length, terminal);
  }
  return 0;
}

function tellHowToDoIt(isDone: boolean, changes: number, terminal: Terminal): void {
  if (!isDone && changes > 0) terminal.note('nothing is changed yet; say --yes to do it');
}
