import { styleText } from 'node:util';
import { redact } from '../model/redact.ts';

/** What a stream can do; process.stdout is one. */
interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

/** Where a command talks: results to `out`, everything else to `notes`. Tests bring their own. */
export class Terminal {
  readonly #out: TextOutput;
  readonly #notes: TextOutput;
  readonly env: Readonly<Record<string, string | undefined>>;

  constructor(out: TextOutput, notes: TextOutput, env: Readonly<Record<string, string | undefined>>) {
    this.#out = out;
    this.#notes = notes;
    this.env = env;
  }

  /** True only where redrawing is welcome: a terminal that is not a dumb one. */
  get canAnimate(): boolean {
    return this.#out.isTTY === true && this.env.TERM !== 'dumb' && !this.env.CI;
  }
  get notesCanAnimate(): boolean {
    return this.#notes.isTTY === true && this.env.TERM !== 'dumb' && !this.env.CI;
  }
  get hasColor(): boolean {
    return this.#out.isTTY === true && !this.env.NO_COLOR && this.env.TERM !== 'dumb';
  }
  get columns(): number {
    // Zero is what a pseudo-terminal without a size says.
    return this.#out.columns || 100;
  }
  get rows(): number {
    return this.#out.rows || 40;
  }

  /** A line of the result. */
  print(line = ''): void {
    this.#out.write(`${line}\n`);
  }
  printJson(value: unknown): void {
    this.#out.write(`${JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? item.toString() : item))}\n`);
  }
  /** Text as it is: frames of a live view. */
  write(text: string): void {
    this.#out.write(text);
  }
  /** A line beside the result: progress, warnings, errors. */
  note(line: string): void {
    this.#notes.write(`${redact(line)}\n`);
  }
  writeNote(text: string): void {
    this.#notes.write(redact(text));
  }
  style(style: Style, text: string): string {
    return this.hasColor ? styleText(style, text, { validateStream: false }) : text;
  }
}
