import { writeFileSync } from 'node:fs';
import { ConfigError } from '../control/config/problem.ts';
import { systemClock } from '../control/system-clock.ts';
import { EngineError } from '../model/errors.ts';
import { type Call, type Command, configFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import type { Terminal } from './terminal.ts';

export const testCommand: Command = {
  name: 'test',
  summary: 'Run the tests of the rules.',
  examples: [
    'paceline test',
    'paceline test config/rules/tests/under-pacing.test.yaml',
    'paceline test --only "below 90" --json',
    'paceline test --junit rule-tests.xml',
  ],
  doc: 'A rule test says in a few lines what is spent and when, on a virtual clock, and how the alert must stand at which instant: "spend: 10/h for 24h, 5/h for 24h", then "at: 27h, state: firing". The very operators of the engine run it, in memory: no data directory, no server. Without FILES it runs every NAME.test.yaml of the rules directory and of the directory tests in it; a file tests the rules beside it, or those of --rules. A failure shows what was got and what was wanted at file:line:column, and what happened to the alert. A mistake in any file, a record that the engine refuses included, is named with its place, and nothing is run. Exit code 0 when all pass, 1 when a test fails, 78 for a mistake. docs/testing-rules.md has the format.',
  flags: {
    rules: { type: 'text', value: 'DIR', doc: 'Rules to test, in place of those beside each file.' },
    only: { type: 'text', value: 'TEXT', doc: 'Only tests with this text in their name.' },
    junit: { type: 'text', value: 'FILE', doc: 'Also write the results as JUnit XML.' },
    config: configFlag,
    json: jsonFlag,
  },
  words: { name: 'FILES', doc: 'test files, or directories of them.', min: 0, max: 1_000 },
  async run(call, terminal) {
    try {
      return await runTests(call, terminal);
    } catch (error) {
      if (!call.has('json') || !(error instanceof ConfigError)) throw error;
      terminal.printJson({ problems: error.problems });
      return error.exitCode;
    }
  },
};

async function runTests(call: Call, terminal: Terminal): Promise<number> {
  const { config } = loadCallConfig(call);
  const [rules, only, junit] = ['rules', 'only', 'junit'].map((flag) => call.text(flag));
  const { runRuleTests } = await import('../adapters/history/run-rule-tests.ts');
  const choice = {
    paths: call.words,
    rulesDirectory: rules ?? config.plans.rules,
    ...(rules !== undefined && { rules }),
    ...(only !== undefined && { only }),
  };
  const run = await runRuleTests(choice, systemClock);
  if (junit !== undefined) writeReport(junit, run.junit);
  const { files, passed, failed } = run;
  if (call.has('json')) terminal.printJson({ passed, failed, files });
  else {
    for (const { line, isBad } of run.lines) terminal.print(isBad ? terminal.style('red', line) : line);
    terminal.print(terminal.style(failed > 0 ? 'red' : 'green', `${passed} passed, ${failed} failed`));
  }
  return failed > 0 ? 1 : 0;
}

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new EngineError('USAGE', `${file} cannot be written: ${(cause as Error).message}`);
  }
}
