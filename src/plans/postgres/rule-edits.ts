import pg from 'pg';
import { formatProblem, type Problem } from '../../control/config/problem.ts';
import { EngineError } from '../../model/errors.ts';
import { defaultPlanOrg } from '../../model/ids.ts';
import type { Database, Queryable } from './database.ts';
import { draftsOfRows } from './drafts-of-rows.ts';
import type { ManagedBy, PipelineRow, PlanRows, RuleRow } from './plan-rows.ts';

/** A rule that holds for an organization, as its row has it. */
export interface HeldRule {
  readonly orgId: string;
  readonly id: string;
  readonly definition: string;
  readonly managedBy: ManagedBy;
  readonly version: string;
}

interface Editor {
  readonly actor: string;
  readonly requestId: string;
}

const problemsShown = 20;

/**
 * Rules as their organization edits them: read by the plan that they make, written with the rights of the
 * organization's own people, so that row-level security and the audit see each edit. What would not make a plan
 * is refused before it is written; the engine makes a numbered plan of what is.
 */
export class RuleEdits {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Those of the organization's rule set, its own and everyone's. */
  async list(orgId: string): Promise<HeldRule[]> {
    return await this.#database.query<pg.QueryResultRow & HeldRule>(
      `SELECT org_id AS "orgId", id, definition, managed_by AS "managedBy", version::text AS version FROM paceline.rules
       WHERE org_id IN ($1::text, $2) AND rule_set = ${ruleSetSql} ORDER BY id, org_id LIMIT 2048`,
      [orgId, defaultPlanOrg],
    );
  }

  /**
   * Writes a rule. `expected` is the version that its writer saw, null = there must be none. Writing what is there
   * already changes nothing. Throws RULE_INVALID, EDIT_CONFLICT or EDIT_REFUSED.
   */
  async write(
    orgId: string,
    rule: { id: string; text: string },
    expected: string | null,
    by: Editor,
  ): Promise<HeldRule> {
    const { id, text } = rule;
    const before = await this.#rowsOf(orgId);
    requireOrganization(orgId, before);
    const present = before.rules.find((row) => row.org_id === orgId && row.id === id);
    if (present?.definition !== text) this.#check(orgId, before, withRule(orgId, before, rule));
    return await this.#edit(orgId, by, async (connection) => {
      const { rows } = await connection.query<Present>(presentSql, [orgId, id]);
      const [held] = rows;
      if (held?.definition === text) return heldRule(orgId, id, held);
      requireVersion(held, expected);
      const sql =
        held === undefined
          ? `INSERT INTO paceline.rules (org_id, id, rule_set, definition) VALUES ($1::text, $2, ${ruleSetSql}, $3) RETURNING ${columns}`
          : `UPDATE paceline.rules SET definition = $3 WHERE org_id = $1 AND id = $2 RETURNING ${columns}`;
      const written = await connection.query<Present>(sql, [orgId, id, text]);
      return heldRule(orgId, id, written.rows[0]);
    });
  }

  /** Removes a rule of the organization's own. Throws NOT_FOUND, EDIT_CONFLICT or EDIT_REFUSED. */
  async remove(orgId: string, id: string, expected: string, by: Editor): Promise<void> {
    await this.#edit(orgId, by, async (connection) => {
      const { rows } = await connection.query<Present>(presentSql, [orgId, id]);
      if (rows[0] === undefined) throw new EngineError('NOT_FOUND', `the organization has no rule ${id} of its own`);
      requireVersion(rows[0], expected);
      await connection.query('SELECT paceline.delete_rule($1)', [id]);
    });
  }

  async #rowsOf(orgId: string): Promise<PlanRows> {
    const owners = [[defaultPlanOrg, orgId]];
    const select = <Row extends object>(text: string) => this.#database.query<pg.QueryResultRow & Row>(text, owners);
    return {
      revision: 0n,
      organizations: await select<PlanRows['organizations'][number]>(
        'SELECT id, managed_by FROM paceline.organizations WHERE id = ANY($1)',
      ),
      pipelines: await select<PipelineRow>(
        'SELECT org_id, id, source_topic, rule_set, settings, managed_by FROM paceline.pipelines WHERE is_enabled AND org_id = ANY($1)',
      ),
      rules: await select<RuleRow>(
        'SELECT org_id, id, rule_set, definition, managed_by FROM paceline.rules WHERE org_id = ANY($1) ORDER BY org_id, id LIMIT 4096',
      ),
      overfull: [],
    };
  }

  /** Refuses what the edit makes wrong; what was wrong before is no reason to leave it so. */
  #check(orgId: string, before: PlanRows, after: PlanRows): void {
    const known = new Set(problemsOf(orgId, before).map(({ message }) => message));
    const made = problemsOf(orgId, after).filter(({ message }) => !known.has(message));
    if (made.length > 0)
      throw new EngineError('RULE_INVALID', made.slice(0, problemsShown).map(formatProblem).join('\n'));
  }

  /** In a transaction with the rights of the organization's people alone. */
  async #edit<T>(orgId: string, by: Editor, work: (connection: Queryable) => Promise<T>): Promise<T> {
    try {
      return await this.#database.transaction(async (connection) => {
        await connection.query(
          "SELECT set_config('paceline.org_id', $1, true), set_config('paceline.org_pass', paceline.tenant_pass($1, '1 minute'), true)",
          [orgId],
        );
        await connection.query('SET LOCAL ROLE paceline_tenant');
        return await work(connection);
      }, by);
    } catch (error) {
      throw asEditError(error);
    }
  }
}

