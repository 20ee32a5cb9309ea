import { getTransition, listAlerts, listTransitions } from './alerts.ts';
import { listCampaignDays, listCampaigns, listConversions, listOrganizationDays } from './campaigns.ts';
import { getEngine, getGraph, listOrganizations } from './engine.ts';
import { listEvaluations } from './evaluations.ts';
import { explainAlert } from './explain/explain-alert.ts';
import { explainCampaign, explainSilence } from './explain/explain-silence.ts';
import { explainTogether } from './explain/explain-together.ts';
import { getFlight, listFlights, listSnapshots, summarizeFlights } from './flights.ts';
import { getMark } from './marks.ts';
import type { Operation } from './operation.ts';
import { listOrderSnapshots, listOrders } from './orders.ts';
import { getRecord } from './record.ts';
import { countDeadLetters, getDeadLetter, listDeadLetters, listLateEvents } from './records.ts';
import { listReplays } from './replays/list-replays.ts';
import { replayDeadLetters } from './replays/replay-letters.ts';
import { deleteRule, getPlan, getRule, listRules, putRule } from './rules.ts';
import { listSources } from './sources.ts';

/** Everything that can be asked of tables, plans and the engine, by the name that doors, limits and metrics call it. */
export const queryOperations = {
  listFlights,
  summarizeFlights,
  getFlight,
  listSnapshots,
  listOrders,
  listOrderSnapshots,
  listCampaigns,
  listCampaignDays,
  listConversions,
  listOrganizationDays,
  getMark,
  listAlerts,
  listTransitions,
  getTransition,
  listEvaluations,
  explainAlert,
  explainSilence,
  explainCampaign,
  explainTogether,
  listSources,
  listRules,
  getRule,
  putRule,
  deleteRule,
  getPlan,
  countDeadLetters,
  listDeadLetters,
  getDeadLetter,
  listLateEvents,
  getRecord,
  replayDeadLetters,
  listReplays,
  listOrganizations,
  getEngine,
  getGraph,
} as const satisfies Readonly<Record<string, Operation>>;
