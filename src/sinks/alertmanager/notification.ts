import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import type { alertEvents, ReadRowOf } from '../../rows/tables.ts';

/** One element of POST /api/v2/alerts (Alertmanager's OpenAPI, `postableAlert`). */
export interface Notification {
  /** Identity of the alert for Alertmanager: the same for its whole life at one severity. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly startsAt: string;
  /** In the past = resolved; in the future = firing until then, unless it is sent again. */
  readonly endsAt: string;
  readonly generatorURL?: string;
}

type AlertRow = ReadRowOf<typeof alertEvents>;

/** Columns of `alert_events` that a notification takes as they are. */
const takenAsIs = [
  'org_id',
  'rule_id',
  'campaign_id',
  'flight_id',
  'source',
  'mode',
  'to_state',
  'level',
  'reason',
  'alert_id',
  'fingerprint',
  'summary',
  'condition',
  'values',
  'labels',
  'annotations',
  'told',
  'group_id',
  'advertiser',
] as const;

/** What of an alert transition a notification needs. */
export interface AlertTransition extends Pick<AlertRow, (typeof takenAsIs)[number] | 'plan_number' | 'notified'> {
  /** Epoch ms. */
  readonly evaluated_at: number;
  /** Epoch ms; null when the condition does not hold. */
  readonly active_since: number | null;
}

/** An alert has one of these at a time; each is an alert of its own to Alertmanager. */
const severities = ['warning', 'critical', 'no_data', 'error'] as const;
type Severity = (typeof severities)[number];

/** What people are told after a transition; null = nobody needs to act. */
function severityOf({ to_state, level, told }: AlertTransition): Severity | null {
  // Rows of older releases leave it to the state.
  if (told !== 'as_state') return severities.find((each) => each === told) ?? null;
  if (to_state === 'no_data' || to_state === 'error') return to_state;
  if (to_state !== 'firing' && to_state !== 'recovering') return null;
  return level === 'critical' ? 'critical' : 'warning';
}

interface NotificationOptions {
  /** Until when an active alert stays active without being sent again, epoch ms. */
  readonly activeUntilMs: number;
  readonly externalUrl: string | null;
}

/**
 * What one transition says to Alertmanager: the alert at its severity is active, at every other it has
 * ended. So an escalation ends the warning, and no earlier transition need be remembered.
 */
export function notificationsOf(transition: AlertTransition, options: NotificationOptions): Notification[] {
  const active = severityOf(transition);
  return severities.map((severity) =>
    notify(transition, severity, severity === active ? options.activeUntilMs : transition.evaluated_at, options),
  );
}

/** The active alert alone: for sending it again. */
export function activeNotificationOf(transition: AlertTransition, options: NotificationOptions): Notification[] {
  const active = severityOf(transition);
  return active === null ? [] : [notify(transition, active, options.activeUntilMs, options)];
}

function notify(
  transition: AlertTransition,
  severity: Severity,
  endsAtMs: number,
  { externalUrl }: NotificationOptions,
): Notification {
  const { org_id, rule_id, campaign_id, flight_id, source, group_id: order } = transition;
  const { advertiser, fingerprint } = transition;
  const labels = {
    alertname: rule_id,
    severity,
    org_id,
    campaign_id,
    flight_id,
    source,
    order,
    advertiser,
    fingerprint,
  };
  return {
    labels: withoutEmpty({ ...textsOf(transition.labels), ...labels }),
    annotations: withoutEmpty({
      ...textsOf(transition.annotations),
      summary: transition.summary,
      condition: transition.condition,
      values: transition.values,
      reason: transition.reason,
      alert_id: transition.alert_id,
      plan: String(transition.plan_number),
    }),
    startsAt: instant(Math.min(transition.active_since ?? transition.evaluated_at, endsAtMs)),
    endsAt: instant(endsAtMs),
    ...(externalUrl === null ? {} : { generatorURL: `${externalUrl.replace(/\/$/, '')}/alerts/${fingerprint}` }),
  };
}

/** Whether a row of its kind says something to people: it changed what they are told. */
export function isForPeople({ mode, notified, told }: AlertTransition): boolean {
  return notified === 1 && (told !== 'as_state' || mode === 'notify');
}

/** Names and texts as the engine wrote them. */
function textsOf(json: string): Record<string, string> {
  return JSON.parse(json) as Record<string, string>;
}

/** Alertmanager takes an empty label for a missing one; leaving it out says so. */
function withoutEmpty(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

/** A row of `alert_events` as it leaves the engine. */
export function transitionOf({ evaluated_at, active_since, ...row }: AlertRow): AlertTransition {
  return {
    ...row,
    evaluated_at: Number(evaluated_at),
    active_since: active_since === null ? null : Number(active_since),
  };
}

/** Digits in quotes, as ClickHouse writes 64-bit integers into JSON. */
const shownInstant = z.coerce.number().int();
const shownTransition = z.object({
  ...(Object.fromEntries(takenAsIs.map((name) => [name, z.string()])) as Record<
    (typeof takenAsIs)[number],
    z.ZodString
  >),
  plan_number: z.int(),
  notified: z.int(),
  evaluated_at: shownInstant,
  active_since: shownInstant.nullable(),
});

/**
 * A row of `alert_events` as ClickHouse shows it, its instants in epoch ms. Throws SINK_UNAVAILABLE for
 * what is none: the tables are asked again later.
 */
export function shownTransitionOf(row: unknown): AlertTransition {
  const read = shownTransition.safeParse(row);
  if (read.success) return read.data;
  throw new EngineError('SINK_UNAVAILABLE', `no row of alert_events: ${z.prettifyError(read.error)}`, {
    cause: read.error,
  });
}
