import { systemClock } from '../control/system-clock.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';

export const applyCommand: Command = {
  name: 'apply',
  summary: 'Put the organizations and rules into the log, as numbered plans.',
  examples: ['paceline apply --data ./data', 'paceline apply --data ./data --json'],
  doc: 'Checks the files, compiles one plan per organization and appends those that changed; an equal plan appends nothing, so applying twice is harmless. A plan is in force from its offset on. Goes through the engine that runs on the data directory; when none runs, it opens the log itself.',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  run: runApply,
};

async function runApply(call: Call, terminal: Terminal): Promise<number> {
  const { config } = loadCallConfig(call);
  const { applyPlanFiles } = await import('../app.ts');
  const plans = await applyPlanFiles(config, quietLogger(), systemClock);
  const appended = plans.filter(({ offset }) => offset !== null);
  if (call.has('json')) {
    terminal.printJson({ appended: appended.length, plans });
    return 0;
  }
  for (const { orgId, partition, number, offset } of appended)
    terminal.print(`${orgId}: plan ${number} at partition ${partition}, offset ${offset}`);
  terminal.print(`${appended.length} plans appended, ${plans.length - appended.length} unchanged`);
  return 0;
}
