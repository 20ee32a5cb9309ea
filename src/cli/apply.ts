import { userInfo } from 'node:os';
import type { AppliedFiles } from '../adapters/plans/apply-files.ts';
import { systemClock } from '../control/system-clock.ts';
import { errorCatalogue } from '../model/errors.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { makeDirectory } from './make-directory.ts';
import { quietLogger } from './quiet-logger.ts';
import { tellTorn } from './tell-torn.ts';
import type { Terminal } from './terminal.ts';

export const applyCommand: Command = {
  name: 'apply',
  summary: 'Put the organizations and rules into the log, as numbered plans.',
  examples: [
    'paceline apply --data ./data',
    'paceline apply --config config/production.yaml',
    'paceline apply --data ./data --json',
  ],
  doc: 'Checks the files, compiles one plan per organization and appends those that changed; an equal plan appends nothing, so applying twice is harmless. A plan is in force from its offset on. Without Kafka it goes through the engine that runs on the data directory; when none runs, it opens the log itself. Either way each plan that was appended is named with its number, partition and offset. With postgres.url set, the files become rows first, which a running engine follows: what it appended is named alike, for up to 15 s. Where people changed the same thing in the database, that is a conflict: it is named, the files of that organization wait, and the exit code is 78. So do those of an organization whose rows somebody holds in an open transaction (exit code 75).',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  run: runApply,
};

async function runApply(call: Call, terminal: Terminal): Promise<number> {
  const { config } = loadCallConfig(call);
  makeDirectory(config.data_directory);
  const { applyFiles } = await import('../adapters/plans/apply-files.ts');
  using _ = tellTorn(terminal);
  const actor = `${userInfo().username} by paceline apply`;
  const applied = await applyFiles(config, { clock: systemClock, log: quietLogger(), actor });
  if (call.has('json')) printJson(applied, terminal);
  else printText(applied, terminal);
  if (applied.conflicts.length > 0) return errorCatalogue.RULE_INVALID.exit;
  return applied.held.length === 0 ? 0 : errorCatalogue.CONTROL_UNAVAILABLE.exit;
}

function printJson(
  { plans, enginePid, rows, conflicts, held, isLeftToEngine }: AppliedFiles,
  terminal: Terminal,
): void {
  const appended = plans.filter(({ offset }) => offset !== null).length;
  terminal.printJson({ appended, plans, engine_pid: enginePid, rows, conflicts, held, left_to_engine: isLeftToEngine });
}

function printText(
  { plans, enginePid, rows, conflicts, held, isLeftToEngine }: AppliedFiles,
  terminal: Terminal,
): void {
  const appended = plans.filter(({ offset }) => offset !== null);
  if (rows !== null) terminal.print(`${rows.written} rows written, ${rows.removed} removed`);
  for (const line of summarize(appended)) terminal.print(line);
  for (const { file, message, blocks } of conflicts)
    terminal.print(
      `${terminal.style('red', 'conflict')} ${file}: ${message}; the files of ${blocks ?? 'everyone'} wait`,
    );
  for (const orgId of held)
    terminal.print(
      `${terminal.style('red', 'held')} somebody holds rows of ${orgId} in an open transaction; its files wait, apply again`,
    );
  if (isLeftToEngine)
    terminal.print('no engine has made plans of the rows yet: its log says why, "paceline rules history" when it has');
  else {
    const by = enginePid === null ? '' : ` by the running engine (pid ${enginePid})`;
    terminal.print(`${appended.length} plans appended${by}, ${plans.length - appended.length} unchanged`);
  }
}

const offsetsShown = 8;

/** A line a plan; the default plan lies in every partition, and one line says where. */
function summarize(appended: AppliedFiles['plans']): string[] {
  const places = new Map<string, AppliedFiles['plans'][number][]>();
  for (const plan of appended) {
    const title = `${plan.orgId}: plan ${plan.number}`;
    places.set(title, [...(places.get(title) ?? []), plan]);
  }
  return [...places].map(([title, plans]) => {
    const [{ partition, offset }] = plans;
    if (plans.length === 1) return `${title} at partition ${partition}, offset ${offset}`;
    const at = plans.slice(0, offsetsShown).map((plan) => `${plan.partition}:${plan.offset}`);
    const more = plans.length > offsetsShown ? ' …' : '';
    return `${title} in ${plans.length} partitions, at ${at.join(' ')}${more}`;
  });
}
