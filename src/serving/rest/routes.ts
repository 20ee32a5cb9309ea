import type { OperationName } from '../operations.ts';

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Behind `/api/v1`; what stands in braces is `organization` or a member of the operation's input. */
  readonly path: string;
}

const get = (path: string): Route => ({ method: 'GET', path });
const ofOrganization = '/organizations/{organization}';

/** Where each operation stands in REST: things by their plural names, each under what it belongs to. */
export const routes = {
  listFlights: get(`${ofOrganization}/flights`),
  summarizeFlights: get(`${ofOrganization}/flight-summaries`),
  getFlight: get(`${ofOrganization}/campaigns/{campaign_id}/flights/{flight_id}`),
  listSnapshots: get(`${ofOrganization}/campaigns/{campaign_id}/flights/{flight_id}/snapshots`),
  listOrders: get(`${ofOrganization}/orders`),
  listOrderSnapshots: get(`${ofOrganization}/orders/{order_id}/snapshots`),
  listCampaigns: get(`${ofOrganization}/campaigns`),
  listCampaignDays: get(`${ofOrganization}/campaigns/{campaign_id}/days`),
  listConversions: get(`${ofOrganization}/campaigns/{campaign_id}/conversions`),
  listOrganizationDays: get(`${ofOrganization}/days`),
  getMark: get(`${ofOrganization}/mark`),
  listAlerts: get(`${ofOrganization}/alerts`),
  listTransitions: get(`${ofOrganization}/transitions`),
  getTransition: get(`${ofOrganization}/transitions/{alert_id}`),
  listEvaluations: get(`${ofOrganization}/rules/{rule_id}/evaluations`),
  explainAlert: get(`${ofOrganization}/transitions/{alert_id}/explanation`),
  explainSilence: get(`${ofOrganization}/campaigns/{campaign_id}/rules/{rule_id}/explanation`),
  explainCampaign: get(`${ofOrganization}/campaigns/{campaign_id}/explanation`),
  explainTogether: get(`${ofOrganization}/rules/{rule_id}/explanation`),
  listSources: get(`${ofOrganization}/sources`),
  listRules: get(`${ofOrganization}/rules`),
  getRule: get(`${ofOrganization}/rules/{rule_id}`),
  putRule: { method: 'PUT', path: `${ofOrganization}/rules/{rule_id}` },
  deleteRule: { method: 'DELETE', path: `${ofOrganization}/rules/{rule_id}` },
  getPlan: get(`${ofOrganization}/plan`),
  countDeadLetters: get(`${ofOrganization}/dead-letter-reasons`),
  listDeadLetters: get(`${ofOrganization}/dead-letters`),
  getDeadLetter: get(`${ofOrganization}/dead-letters/{topic}/{partition}/{log_offset}`),
  listLateEvents: get(`${ofOrganization}/late-events`),
  getRecord: get(`${ofOrganization}/records/{topic}/{partition}/{log_offset}`),
  replayDeadLetters: { method: 'POST', path: `${ofOrganization}/dead-letter-replays` },
  listReplays: get(`${ofOrganization}/dead-letter-replays`),
  listOrganizations: get('/organizations'),
  getEngine: get('/engine'),
  getGraph: get('/engine/programs'),
  listMembers: get(`${ofOrganization}/members`),
  getMember: get(`${ofOrganization}/members/{user_id}`),
  putMember: { method: 'PUT', path: `${ofOrganization}/members/{user_id}` },
  deleteMember: { method: 'DELETE', path: `${ofOrganization}/members/{user_id}` },
  listInvitations: get(`${ofOrganization}/invitations`),
  createInvitation: { method: 'POST', path: `${ofOrganization}/invitations` },
  deleteInvitation: { method: 'DELETE', path: `${ofOrganization}/invitations/{invitation_id}` },
  listKeys: get(`${ofOrganization}/keys`),
  createKey: { method: 'POST', path: `${ofOrganization}/keys` },
  deleteKey: { method: 'DELETE', path: `${ofOrganization}/keys/{key_id}` },
  listConfigurations: get(`${ofOrganization}/configurations`),
  getConfiguration: get(`${ofOrganization}/configurations/{name}`),
  listConfigurationVersions: get(`${ofOrganization}/configurations/{name}/versions`),
  putConfiguration: { method: 'PUT', path: `${ofOrganization}/configurations/{name}` },
  deleteConfiguration: { method: 'DELETE', path: `${ofOrganization}/configurations/{name}` },
  listAudit: get(`${ofOrganization}/audit`),
  listOwnSessions: get('/account/sessions'),
  deleteOwnSession: { method: 'DELETE', path: '/account/sessions/{session_id}' },
} as const satisfies Readonly<Record<OperationName, Route>>;

export const restRoot = '/api/v1';

/** The member names in braces, in their order. */
export function namesIn(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
}
