import { EngineError } from '../../model/errors.ts';
import { redact } from '../../model/redact.ts';

/** One thing wrong in a file that a person wrote, with its place. Lines and columns start at 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const shownMax = 20;

export function formatProblem(problem: Problem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${harmless(problem.message)}`;
}

/** A name that somebody made up may hold what moves a cursor, or turns a line around. */
function harmless(text: string): string {
  return text.replace(
    /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** All problems in one error, in the order of file and place, at most twenty of them spelt out. */
export class ConfigError extends EngineError {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    const sorted = [...problems].sort(
      (a, b) =>
        a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column || a.message.localeCompare(b.message),
    );
    const shown = sorted.map((problem) => ({
      ...problem,
      file: redact(problem.file),
      message: redact(problem.message),
    }));
    const lines = shown.slice(0, shownMax).map(formatProblem);
    if (sorted.length > shownMax) lines.push(`and ${sorted.length - shownMax} more`);
    super('CONFIG_INVALID', lines.join('\n'));
    this.problems = shown;
  }
}
