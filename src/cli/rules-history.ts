import { userInfo } from 'node:os';
import type { PastPlan } from '../adapters/plans/plan-history.ts';
import type { RolledBack } from '../adapters/plans/roll-back-plan.ts';
import type { Config } from '../adapters/settings.ts';
import { systemClock } from '../control/system-clock.ts';
import { nearest } from '../model/nearest.ts';
import type { PlanChange } from '../plans/plan-changes.ts';
import type { Call } from './command.ts';
import { usage } from './parse-call.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';

/** `rules history ORG [RULE]`: who changed what, and when, newest first. */
export async function showHistory(config: Config, call: Call, terminal: Terminal): Promise<number> {
  const [, orgId, ruleId, ...more] = call.words;
  if (orgId === undefined || more.length > 0) throw usage('"rules history" needs ORG, and may have one RULE');
  const { readPlanHistory } = await import('../adapters/plans/plan-history.ts');
  const history = await readPlanHistory(config, orgId, { clock: systemClock, log: quietLogger() });
  const plans = (ruleId === undefined ? history.plans : ofRule(history.plans, ruleId)).toReversed();
  if (call.has('json')) {
    for (const plan of plans) terminal.printJson({ org_id: history.orgId, ...planJson(plan) });
    return 0;
  }
  if (history.orgId !== orgId)
    terminal.note(`${orgId} has no plan of its own: these are everyone's (${history.orgId})`);
  for (const plan of plans) printPlan(plan, terminal);
  return 0;
}

/** Plans that changed the rule, and of these the changes of it alone. */
function ofRule(plans: readonly PastPlan[], ruleId: string): readonly PastPlan[] {
  const known = new Set(plans.flatMap(({ draft }) => draft.rules.map(({ id }) => id)));
  if (!known.has(ruleId)) {
    const near = nearest(ruleId, known);
    const hint = near === undefined ? `there were ${[...known].join(', ') || 'none'}` : `did you mean ${near}?`;
    throw usage(`no plan of the log has a rule ${ruleId}; ${hint}`);
  }
  const own = plans.map((plan) => ({ ...plan, changes: plan.changes.filter(({ id }) => id === ruleId) }));
  return own.filter(({ changes }) => changes.length > 0);
}

function planJson({ number, partition, offset, logTimeMs, keyId, by, changes }: PastPlan) {
  return { number, partition, offset, at: new Date(logTimeMs).toISOString(), key_id: keyId, by, changes };
}

function printPlan({ number, partition, offset, logTimeMs, keyId, by, changes }: PastPlan, terminal: Terminal): void {
  const who = by.length === 0 ? '' : `, by ${by.join(' and ')}`;
  const signed = keyId === null ? '' : `, signed with ${keyId}`;
  const at = new Date(logTimeMs).toISOString();
  terminal.print(`plan ${number}, ${at}, partition ${partition}, offset ${offset}${who}${signed}`);
  for (const change of changes) printChange(change, terminal);
}

const signs = { added: '+', removed: '-', changed: '~' } as const;
/** Profiles are 168 numbers: people see that they changed. */
const valueLengthMax = 160;

function printChange({ kind, id, what, fields }: PlanChange, terminal: Terminal): void {
  terminal.print(`  ${signs[what]} ${kind === 'rule' ? `rule ${id}` : 'settings'} ${what}`);
  for (const { field, before, after } of fields) {
    terminal.print(terminal.style('red', `    - ${shown(field, before)}`));
    terminal.print(terminal.style('green', `    + ${shown(field, after)}`));
  }
}

function shown(field: string, value: string | null): string {
  if (value === null) return `${field}: (absent)`;
  return `${field}: ${value.length > valueLengthMax ? `${value.slice(0, valueLengthMax)}…` : value}`;
}

/** `rules rollback ORG NUMBER`: shows what it would change, and changes nothing until --yes. */
export async function rollBack(config: Config, call: Call, terminal: Terminal): Promise<number> {
  const [, orgId, text, ...more] = call.words;
  if (orgId === undefined || text === undefined || more.length > 0)
    throw usage('"rules rollback" needs ORG and the NUMBER of a plan, as "rules history" shows them');
  if (!/^[1-9]\d{0,9}$/.test(text)) throw usage(`"${text}" is no number of a plan`);
  const { rollBackPlan } = await import('../adapters/plans/roll-back-plan.ts');
  const isDryRun = !call.has('yes');
  const actor = `${userInfo().username} by paceline rules rollback`;
  const context = { clock: systemClock, log: quietLogger(), actor, isDryRun };
  const done = await rollBackPlan(config, orgId, Number(text), context);
  if (call.has('json')) printJson(done, isDryRun, terminal);
  else printText(done, isDryRun, terminal);
  return 0;
}

function printJson(done: RolledBack, isDryRun: boolean, terminal: Terminal): void {
  const { orgId, number, changes, filesDiffer, left, rows, plans, isLeftToEngine } = done;
  const outcome = { done: !isDryRun, plans, rows, left_to_engine: isLeftToEngine };
  terminal.printJson({ org_id: orgId, number, changes, files_differ: filesDiffer, left, ...outcome });
}

function printText(done: RolledBack, isDryRun: boolean, terminal: Terminal): void {
  const { orgId, number, changes, filesDiffer, left, rows, plans, isLeftToEngine } = done;
  for (const change of changes) printChange(change, terminal);
  if (rows !== null && rows.length > 0)
    terminal.print(`rows ${isDryRun ? 'that would be put back' : 'put back'}: ${rows.join(', ')}`);
  if (left.length > 0) {
    terminal.note("what stays as it is, since everyone's rules changed since:");
    for (const change of left) printChange(change, terminal);
  }
  if (filesDiffer !== null && filesDiffer.length > 0) {
    terminal.note(
      `the files say otherwise: the next "paceline apply" would undo this, unless they are changed like this:`,
    );
    for (const change of filesDiffer) printChange(change, terminal);
  }
  for (const { orgId: whose, number: made, partition, offset } of plans)
    if (offset !== null && whose === orgId)
      terminal.print(
        `${orgId}: plan ${made} says again what plan ${number} said, at partition ${partition}, offset ${offset}`,
      );
  if (isLeftToEngine) terminal.print('the running engine makes a plan of the rows');
  if (isDryRun) terminal.note('nothing is changed yet; say --yes to do it');
}
