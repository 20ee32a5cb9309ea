import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { doctorReference } from '../src/adapters/servers/check-catalogue.ts';
import { settingsSchema } from '../src/adapters/settings.ts';
import { commands } from '../src/cli/commands.ts';
import { commandReference } from '../src/cli/help.ts';
import { configReference, embeddedConfigFile } from '../src/control/config/print-reference.ts';
import { metricReference } from '../src/control/metrics/print-reference.ts';
import { errorCatalogue } from '../src/model/errors.ts';

// Prints the references from the tables that the program itself uses. `--check` writes nothing and
// fails when a file differs, so a reference can never lie.
const root = join(import.meta.dirname, '..');
const pages: Readonly<Record<string, string>> = {
  'docs/cli.md': commandReference(commands),
  'docs/config.md': configReference(settingsSchema.settings),
  'docs/doctor.md': doctorReference(),
  'docs/errors.md': errorReference(),
  'docs/metrics.md': metricReference(),
  'config/embedded.yaml': embeddedConfigFile(settingsSchema.settings),
};

function errorReference(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { exit, retry, next }]) =>
      `| \`${code}\` | ${exit} | ${retry === 'with_backoff' ? 'yes, the engine tries again' : 'no'} | ${next} |`,
  );
  return `# Errors\n\nPrinted from \`src/model/errors.ts\` by \`npm run docs\`; do not edit.\n\nTrouble that the world causes has a code; our own bugs are assertions and end the process with exit code 2.\n\n| code | exit | does waiting help? | what to do |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function currentText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

const isCheck = process.argv.includes('--check');
const stale = Object.keys(pages).filter((page) => currentText(join(root, page)) !== pages[page]);
if (isCheck && stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}\nnext: run "npm run docs" and commit the result`);
  process.exitCode = 1;
}
if (!isCheck) {
  mkdirSync(join(root, 'docs'), { recursive: true });
  for (const page of stale) {
    writeFileSync(join(root, page), pages[page]);
    console.log(`wrote ${page}`);
  }
}
