import { EngineError } from '../../model/errors.ts';
import { harmlessText } from '../../model/harmless-text.ts';
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
  return `${problem.file}:${problem.line}:${problem.column}: ${harmlessText(problem.message)}`;
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
