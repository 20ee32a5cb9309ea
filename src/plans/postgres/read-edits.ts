import type { Database } from './database.ts';

/** An edit of rows that plans are made of, as the audit log has it. */
export interface Edit {
  readonly atMs: number;
  readonly actor: string;
}

const editsMax = 100_000;

/** Edits of rules, settings and organizations, the oldest first. */
export async function readEdits(database: Database, orgIds: readonly string[]): Promise<readonly Edit[]> {
  const rows = await database.query<{ at_ms: string; actor: string }>(
    `SELECT floor(extract(epoch FROM at) * 1000)::bigint::text AS at_ms, actor FROM paceline.audit_logs
     WHERE org_id = ANY($1) AND table_name IN ('rules', 'pipelines', 'organizations') ORDER BY at, id LIMIT ${editsMax}`,
    [orgIds],
  );
  return rows.map(({ at_ms, actor }) => ({ atMs: Number(at_ms), actor }));
}
