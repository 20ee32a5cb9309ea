import { EngineError } from '../model/errors.ts';
import { troubleText } from '../model/system-trouble.ts';
import type { Terminal } from './terminal.ts';

const bugExitCode = 2;

/** Tells a person (or, with `asJson`, a program) what went wrong and what to do; returns the exit code. */
export function reportError(error: unknown, terminal: Terminal, asJson: boolean): number {
  if (!(error instanceof EngineError)) return reportBug(error, terminal, asJson);
  if (asJson) {
    const { code, message, next, retry } = error;
    terminal.writeNote(`${JSON.stringify({ error: { code, message, next, retry, causes: causesOf(error) } })}\n`);
    return error.exitCode;
  }
  terminal.note(`error ${error.code}: ${error.message}`);
  for (const cause of causesOf(error)) terminal.note(`  because: ${cause}`);
  terminal.note(`next: ${error.next}`);
  return error.exitCode;
}

/** What is not an EngineError is our own bug: the stack helps whoever mends it. */
function reportBug(error: unknown, terminal: Terminal, asJson: boolean): number {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  if (asJson) terminal.writeNote(`${JSON.stringify({ error: { code: 'BUG', message, stack } })}\n`);
  else {
    terminal.note(`bug: ${stack ?? message}`);
    for (const cause of causesOf(error)) terminal.note(`  because: ${cause}`);
    terminal.note('next: Please report this with the lines above; "paceline doctor --json" adds what we need to know.');
  }
  return bugExitCode;
}

/** The chain of causes, the nearest first, at most five; what stands in the line before is not said again. */
function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let said = error instanceof Error ? error.message : '';
  let at = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; at !== undefined && depth < 5; depth += 1) {
    const cause = troubleText(at);
    if (!said.includes(cause)) causes.push(cause);
    said = cause;
    at = at instanceof Error ? at.cause : undefined;
  }
  return causes;
}
