import { laneLimits } from '../../../model/lane-limits.ts';
import type { ReadValue } from '../../ports.ts';
import type { Letter } from './letters.ts';

/** What was wrong is still wrong, or would be lost in another way; null = it may be sent. */
interface Against {
  readonly outcome: 'still_refused' | 'id_remembered';
  readonly detail: string;
}

/**
 * Reasons that a lane gives before it looks at the id of a record. All others come after it: the lane remembers the id
 * of such a record, and would drop another one with it as a duplicate.
 */
const beforeIds: ReadonlySet<string> = new Set([
  ...['empty_value', 'too_large', 'damaged_batch', 'bad_framing', 'unknown_schema', 'schema_mismatch', 'truncated'],
  ...['trailing_bytes', 'bad_json', 'bad_field', 'bad_id', 'bad_time', 'key_mismatch', 'wrong_partition', 'not_ours'],
  ...['bad_plan', 'bad_signature'],
]);

/** The same for money, conversions and control, which are asked for more before their ids. */
const beforeRareIds: ReadonlySet<string> = new Set(['from_the_future', 'internal_error']);

interface Candidate {
  readonly letter: Letter;
  /** What the bytes that came read as now. */
  readonly before: ReadValue;
  /** What would be sent. */
  readonly now: ReadValue;
  /** Whose key it would be sent under. */
  readonly orgId: string;
}

/** Why a candidate is not sent, as far as can be known without the lane. */
export function whyHeldBack(
  { letter, before, now, orgId }: Candidate,
  { nowMs, duplicateWindowMs }: { nowMs: number; duplicateWindowMs: number },
): Against | null {
  if (now.problem !== null) return refused(`${now.problem.reason}: ${now.problem.detail}`);
  if (now.isSystem) return refused('not_ours: a record of the engine, which nobody sends again');
  if (now.orgId !== orgId)
    return refused(`key_mismatch: the value is of the organization "${now.orgId ?? ''}", the key would be "${orgId}"`);
  if (now.eventTimeMs !== null && now.eventTimeMs > nowMs + laneLimits.futureAllowanceMs)
    return refused(`from_the_future: it happens at ${new Date(now.eventTimeMs).toISOString()}, which is still to come`);
  return remembered({ letter, before, now, orgId }, { nowMs, duplicateWindowMs });
}

function refused(detail: string): Against {
  return { outcome: 'still_refused', detail };
}

function remembered(
  { letter, before, now }: Candidate,
  { nowMs, duplicateWindowMs }: { nowMs: number; duplicateWindowMs: number },
): Against | null {
  const isBefore =
    beforeIds.has(letter.reason) ||
    ((now.idMemory === 'rare' || now.idMemory === 'total') && beforeRareIds.has(letter.reason));
  if (isBefore || before.problem !== null || now.eventId === null || now.eventId !== before.eventId) return null;
  const { moneyLatenessMs: rare, totalIdsKeptMs: total } = laneLimits;
  const windowMs = { delivery: duplicateWindowMs, rare, total, none: -1 }[now.idMemory];
  const untilMs = letter.logTimeMs + windowMs;
  if (untilMs < nowMs) return null;
  const until = new Date(untilMs).toISOString();
  const detail = `the engine met the id ${now.eventId} before it refused the record, and may drop another one with it as a duplicate until ${until}`;
  return { outcome: 'id_remembered', detail: `${detail}: wait, or ask for new event ids` };
}
