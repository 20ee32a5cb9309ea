import type { Database, Queryable } from './database.ts';

/** Who owns a row: people who edit the database, or the files that `paceline apply` reads. */
export type ManagedBy = 'database' | 'files';

interface OrganizationRow {
  readonly id: string;
  readonly managed_by: ManagedBy;
}

export interface PipelineRow {
  readonly org_id: string;
  readonly id: string;
  readonly source_topic: string | null;
  readonly rule_set: string;
  /** YAML or JSON: a section of organizations.yaml. */
  readonly settings: string;
  readonly managed_by: ManagedBy;
}

export interface RuleRow {
  /** `_default`: the rule holds for every organization. */
  readonly org_id: string;
  readonly id: string;
  readonly rule_set: string;
  /** YAML or JSON: a rule file without `organizations`. */
  readonly definition: string;
  readonly managed_by: ManagedBy;
}

/** Everything in the database that makes plans, at one moment. */
export interface PlanRows {
  /** Counts edits; the same number means the same rows. */
  readonly revision: bigint;
  readonly organizations: readonly OrganizationRow[];
  /** Enabled pipelines, at most one an organization. */
  readonly pipelines: readonly PipelineRow[];
  readonly rules: readonly RuleRow[];
  /** Organizations with more rules than are read, from before there was a quota: they get no new plan. */
  readonly overfull: readonly string[];
}

/** The quota that the database enforces (migration 7): what one organization may have the engine read. */
export const rulesOfOneMax = 1_024;
export const ruleBytesOfOneMax = 4 * 1024 * 1024;

export async function readPlanRows(database: Database): Promise<PlanRows> {
  return await database.transaction((connection) => selectPlanRows(connection), { isSnapshot: true });
}

/** The caller's transaction decides what moment it is: it must see one. */
export async function selectPlanRows(connection: Queryable): Promise<PlanRows> {
  const select = async <Row extends object>(text: string): Promise<Row[]> => (await connection.query<Row>(text)).rows;
  return {
    revision: await readRevision(connection),
    organizations: await select('SELECT id, managed_by FROM paceline.organizations ORDER BY id'),
    pipelines: await select(
      'SELECT org_id, id, source_topic, rule_set, settings, managed_by FROM paceline.pipelines WHERE is_enabled ORDER BY org_id, id',
    ),
    rules: await select(
      `SELECT org_id, id, rule_set, definition, managed_by FROM (
         SELECT *, row_number() OVER first AS place, sum(octet_length(definition)) OVER first AS bytes
         FROM paceline.rules WINDOW first AS (PARTITION BY org_id ORDER BY rule_set, id)
       ) AS counted WHERE place <= ${rulesOfOneMax} AND bytes <= ${ruleBytesOfOneMax}
       ORDER BY org_id, rule_set, id`,
    ),
    overfull: (
      await select<{ org_id: string }>(
        `SELECT org_id FROM paceline.rules GROUP BY org_id
         HAVING count(*) > ${rulesOfOneMax} OR sum(octet_length(definition)) > ${ruleBytesOfOneMax}`,
      )
    ).map(({ org_id }) => org_id),
  };
}

export async function readRevision(connection: Queryable): Promise<bigint> {
  const { rows } = await connection.query<{ revision: string }>('SELECT revision FROM paceline.edits');
  return BigInt(rows[0].revision);
}
