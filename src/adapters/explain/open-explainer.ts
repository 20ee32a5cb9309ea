import { randomBytes } from 'node:crypto';
import type * as z from 'zod';
import type { Logger } from '../../control/logs/logger.ts';
import { EngineError } from '../../model/errors.ts';
import { idPattern } from '../../model/ids.ts';
import { nearest } from '../../model/nearest.ts';
import type { Clock } from '../../model/time.ts';
import type { ServingPorts } from '../../serving/ports.ts';
import { explainAlert } from '../../serving/queries/explain/explain-alert.ts';
import { explainCampaign, explainSilence } from '../../serving/queries/explain/explain-silence.ts';
import { explainTogether } from '../../serving/queries/explain/explain-together.ts';
import type { Operation, OperationContext } from '../../serving/queries/operation.ts';
import { inputOf, localCaller, localTables } from '../local-calls.ts';
import { openTablesForReading } from '../log/visits.ts';
import type { ClickHouseTables } from '../serving/clickhouse-tables.ts';
import { SealedCursors } from '../serving/sealed-cursors.ts';
import type { Config } from '../settings.ts';
import { openBronzePast } from './bronze-past.ts';

/** Explains from tables and bronze alone, beside a running engine or without one. */
export interface Explainer extends AsyncDisposable {
  /** `idOrPrefix` of one change, or of an alert, which means its newest change. */
  alert(idOrPrefix: string): Promise<AlertExplained>;
  silence(orgId: string, question: z.input<(typeof explainSilence)['input']>): Promise<CampaignExplained>;
  /** Of a rule about an order, an advertiser or the whole organization. */
  together(orgId: string, question: z.input<(typeof explainTogether)['input']>): Promise<TogetherExplained>;
  campaign(orgId: string, question: z.input<(typeof explainCampaign)['input']>): Promise<CampaignExplained>;
}

export type AlertExplained = z.output<(typeof explainAlert)['output']>;
export type TogetherExplained = z.output<(typeof explainTogether)['output']>;
export type CampaignExplained = z.output<(typeof explainCampaign)['output']>;

interface ExplainerContext {
  readonly clock: Clock;
  readonly log: Logger;
}

const organizationsMax = 10_000;
const alertsShown = 5;

export async function openExplainer(config: Config, { clock, log }: ExplainerContext): Promise<Explainer> {
  await using stack = new AsyncDisposableStack();
  // First: it takes the directory, or finds out that somebody else has it.
  const reading = stack.adopt(await openTablesForReading(config, { clock, log }), (opened) => opened.close());
  const past = stack.use(await openBronzePast(config));
  const tables = stack.use(localTables(config, reading, { clock, log, trouble: 'explain.system_tables_refused' }));
  const cursors = new SealedCursors(randomBytes(32));
  const ports: Pick<ServingPorts, 'tables' | 'past' | 'cursors' | 'now'> = {
    ...{ tables, past, cursors },
    now: () => clock.wallMs(),
  };
  const contextOf = (orgId: string): OperationContext => ({
    caller: localCaller(orgId, 'command line', ''),
    // What explains asks of these alone.
    ports: ports as ServingPorts,
    tables: tables.of(orgId),
  });
  const ask = async <Op extends Operation>(operation: Op, orgId: string, input: unknown) => {
    await requireOrganization(tables, orgId);
    return (await operation.run(contextOf(orgId), inputOf(operation, input))).data;
  };
  const opened = stack.move();
  return {
    alert: async (idOrPrefix) => {
      const { orgId, alertId } = await findAlert(tables, idOrPrefix);
      return (await explainAlert.run(contextOf(orgId), { alert_id: alertId })).data;
    },
    silence: async (orgId, question) => (await ask(explainSilence, orgId, question)) as CampaignExplained,
    together: async (orgId, question) => (await ask(explainTogether, orgId, question)) as TogetherExplained,
    campaign: async (orgId, question) => (await ask(explainCampaign, orgId, question)) as CampaignExplained,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function requireOrganization(tables: ClickHouseTables, orgId: string): Promise<void> {
  const known = await tables.organizations('', organizationsMax);
  if (known.includes(orgId)) return;
  const near = nearest(orgId, known);
  const hint =
    near === undefined ? `; there are ${known.slice(0, 10).join(', ') || 'none'}` : `; did you mean ${near}?`;
  const isName = idPattern.test(orgId);
  throw new EngineError('NOT_FOUND', `no table knows an organization ${isName ? orgId : JSON.stringify(orgId)}${hint}`);
}

/** The newest change that is meant; an identity may be cut, as long as it means one alert. */
async function findAlert(tables: ClickHouseTables, id: string): Promise<{ orgId: string; alertId: string }> {
  if (!/^[0-9a-f]{6,32}$/.test(id))
    throw new EngineError(
      'REQUEST_INVALID',
      `an alert is named by 6 to 32 hexadecimal digits, not by ${JSON.stringify(id)}`,
    );
  const found = await tables.alertsLike(id, alertsShown + 1);
  const [newest] = found;
  if (newest === undefined) throw await noSuchAlert(tables, id);
  const exact = found.find(({ alertId }) => alertId === id);
  if (exact !== undefined) return exact;
  const fingerprints = new Set(found.map(({ fingerprint }) => fingerprint));
  if (fingerprints.size === 1 || found.every(({ fingerprint }) => fingerprint.startsWith(id))) return newest;
  const shown = found.slice(0, alertsShown).map(({ alertId }) => alertId);
  throw new EngineError('REQUEST_INVALID', `${id} may mean ${shown.join(', ')}; say more of it`);
}

async function noSuchAlert(tables: ClickHouseTables, id: string): Promise<EngineError> {
  const newest = await tables.alertsLike('', 1_000);
  const known = newest.flatMap(({ alertId, fingerprint }) => [alertId, fingerprint]);
  const near = nearest(id, known) ?? known.find((each) => each.startsWith(id.slice(0, 6)));
  const hint =
    near !== undefined
      ? `; did you mean ${near}?`
      : newest.length === 0
        ? '; there is none'
        : `; the newest are ${newest
            .slice(0, alertsShown)
            .map(({ alertId }) => alertId)
            .join(', ')}`;
  return new EngineError('NOT_FOUND', `no table knows an alert ${id}${hint}`);
}
