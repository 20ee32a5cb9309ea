import { parseArgs } from 'node:util';
import { EngineError } from '../model/errors.ts';
import { nearest } from '../model/nearest.ts';
import { Call, type Command, type Flag, type FlagValue } from './command.ts';

/** Flags that every command knows. */
const commonFlags: Readonly<Record<string, Flag>> = {
  help: { type: 'boolean', doc: 'Show this help.' },
};

export function flagsOf(command: Command): Readonly<Record<string, Flag>> {
  return { ...command.flags, ...commonFlags };
}

/** Reads the arguments of `command`; throws USAGE with the nearest known flag and the valid range. */
export function parseCall(command: Command, args: readonly string[]): Call {
  const flags = flagsOf(command);
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      { type: flag.type === 'boolean' ? 'boolean' : 'string' } as const,
    ]),
  );
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...options, h: { type: 'boolean' } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: string[] = [];
  const values = new Map<string, FlagValue>();
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const name = token.name === 'h' ? 'help' : token.name;
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (flag === undefined) throw unknownFlag(command, token.rawName, Object.keys(flags));
    const value = readValue(token.rawName, flag, token.value, token.inlineValue ?? false);
    const before = (values.get(name) as readonly string[] | undefined) ?? [];
    values.set(name, flag.isRepeatable ? [...before, String(value)] : value);
  }
  if (!values.has('help')) checkWords(command, words);
  return new Call(words, values);
}

function unknownFlag(command: Command, written: string, known: readonly string[]): EngineError {
  const near = nearest(written.replace(/^-+/, ''), known);
  const hint = near ? `did you mean --${near}?` : `see "paceline help ${command.name}"`;
  return usage(`"paceline ${command.name}" knows no ${written}; ${hint}`);
}

function checkWords(command: Command, words: readonly string[]): void {
  const expected = command.words ?? { name: '', doc: '', min: 0, max: 0 };
  if (words.length > expected.max)
    throw usage(`unexpected word "${words[expected.max]}"; see "paceline help ${command.name}"`);
  if (words.length < expected.min) throw usage(`"paceline ${command.name}" needs ${expected.name}: ${expected.doc}`);
}

function readValue(
  written: string,
  flag: Flag,
  value: string | undefined,
  isInline: boolean,
): boolean | string | number {
  if (flag.type === 'boolean') {
    if (value !== undefined) throw usage(`${written} takes no value`);
    return true;
  }
  if (value === undefined || (!isInline && value.startsWith('-')))
    throw usage(`${written} needs a value: ${written} ${flag.value ?? 'VALUE'}`);
  // As of a variable of the shell that is not set: a path of nothing would be the directory that we stand in.
  if (value === '') throw usage(`${written} needs a value, got ""`);
  // A shell reads ~ at the beginning of a word alone, not in --data=~/x.
  if (/^~[\w.-]*\//.test(value))
    throw usage(
      `${written}: ${value} would be a directory called ${value.slice(0, value.indexOf('/'))}; write "${written} ${value}", or the whole path`,
    );
  if (flag.type === 'text') return value;
  const number = flag.type === 'duration' ? parseDuration(value) : parseInteger(value);
  const example = flag.type === 'duration' ? 'a duration such as 500ms, 60s or 5m' : 'a whole number';
  if (number === undefined) throw usage(`${written} needs ${example}, got "${value}"`);
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = flag;
  if (number < min && flag.type === 'duration') throw usage(`${written} must be ${min} ms at least, got "${value}"`);
  if (number < min || number > max) throw usage(`${written} must be ${min} to ${max}, got "${value}"`);
  return number;
}

function parseInteger(text: string): number | undefined {
  const digits = text.replaceAll('_', '').replace(/x$/, '');
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `60s`, `1m30s`; a bare number is refused, because its unit would be a guess. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) total += Number(digits) * unitMs[unit];
  return Number.isSafeInteger(total) ? total : undefined;
}

export function usage(message: string): EngineError {
  return new EngineError('USAGE', message);
}
