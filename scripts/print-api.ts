import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../src/adapters/settings.ts';
import { printGraphqlSchema } from '../src/serving/graphql/schema.ts';
import { operationNames, operationOf } from '../src/serving/operations.ts';
import { openApiDocument } from '../src/serving/rest/openapi.ts';
import { type Route, restRoot, routes } from '../src/serving/rest/routes.ts';
import { asyncApiDocument } from './events-doc/asyncapi.ts';

// Prints docs/api/ from the table of operations that the doors work by. `--check` writes nothing and fails when
// a file differs.
const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

const { log, kafka } = loadConfig([], { shippedConfigDirectory: join(root, 'config') }).config;
const topics = { events: log.topic, alerts: kafka.alerts_topic, deadLetters: kafka.dead_letters_topic };

const rows = operationNames.map((name) => {
  const { method, path }: Route = routes[name];
  const { doc, permission, cost } = operationOf(name);
  return `| \`${method} ${restRoot}${path}\` | ${doc} | ${permission === null ? '' : `\`${permission}\``} | ${cost} |`;
});

const reference = `# REST reference

Printed from \`src/serving/\` by \`npm run docs\`; do not edit. [openapi.json](openapi.json) has every parameter and member; [docs/api.md](../api.md) tells how to begin.

## Costs

What a call takes from the allowance (serving.limits) is its cost.

| call | what it gives | needs | cost |
| --- | --- | --- | --- |
${rows.join('\n')}
`;

const pages: Readonly<Record<string, string>> = {
  'docs/api/openapi.json': `${JSON.stringify(openApiDocument(version), null, 2)}\n`,
  'docs/api/rest.md': reference,
  'docs/api/asyncapi.json': `${JSON.stringify(asyncApiDocument(version, topics), null, 2)}\n`,
  'docs/api/schema.graphql': printGraphqlSchema(),
};

function current(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

const stale = Object.keys(pages).filter((page) => current(join(root, page)) !== pages[page]);
if (process.argv.includes('--check') && stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}\nnext: run "npm run docs" and commit the result`);
  process.exitCode = 1;
} else if (!process.argv.includes('--check')) {
  mkdirSync(join(root, 'docs', 'api'), { recursive: true });
  for (const page of stale) writeFileSync(join(root, page), pages[page]);
}
