import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readMigrationFiles } from '../../model/migration-files.ts';
import type { DdlOptions } from './ddl.ts';
import { localSuffix, onCluster, replacing } from './ddl.ts';

interface Statement {
  readonly sql: string;
  /** Query whose answer says whether the statement is still due: 0 = no. Null = always. */
  readonly onlyIf: string | null;
}

export interface Migration {
  readonly number: number;
  readonly name: string;
  /** Each may run again: a migration that was cut off is repeated from its start. */
  readonly statements: readonly Statement[];
  /** SHA-256 of the statements as they run here, hex. */
  readonly checksum: string;
}

const directory = join(import.meta.dirname, 'migrations');

/**
 * Every change of the stored shape, in order, as it runs in this database. A released file never changes;
 * a new shape is a new file.
 */
export function migrationsOf(options: DdlOptions): readonly Migration[] {
  return readMigrationFiles(directory).map(({ number, name, sql }) => {
    const statements = statementsOf(sql, options);
    const checksum = createHash('sha256').update(statements.map(spell).join(';\n')).digest('hex');
    return { number, name, statements, checksum };
  });
}

function spell({ sql, onlyIf }: Statement): string {
  return onlyIf === null ? sql : `-- only if: ${onlyIf}\n${sql}`;
}

/**
 * Statements end with `;` at the end of a line. Lines before one that begin with `-- on a cluster` or
 * `-- only if: QUERY` say when it runs; other comments are left out. Placeholders:
 *
 *     {db}             the database
 *     {local}          `_local` on a cluster, where rows lie in that table of each shard
 *     {on_cluster}     ` ON CLUSTER name` on a cluster
 *     {cluster}        the cluster's name
 *     {engine}         ReplacingMergeTree by version; replicated on a cluster
 *     {engine by C}    the same, but the highest of column C stays
 *     {bucketed KEY}   the partition key, within buckets of organizations where there are several
 */
function statementsOf(file: string, options: DdlOptions): Statement[] {
  const blocks = file.split(/;\s*(?:\n|$)/).map((block) => block.trim());
  return blocks.flatMap((block) => {
    const lines = block.split('\n');
    const sql = lines
      .filter((line) => !line.startsWith('--'))
      .join('\n')
      .trim();
    if (sql === '' || (lines.includes('-- on a cluster') && options.cluster === null)) return [];
    const condition = lines.find((line) => line.startsWith(conditionMark))?.slice(conditionMark.length) ?? null;
    return [{ sql: fill(sql, options), onlyIf: condition === null ? null : fill(condition, options) }];
  });
}

const conditionMark = '-- only if: ';

function fill(text: string, { database, buckets, cluster }: DdlOptions): string {
  return text
    .replaceAll(/\{bucketed (.+)\}/g, (_, key) => (buckets === 1 ? key : `(cityHash64(org_id) % ${buckets}, ${key})`))
    .replaceAll('{db}', database)
    .replaceAll('{local}', localSuffix(cluster))
    .replaceAll('{on_cluster}', onCluster(cluster))
    .replaceAll('{cluster}', cluster ?? '')
    .replaceAll(/\{engine by (\w+)\}/g, (_, column) => replacing(cluster, column))
    .replaceAll('{engine}', replacing(cluster));
}
