import type { Config, LoadedConfig } from '../adapters/settings.ts';
import { ConfigError, formatProblem, type Problem } from '../control/config/problem.ts';
import type { EngineError } from '../model/errors.ts';
import { readPlanFiles } from '../plans/plan-files.ts';
import { absentValues, proveRules } from '../plans/prove-rules.ts';
import { type Command, configFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';

export const checkCommand: Command = {
  name: 'check',
  summary: 'Check the configuration, the organizations and the rules.',
  examples: ['paceline check', 'paceline check --config prod.yaml --json'],
  doc: 'Reads everything that a person wrote and names every mistake as file:line:column, with the nearest known name: syntax, settings, references, files that settings name (certificates, keys, tokens), zones, rule conditions and their types. With postgres.url set, its rows too, and where files and rows that people manage there say different things. What is right and perhaps not meant is a note: a level that cannot fire for a source, for flights or for campaigns of a plan, of files and of rows that people edit in the database alike, a for that is shorter than the rhythm of its source; --json has them in notes, and in absent which values each rule reads that somebody has not. Rule tests are read too, not run, and with plans.require_tests a rule that none of them names is a mistake. Touches no data and no running engine. Exit code 78 when something is wrong.',
  flags: {
    config: configFlag,
    offline: { type: 'boolean', doc: 'Look at files alone, not at the database of postgres.url.' },
    json: jsonFlag,
  },
  async run(call, terminal) {
    try {
      const { config, files, origins } = loadCallConfig(call);
      const named = await checkFiles(config, origins);
      const { drafts, rules } = readPlanFiles(config.plans);
      const tests = await checkTests(config.plans, rules);
      const found = {
        config_files: files,
        organizations: drafts.length,
        rules: rules.map(({ rule }) => rule.id),
        tests,
      };
      const ofRows = call.has('offline') || config.postgres.url === null ? null : await checkDatabase(config);
      const rows = ofRows?.counts ?? null;
      const notes = [
        ...named,
        ...proveRules({ drafts, rules }),
        ...(ofRows === null ? [] : proveRules(ofRows.plansOfRows)),
      ];
      const absent = [...absentValues(rules), ...absentValues(ofRows?.plansOfRows.rules ?? [])];
      if (call.has('json')) terminal.printJson({ valid: true, ...found, database: rows, problems: [], notes, absent });
      else {
        terminal.print(`configuration  ${files.length === 0 ? 'no file, all defaults' : files.join(', ')}`);
        terminal.print(`organizations  ${drafts.length} plans from ${config.plans.organizations}`);
        terminal.print(`rules          ${rules.length} from ${config.plans.rules}: ${found.rules.join(', ')}`);
        if (tests > 0) terminal.print(`rule tests     ${tests}; "paceline test" runs them`);
        if (rows !== null) terminal.print(`database       ${rows.organizations} organizations, ${rows.rules} rules`);
        for (const note of notes) terminal.print(terminal.style('yellow', `note           ${formatProblem(note)}`));
        terminal.print(terminal.style('green', notes.length === 0 ? 'all good' : 'all good, with notes'));
      }
      return 0;
    } catch (error) {
      if (!call.has('json') || !(error instanceof ConfigError)) throw error;
      terminal.printJson({ valid: false, problems: error.problems });
      return (error satisfies EngineError).exitCode;
    }
  },
};

/** Notes on files that settings name and nothing reads; throws ConfigError for those that `run` would miss. */
async function checkFiles(config: Config, origins: LoadedConfig['origins']): Promise<readonly Problem[]> {
  const { fileProblems } = await import('../adapters/config-files.ts');
  const { problems, notes } = fileProblems(config, origins);
  if (problems.length > 0) throw new ConfigError(problems);
  return notes;
}

/** How many rule tests there are; throws ConfigError for what is wrong with them, and for rules that must have one. */
async function checkTests(
  plans: Config['plans'],
  rules: readonly { readonly file: string; readonly rule: { readonly id: string } }[],
): Promise<number> {
  const { readRuleTests } = await import('../adapters/history/run-rule-tests.ts');
  const { problems, tested, tests } = readRuleTests(plans.rules);
  const untested = plans.require_tests && problems.length === 0 ? rules.filter(({ rule }) => !tested.has(rule.id)) : [];
  const missing = untested.map(({ file, rule }) => {
    const message = `rule "${rule.id}" has no test, and plans.require_tests asks for one: name it under rules of a file ${rule.id}.test.yaml in tests/`;
    return { file, line: 1, column: 1, message };
  });
  if (problems.length + missing.length > 0) throw new ConfigError([...problems, ...missing]);
  return tests;
}

/** Rows in the database; throws ConfigError for what is broken there and for conflicts with the files. */
async function checkDatabase(
  config: Pick<Config, 'plans' | 'postgres'>,
): Promise<{ counts: { organizations: number; rules: number }; plansOfRows: Parameters<typeof proveRules>[0] }> {
  const [{ Database }, { compareWithFiles }] = await Promise.all([
    import('../plans/postgres/database.ts'),
    import('../plans/postgres/compare-with-files.ts'),
  ]);
  const database = new Database(config.postgres);
  try {
    const { rows, conflicts, problems, plansOfRows } = await compareWithFiles(database, config.plans);
    const conflicting = conflicts.map(({ file, message }) => ({ file, line: 1, column: 1, message }));
    if (problems.length + conflicting.length > 0) throw new ConfigError([...problems, ...conflicting]);
    const organizations = rows.filter(({ kind }) => kind === 'settings').length;
    return { counts: { organizations, rules: rows.length - organizations }, plansOfRows };
  } finally {
    await database.close();
  }
}
