import type { Address, ChangeShown, Evidence, JudgedCondition, SourceShown, WindowShown } from './shapes.ts';

/** Explanations in sentences. */

export function instantText(ms: number): string {
  return new Date(ms).toISOString();
}

/** Micros as units with two digits, cut. */
export function moneyText(micros: unknown): string {
  const text = String(micros).replace('-', '').padStart(7, '0');
  return `${String(micros).startsWith('-') ? '-' : ''}${text.slice(0, -6)}.${text.slice(-6, -4)}`;
}

/** "5 minutes", "2 hours". */
export function spanText(ms: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
    ['second', 1_000],
  ] as const;
  const parts: string[] = [];
  let left = Math.round(ms / 1_000) * 1_000;
  for (const [name, size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return parts.length === 0 ? '0 seconds' : parts.slice(0, 2).join(' ');
}

function addressText({ topic, partition, offset }: Address): string {
  return `${topic}, partition ${partition}, offset ${offset}`;
}

const outcomes = { true: 'true', false: 'not true', null: 'without an answer, as a value of it is not there' };

function comparedText({ text, values, holds }: JudgedCondition['compared'][number]): string {
  const named = Object.entries(values).map(
    ([name, value]) => `${name} is ${value === null ? 'absent' : valueText(value)}`,
  );
  const said = named.length === 0 ? '' : ` (${named.join(', ')})`;
  return `${text}${said}: ${outcomes[`${holds}`]}`;
}

function valueText(value: string | number | boolean): string {
  return typeof value === 'number' ? String(Math.round(value * 1e4) / 1e4) : String(value);
}

const partNames = {
  guard: 'Its guard',
  warning: 'Its warning level',
  critical: 'Its critical level',
  clear_warning: 'What clears its warning',
  clear_critical: 'What clears its critical level',
} as const;

function conditionTexts({ part, holds, compared }: JudgedCondition): string[] {
  return [`${partNames[part]} is ${outcomes[`${holds}`]}:`, ...compared.map((each) => `  ${comparedText(each)}`)];
}

export function evidenceTexts(evidence: Evidence): string[] {
  return [
    `It was judged at ${evidence.evaluated_at} of what had happened until ${evidence.as_of}, at the record ${addressText(evidence.decided_by)}${kindText(evidence.decided_by)}.`,
    planText(evidence.plan),
    ...evidence.conditions.flatMap(conditionTexts),
    ...(evidence.conditions.length === 0 ? [valuesText(evidence.values)] : []),
    ...evidence.sources.map(sourceText),
    ...evidence.controls.map(({ record, says }) => `${says}: ${addressText(record)}, of ${record.log_time}.`),
    ...evidence.windows.map(windowText),
    ...(evidence.records === null ? [] : [`No record can be named: ${evidence.records}.`]),
  ];
}

function valuesText(values: Evidence['values']): string {
  const named = Object.entries(values).map(
    ([name, value]) => `${name} ${value === null ? 'absent' : valueText(value)}`,
  );
  return named.length === 0 ? 'It compared nothing.' : `It looked at ${named.join(', ')}.`;
}

function kindText({ kind, log_time }: Address): string {
  return kind === null ? '' : ` (${kind}, ${log_time})`;
}

function planText({ number, written_for, record, rule_known_by }: Evidence['plan']): string {
  if (record !== null)
    return `In force was plan ${number} of ${written_for === '_default' ? 'everyone (_default)' : written_for}, since the record ${addressText(record)}, of ${record.log_time}.`;
  const known =
    rule_known_by === 'hash'
      ? 'the rule decided then as it is written now (its hash is the same)'
      : 'what the rule said then is not known here';
  return `In force was plan ${number}; ${known}.`;
}

function sourceText({ source, complete_through, behind_s, stale_after_s, record }: SourceShown): string {
  if (complete_through === null) return `Source ${source} had never said how far it is complete.`;
  const bound = stale_after_s === null ? '' : `; more than ${spanText(stale_after_s * 1_000)} would be too far`;
  const by = record === null ? '' : `, as its heartbeat ${addressText(record)} says`;
  return `Source ${source} was complete through ${complete_through}${by}, ${spanText((behind_s ?? 0) * 1_000)} behind${bound}.`;
}

function windowText({ values, of, from, to, records }: WindowShown): string {
  const what = `${values.join(', ')} ${values.length === 1 ? 'is' : 'are'} of the ${of} from ${from} to ${to}`;
  if (records === null) return `${what}.`;
  if (records.first === null || records.last === null) return `${what}: no record lies in it.`;
  const unused = Object.entries(records.unused).map(([why, count]) => `${count} ${why.replace('_', ' ')}`);
  const of_which = unused.length === 0 ? '' : `, of which ${unused.join(', ')} count nothing`;
  const sum =
    records.adds_up_to === null
      ? ''
      : `; they add up to ${of === 'spend' ? moneyText(records.adds_up_to) : records.adds_up_to}`;
  const last = records.count === 1 ? '' : ` to ${records.last.offset}`;
  return `${what}: ${records.count} record${records.count === 1 ? '' : 's'}, ${addressText(records.first)}${last}${of_which}${sum}.`;
}

function changeTexts(change: ChangeShown): string[] {
  const since = change.active_since === null ? '' : `, held since ${change.active_since}`;
  const level = change.level === 'none' ? '' : ` (${change.level})`;
  return [
    `${change.evaluated_at}: ${change.from_state} → ${change.to_state}${level}, because of ${change.reason}${since}; plan ${change.plan_number}, record ${addressText(change.decided_by)}.`,
    ...change.compared.map((each) => `  ${comparedText(each)}`),
    ...(change.told.length === 0 ? ['  Nobody is told of it.'] : change.told.map((each) => `  Told: ${each}.`)),
  ];
}

const changesTold = 20;

/** An alert that trembles has hundreds of changes; people are told of its beginning and its end. */
export function lifeTexts(changes: readonly ChangeShown[]): string[] {
  const left = changes.length - changesTold;
  if (left <= 0) return changes.flatMap(changeTexts);
  const half = changesTold / 2;
  return [
    ...changes.slice(0, half).flatMap(changeTexts),
    `… ${left} more changes, which --json has …`,
    ...changes.slice(-half).flatMap(changeTexts),
  ];
}