interface Present {
  readonly definition: string;
  readonly managed_by: ManagedBy;
  readonly version: string;
}

const columns = 'definition, managed_by, version::text AS version';
const presentSql = `SELECT ${columns} FROM paceline.rules WHERE org_id = $1 AND id = $2 FOR UPDATE`;
/** The rule set that the organization follows. */
const ruleSetSql =
  "coalesce((SELECT rule_set FROM paceline.pipelines WHERE org_id = $1::text AND is_enabled), 'standard')";

function heldRule(orgId: string, id: string, { definition, managed_by, version }: Present): HeldRule {
  return { orgId, id, definition, managedBy: managed_by, version };
}

function requireOrganization(orgId: string, { organizations }: PlanRows): void {
  if (organizations.some(({ id }) => id === orgId)) return;
  throw new EngineError('EDIT_REFUSED', `${orgId} has no plan of its own; an operator adds it to the organizations`);
}

function requireVersion(held: Present | undefined, expected: string | null): void {
  if (held?.managed_by === 'files')
    throw new EngineError('EDIT_REFUSED', 'this rule is kept in files; "paceline rules push" gives it to the database');
  const found = held?.version ?? null;
  if (found === expected) return;
  const words = found === null ? 'there is no such rule any more' : `the rule is at version ${found}`;
  throw new EngineError('EDIT_CONFLICT', words);
}

function withRule(orgId: string, rows: PlanRows, { id, text }: { id: string; text: string }): PlanRows {
  const ruleSet = rows.pipelines.find(({ org_id }) => org_id === orgId)?.rule_set ?? 'standard';
  const rule: RuleRow = { org_id: orgId, id, rule_set: ruleSet, definition: text, managed_by: 'database' };
  return { ...rows, rules: [...rows.rules.filter((row) => row.org_id !== orgId || row.id !== id), rule] };
}

function problemsOf(orgId: string, rows: PlanRows): readonly Problem[] {
  return draftsOfRows(rows).refused.find((each) => each.orgId === orgId)?.problems ?? [];
}

/** What the database's own guards say is about the edit: files own the row, or there are too many. */
function asEditError(error: unknown): unknown {
  const cause = error instanceof EngineError ? error.cause : error;
  if (!(cause instanceof pg.DatabaseError)) return error;
  const { code, message, hint } = cause;
  if (code === 'PLF01' || code === 'PLQ01' || code === '23514')
    return new EngineError('EDIT_REFUSED', hint === undefined ? message : `${message}. ${hint}`, { cause: error });
  return code === '23505'
    ? new EngineError('EDIT_CONFLICT', 'somebody made it in the same moment', { cause: error })
    : error;
}
