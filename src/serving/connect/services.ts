import type { OperationName } from '../operations.ts';
import { pascal } from '../shapes.ts';

/** The service that each operation is a procedure of: what belongs together is one file of schemas/proto/. */
export const serviceOf = {
  listFlights: 'PacingService',
  summarizeFlights: 'PacingService',
  getFlight: 'PacingService',
  listSnapshots: 'PacingService',
  listOrders: 'PacingService',
  listOrderSnapshots: 'PacingService',
  getMark: 'PacingService',
  listCampaigns: 'CampaignService',
  listCampaignDays: 'CampaignService',
  listConversions: 'CampaignService',
  listOrganizationDays: 'CampaignService',
  listAlerts: 'AlertService',
  listTransitions: 'AlertService',
  getTransition: 'AlertService',
  listEvaluations: 'AlertService',
  explainAlert: 'ExplainService',
  explainSilence: 'ExplainService',
  explainCampaign: 'ExplainService',
  explainTogether: 'ExplainService',
  listSources: 'SourceService',
  listRules: 'RuleService',
  getRule: 'RuleService',
  putRule: 'RuleService',
  deleteRule: 'RuleService',
  getPlan: 'PlanService',
  countDeadLetters: 'RecordService',
  listDeadLetters: 'RecordService',
  getDeadLetter: 'RecordService',
  listLateEvents: 'RecordService',
  getRecord: 'RecordService',
  replayDeadLetters: 'RecordService',
  listReplays: 'RecordService',
  listOrganizations: 'OrganizationService',
  getEngine: 'EngineService',
  getGraph: 'EngineService',
  listMembers: 'MemberService',
  getMember: 'MemberService',
  putMember: 'MemberService',
  deleteMember: 'MemberService',
  listInvitations: 'MemberService',
  createInvitation: 'MemberService',
  deleteInvitation: 'MemberService',
  listKeys: 'KeyService',
  createKey: 'KeyService',
  deleteKey: 'KeyService',
  listConfigurations: 'ConfigurationService',
  getConfiguration: 'ConfigurationService',
  listConfigurationVersions: 'ConfigurationService',
  putConfiguration: 'ConfigurationService',
  deleteConfiguration: 'ConfigurationService',
  listAudit: 'AuditService',
  listOwnSessions: 'AccountService',
  deleteOwnSession: 'AccountService',
} as const satisfies Readonly<Record<OperationName, string>>;

export type ServiceName = (typeof serviceOf)[OperationName];

export const protoPackage = 'paceline.v1';

/** The procedure of an operation. */
export function procedureOf(name: OperationName): string {
  return pascal(name);
}

/** The mark of an organization as a stream: sent at once, and again with every change. */
export const watchProcedure = { service: 'PacingService', name: 'WatchMark', of: 'getMark' } as const;
