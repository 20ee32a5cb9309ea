import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { anchorOf, checkCatalogue } from '../../src/adapters/servers/check-catalogue.ts';
import { readSources } from '../house-rules/rules.ts';

const root = join(import.meta.dirname, '..', '..');
const ids = Object.keys(checkCatalogue);
const servers = [...new Set(ids.map((id) => id.split('.')[0]))];
const checkFiles =
  /^src\/(cli\/doctor\/|adapters\/[a-z]+\/check-(?!catalogue)|plans\/postgres\/inspect-postgres|sources\/kafka\/inspect-kafka|.+\/checks\.ts$|sinks\/[a-z]+\/[a-z]+-kind\.ts$)/;

test('ids of checks, the catalogue and the sections of docs/doctor.md are the same', () => {
  const text = readSources(root, 'src')
    .filter(({ path }) => checkFiles.test(path))
    .map((file) => file.text)
    .join('\n');
  const named = [...text.matchAll(/'([a-z0-9]+\.[a-z_]+)'/g)]
    .map(([, id]) => id)
    .filter(
      (id) =>
        servers.includes(id.split('.')[0]) &&
        !['log.partitions', 'bronze.warehouse', 'snapshots.directory', 'retention.ms', 'alertmanager.ca_file'].includes(
          id,
        ),
    );
  expect([...new Set(named)].sort()).toEqual([...ids].sort());
  const headings = readFileSync(join(root, 'docs/doctor.md'), 'utf8').matchAll(/^## (.+)$/gm);
  expect([...headings].map(([, id]) => id)).toEqual(ids);
});

test('an anchor is what a heading becomes; an id without a section is a bug', () => {
  expect(anchorOf('postgres.row_security')).toBe('docs/doctor.md#postgresrow_security');
  expect(() => anchorOf('kafka.nothing')).toThrow('catalogue');
  for (const server of ['kafka', 'registry', 'redis', 'postgres', 'clickhouse', 'alertmanager'])
    expect(ids).toContain(`${server}.reachable`);
});
