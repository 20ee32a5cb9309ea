import { troubleText } from '../model/system-trouble.ts';

const cannotWriteExitCode = 74;

/** What becomes of the process when nobody takes what it writes, from here on. */
export function watchOutputs(): void {
  process.stdout.on('error', endOf);
  // Nobody reads our notes any more, or there is no room for them: no reason to end what works, and nowhere to tell it.
  process.stderr.on('error', () => process.stderr.destroyed);
}

/** Ends the process once the result is out: with `exitCode`, unless not all of it could be written. */
export function endProcess(exitCode: number): void {
  process.stdout.write('', () => {
    const { errored } = process.stdout;
    if (errored !== null) endOf(errored);
    process.exit(exitCode);
  });
}

/**
 * A reader that goes away (`paceline sql ... | head`) is no error of ours, so a broken pipe ends us quietly;
 * a result that could not be written whole is one, whatever the command itself came to.
 */
function endOf(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`error: the result cannot be written: ${troubleText(error)}\n`);
  process.exit(cannotWriteExitCode);
}
