import { apiKeysCommand } from './api-keys.ts';
import { applyCommand } from './apply.ts';
import { backtestCommand } from './backtest.ts';
import { checkCommand } from './check.ts';
import type { Command } from './command.ts';
import { deadLettersCommand } from './dead-letters.ts';
import { demoCommand } from './demo/demo.ts';
import { doctorCommand } from './doctor/doctor.ts';
import { eraseCommand } from './erase.ts';
import { explainCommand } from './explain.ts';
import { graphCommand } from './graph.ts';
import { keysCommand } from './keys.ts';
import { lakeCommand } from './lake.ts';
import { migrateCommand } from './migrate.ts';
import { produceCommand } from './produce.ts';
import { recordCommand } from './record.ts';
import { rulesCommand } from './rules.ts';
import { runCommand } from './run.ts';
import { makeHelpCommand } from './run-command-line.ts';
import { serveCommand } from './serve.ts';
import { sessionsCommand } from './sessions.ts';
import { simulateCommand } from './simulate.ts';
import { sqlCommand } from './sql.ts';
import { testCommand } from './test.ts';
import { tierCommand } from './tier.ts';
import { usersCommand } from './users.ts';
import { versionCommand } from './version.ts';

/** The command table, in the order of the help. */
export const commands: readonly Command[] = [
  demoCommand,
  runCommand,
  serveCommand,
  checkCommand,
  testCommand,
  backtestCommand,
  applyCommand,
  rulesCommand,
  keysCommand,
  usersCommand,
  apiKeysCommand,
  sessionsCommand,
  migrateCommand,
  simulateCommand,
  produceCommand,
  explainCommand,
  recordCommand,
  deadLettersCommand,
  sqlCommand,
  lakeCommand,
  tierCommand,
  eraseCommand,
  graphCommand,
  doctorCommand,
  versionCommand,
  makeHelpCommand(() => commands),
];
