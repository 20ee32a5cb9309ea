import type { Terminal } from './terminal.ts';

/** A flag of a command, described once: parsing, help and docs/cli.md come from it. */
export interface Flag {
  readonly type: 'boolean' | 'text' | 'integer' | 'duration';
  readonly doc: string;
  /** What stands for the value in help, as in `DIR`. */
  readonly value?: string;
  /** Shown in help; the command itself applies it. */
  readonly default?: string;
  readonly isRepeatable?: true;
  readonly min?: number;
  readonly max?: number;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Whole command lines to copy, the most common first. */
  readonly examples: readonly string[];
  /** Some sentences: what it does, what it prints, what it leaves behind. */
  readonly doc: string;
  readonly flags: Readonly<Record<string, Flag>>;
  /** Plain words after the flags. */
  readonly words?: { readonly name: string; readonly doc: string; readonly min: number; readonly max: number };
  /** Resolves with the exit code; throws EngineError for trouble. */
  run(call: Call, terminal: Terminal): Promise<number>;
}

export type FlagValue = boolean | string | number | readonly string[];

/** One parsed call of a command. Getters return undefined when the flag was not given. */
export class Call {
  readonly words: readonly string[];
  readonly #flags: ReadonlyMap<string, FlagValue>;

  constructor(words: readonly string[], flags: ReadonlyMap<string, FlagValue>) {
    this.words = words;
    this.#flags = flags;
  }

  has(name: string): boolean {
    return this.#flags.get(name) === true;
  }
  text(name: string): string | undefined {
    return this.#flags.get(name) as string | undefined;
  }
  texts(name: string): readonly string[] {
    return (this.#flags.get(name) as readonly string[] | undefined) ?? [];
  }
  /** Integers as they are, durations in milliseconds. */
  number(name: string): number | undefined {
    return this.#flags.get(name) as number | undefined;
  }
}

export const jsonFlag: Flag = { type: 'boolean', doc: 'Print JSON for programs instead of text for people.' };
export const configFlag: Flag = {
  type: 'text',
  value: 'FILE',
  isRepeatable: true,
  doc: 'Configuration file; may be given several times, later files win.',
  default: 'config/paceline.yaml, if there is one',
};
export const dataFlag: Flag = {
  type: 'text',
  value: 'DIR',
  doc: 'Data directory; wins over data_directory of the files.',
};
