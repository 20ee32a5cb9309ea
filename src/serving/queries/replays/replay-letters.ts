import * as z from 'zod';
import { EngineError } from '../../../model/errors.ts';
import { defaultPlanOrg, idPattern, systemOrg } from '../../../model/ids.ts';
import { laneLimits } from '../../../model/lane-limits.ts';
import type { Claim, Replay } from '../../access/store/replays.ts';
import type { Place, ReadValue } from '../../ports.ts';
import { answerOf } from '../answers.ts';
import { id, period } from '../fields.ts';
import { type OperationContext, operation } from '../operation.ts';
import { writerOf } from '../rules.ts';
import { whyHeldBack } from './judge-letter.ts';
import {
  chosenLetters,
  type Letter,
  letterAddress,
  letterReason,
  lettersAt,
  sha256,
  sourceText,
  wholeValue,
  withEventId,
} from './letters.ts';

const lettersMax = 100;
/** A call that took letters is over by then, and whoever comes next may look what became of them. */
const underWayMs = 120_000;
/** What a call sent lies in the log soon after, by clocks that do not agree. */
const clocksMs = 3_600_000;
const outcomes = [
  'would_be_sent',
  'sent',
  'already_sent',
  'under_way',
  'still_refused',
  'id_remembered',
  'bytes_gone',
  'not_found',
] as const;
type Outcome = (typeof outcomes)[number];

const address = z.string().regex(/^[A-Za-z0-9._-]{1,249}\/\d{1,5}\/\d{1,15}$/, 'must be TOPIC/PARTITION/OFFSET');

const replayed = z
  .strictObject({
    ...letterAddress,
    reason: z.string().nullable().describe('Why it was refused; null where there is no such letter.'),
    outcome: z.enum(outcomes).meta({ title: 'ReplayOutcome' }).describe('What became of it, or would.'),
    detail: z.string().describe('Why it was held back; empty where it was not.'),
    kind: z.string().nullable().describe('What event it is; null where it cannot be read.'),
    event_id: z.string().nullable().describe('The id that it has in the log now, or would.'),
    is_mended: z.boolean().describe('The value is one that somebody gave.'),
    sha256: z.string().nullable().describe('Of the value that was sent, or would be.'),
    new_partition: z.int().min(0).max(65_535).nullable().describe('Where the new record lies, or would.'),
    new_log_offset: z.number().int().nullable().describe('Its offset; null until it is in the log.'),
    replay_id: z.uuid().nullable().describe('The call that sent it.'),
  })
  .meta({ title: 'ReplayedLetter' });
type Replayed = z.output<typeof replayed>;

const receipt = z
  .strictObject({
    replay_id: z
      .uuid()
      .nullable()
      .describe('Of this call, as the audit log and `listReplays` have it; null where it sent nothing.'),
    is_dry_run: z.boolean().describe('Nothing was sent: this is what would be.'),
    sent: z.int().min(0).max(lettersMax).describe('Letters that are in the log by this call, or would be.'),
    held_back: z.int().min(0).max(lettersMax).describe('All others.'),
    letters: z.array(replayed).max(lettersMax).describe('One an entry, in the order in which they are sent.'),
  })
  .meta({ title: 'ReplayReceipt' });

export const replayDeadLetters = operation({
  doc: 'Sends dead letters again, as new records at the end of the log: those that are named, or those of a period by reason and source, the oldest first. The bytes go as they came, unless a mended value is given. A letter is sent once, whoever asks how often; what would be refused again is held back and says why. With `next_cursor` a choice goes on.',
  input: z.strictObject({
    letters: z
      .array(address)
      .min(1)
      .max(lettersMax)
      .optional()
      .describe('These, each by its address `TOPIC/PARTITION/OFFSET`, and no choice.'),
    value: z
      .string()
      .min(2)
      .max(65_536)
      .optional()
      .describe(
        'The mended event of the one letter that is named, as JSON text as docs/events.md shows it, with its `type`. Without it the bytes go as they came.',
      ),
    organization_key: id
      .optional()
      .describe('Whose records they are, for letters of `_system`, whose own keys name nobody.'),
    ...period,
    reason: letterReason.optional().describe('Only letters refused for this reason; docs/events.md explains each.'),
    source: sourceText,
    limit: z.int().min(1).max(lettersMax).default(lettersMax).describe('Letters of one call at most.'),
    cursor: z.string().min(1).max(1_024).optional().describe('`next_cursor` of the call before, with the same choice.'),
    new_event_ids: z
      .boolean()
      .default(false)
      .describe(
        'Each gets another id, always the same for the same letter: where the engine remembers its own. Nothing else of its bytes changes.',
      ),
    dry_run: z.boolean().default(false).describe('Say what would be sent, and send nothing.'),
  }),
  output: receipt,
  scope: 'organization',
  permission: 'records.write',
  isWrite: true,
  isOfTables: false,
  cost: 20,
  async run(context, input) {
    const { letters, nextCursor } = await lettersOf(context, input);
    const plans = await planAll(context, letters, input);
    const ready = plans.filter(isReady);
    const replayId = input.dry_run || ready.length === 0 ? null : context.ports.newId();
    if (replayId !== null) await sendAll(context, replayId, ready);
    const entries = [...plans.map(({ told }) => told), ...missing(input.letters ?? [], letters)];
    const sent = entries.filter(({ outcome }) => outcome === 'sent' || outcome === 'would_be_sent').length;
    const data = { replay_id: replayId, is_dry_run: input.dry_run, sent, held_back: entries.length - sent };
    return answerOf(
      { ...data, letters: entries },
      letters.map(({ row }) => row),
      nextCursor,
    );
  },
});

type Input = z.output<(typeof replayDeadLetters)['input']>;

async function lettersOf(
  context: OperationContext,
  { letters: named, ...choice }: Input,
): Promise<{ letters: Letter[]; nextCursor: string | null }> {
  const isOfNobody = context.tables.orgId === systemOrg;
  if ((choice.organization_key !== undefined) !== isOfNobody)
    throw new EngineError('REQUEST_INVALID', `organization_key: ${keyWords(isOfNobody)}`);
  if (choice.value !== undefined && named?.length !== 1)
    throw new EngineError('REQUEST_INVALID', 'value: mends one letter, which "letters" names');
  if (named === undefined) return await chosenLetters(context, choice);
  const chosen = (['from', 'to', 'reason', 'source', 'cursor'] as const).find((name) => choice[name] !== undefined);
  if (chosen !== undefined)
    throw new EngineError('REQUEST_INVALID', `${chosen}: letters are named already; a choice is another call`);
  if (new Set(named).size < named.length) throw new EngineError('REQUEST_INVALID', 'letters: one is named twice');
  return { letters: await lettersAt(context, named.map(placeOf)), nextCursor: null };
}

function keyWords(isOfNobody: boolean): string {
  return isOfNobody
    ? `letters of ${systemOrg} go under the key of an organization, which is to be said`
    : `is for letters of ${systemOrg}; others go under the key of their own organization`;
}

function placeOf(text: string): { topic: string; partition: number; log_offset: number } {
  const [topic, partition, offset] = text.split('/');
  return { topic, partition: Number(partition), log_offset: Number(offset) };
}

function addressOf({ topic, partition, offset }: { topic: string; partition: number; offset: number }): string {
  return `${topic}/${partition}/${offset}`;
}

function missing(named: readonly string[], found: readonly Letter[]): Replayed[] {
  const known = new Set(found.map(addressOf));
  const gone = named.map(placeOf).filter((each) => !known.has(addressOf({ ...each, offset: each.log_offset })));
  return gone.map((place) => ({
    ...{ ...place, reason: null, outcome: 'not_found' as const },
    ...{ detail: 'there is no such dead letter', kind: null, event_id: null, is_mended: false, sha256: null },
    ...{ new_partition: null, new_log_offset: null, replay_id: null },
  }));
}

/** What is to be done with a letter; `told` becomes its entry. */
interface Plan {
  readonly letter: Letter;
  readonly orgId: string;
  /** Null = nothing is sent. */
  readonly value: Uint8Array | null;
  readonly newEventId: string | null;
  /** Somebody took it and never wrote down what came of it. */
  readonly unfinished: Replay | null;
  readonly told: Replayed;
}

type ReadyPlan = Plan & { readonly value: Uint8Array };

function isReady(plan: Plan): plan is ReadyPlan {
  return plan.value !== null;
}

async function planAll(context: OperationContext, letters: readonly Letter[], input: Input): Promise<Plan[]> {
  const { ports, tables } = context;
  const taken = await ports.access.accounts.replays.of(tables.orgId, letters);
  const takenAt = new Map(taken.map((replay) => [addressOf(replay), replay]));
  const windowMs = await duplicateWindowOf(context);
  const plans: Plan[] = [];
  for (const letter of letters) {
    const held = takenAt.get(addressOf(letter)) ?? null;
    plans.push(await planOne(context, letter, { input, held, windowMs }));
  }
  return plans;
}

interface Circumstances {
  readonly input: Input;
  readonly held: Replay | null;
  readonly windowMs: number;
}

async function planOne(context: OperationContext, letter: Letter, circumstances: Circumstances): Promise<Plan> {
  const { ports, tables } = context;
  const { input, held, windowMs } = circumstances;
  const orgId = input.organization_key ?? tables.orgId;
  const nowMs = ports.now();
  if (held?.sentMs != null) return heldBack(letter, orgId, 'already_sent', whenSent(held), held);
  if (held !== null && held.createdMs > nowMs - underWayMs)
    return heldBack(letter, orgId, 'under_way', `${held.createdBy} is sending it now`, held);
  if (!idPattern.test(orgId) || orgId.startsWith('_') || orgId === defaultPlanOrg)
    return heldBack(letter, orgId, 'still_refused', `bad_id: no records are of the organization "${orgId}"`);
  const whole = await wholeValue(context, letter);
  const mended = input.value === undefined ? null : Buffer.from(input.value, 'utf8');
  if (whole === null && mended === null) return heldBack(letter, orgId, 'bytes_gone', goneWords(letter));
  const key = Buffer.from(orgId);
  const given = mended ?? whole!;
  const [before, now] = await ports.log.read([
    { key: letter.key, value: whole },
    { key, value: given },
  ]);
  const renewed =
    input.new_event_ids && now.eventId !== null ? withEventId(given, now.eventId, addressOf(letter)) : null;
  const told = { ...entryOf(letter, now), is_mended: mended !== null, event_id: renewed?.eventId ?? now.eventId };
  const judged = renewed === null ? now : { ...now, eventId: renewed.eventId };
  const against = whyHeldBack({ letter, before, now: judged, orgId }, { nowMs, duplicateWindowMs: windowMs });
  const plan = { letter, orgId, newEventId: renewed?.eventId ?? null, unfinished: held };
  if (against !== null) return { ...plan, value: null, told: { ...told, ...against } };
  const value = renewed?.value ?? given;
  const { partition } = await ports.log.placeOf(orgId);
  return { ...plan, value, told: { ...told, sha256: sha256(value), new_partition: partition } };
}

function whenSent({ createdBy, sentMs, toPartition, toOffset }: Replay): string {
  return `${createdBy} sent it at ${new Date(sentMs!).toISOString()}: it lies at partition ${toPartition}, offset ${toOffset}`;
}

function goneWords({ rawLength }: Letter): string {
  return `of its ${rawLength} bytes only the first 64 KiB are kept here, and neither the log nor bronze has the record any more`;
}

function entryOf({ topic, partition, offset, reason }: Letter, read: ReadValue | null): Replayed {
  return {
    ...{ topic, partition, log_offset: offset, reason, outcome: 'would_be_sent', detail: '' },
    ...{ kind: read?.kind ?? null, event_id: read?.eventId ?? null, is_mended: false, sha256: null },
    ...{ new_partition: null, new_log_offset: null, replay_id: null },
  };
}

function heldBack(letter: Letter, orgId: string, outcome: Outcome, detail: string, held: Replay | null = null): Plan {
  const told = { ...entryOf(letter, null), outcome, detail };
  const base = { letter, orgId, value: null, newEventId: null, unfinished: null };
  if (held === null) return { ...base, told };
  const { isMended, sha256: hash, newEventId, toPartition, toOffset, replayId } = held;
  const known = { is_mended: isMended, sha256: hash, event_id: newEventId, replay_id: replayId };
  return { ...base, told: { ...told, ...known, new_partition: toPartition, new_log_offset: toOffset } };
}

/** How long lanes remember ids of deliveries: as the plan says, as far as it can be had. */
async function duplicateWindowOf({ ports, tables }: OperationContext): Promise<number> {
  const plan = await ports.past.planNow(tables.orgId);
  const said = plan === null ? null : (JSON.parse(plan) as { defaults?: { duplicate_window_ms?: number } });
  return said?.defaults?.duplicate_window_ms ?? laneLimits.duplicateWindowMs;
}

/**
 * Takes the letters, sends them, writes down where they lie. A process that dies in between leaves rows without an
 * end: whoever comes next looks in the log first, from where it ended when the letter was taken. So the log says
 * whether a letter was sent, and a letter is never in it twice.
 */
async function sendAll(context: OperationContext, replayId: string, plans: readonly ReadyPlan[]): Promise<void> {
  const { ports, tables, caller } = context;
  const { replays } = ports.access.accounts;
  const by = writerOf(caller);
  for (const [orgId, own] of byOrganization(plans)) {
    const place = await ports.log.placeOf(orgId);
    const unsent: ReadyPlan[] = [];
    for (const plan of own) {
      const toOffset = await sentBefore(context, plan);
      if (toOffset === null) unsent.push(plan);
      else {
        await replays.settle(by, tables.orgId, [{ ...plan.letter, toOffset }]);
        tell(plan, {
          outcome: 'already_sent',
          detail: 'a call that was cut off had sent it',
          new_log_offset: toOffset,
        });
      }
    }
    const staleBeforeMs = ports.now() - underWayMs;
    const claims = unsent.map((plan) => claimOf(plan, place));
    const taken = await replays.take(by, { orgId: tables.orgId, replayId, staleBeforeMs }, claims);
    const mine = new Set(taken.map(addressOf));
    for (const plan of unsent)
      if (!mine.has(addressOf(plan.letter)))
        tell(plan, { outcome: 'under_way', detail: 'somebody else has taken it meanwhile' });
    const ours = unsent.filter(({ letter }) => mine.has(addressOf(letter)));
    if (ours.length === 0) continue;
    const values = ours.map(({ value }) => value);
    const offsets = await ports.log.append(orgId, values);
    const sent = ours.map(({ letter }, index) => ({ ...letter, toOffset: offsets[index] }));
    await replays.settle(by, tables.orgId, sent);
    for (const [index, plan] of ours.entries())
      tell(plan, { outcome: 'sent', new_log_offset: offsets[index], replay_id: replayId });
  }
}

function claimOf({ letter, value, newEventId, told }: ReadyPlan, place: Place): Claim {
  const { topic, partition, offset } = letter;
  const sent = { sha256: sha256(value), isMended: told.is_mended, newEventId };
  return { topic, partition, offset, ...sent, toPartition: place.partition, fromOffset: place.offset };
}

function tell(plan: Plan, what: Partial<Replayed>): void {
  Object.assign(plan.told, what);
}

function byOrganization(plans: readonly ReadyPlan[]): Map<string, ReadyPlan[]> {
  const groups = new Map<string, ReadyPlan[]>();
  for (const plan of plans) groups.set(plan.orgId, [...(groups.get(plan.orgId) ?? []), plan]);
  return groups;
}

/** The offset of the record that a call before sent and did not write down; null where it sent none. */
async function sentBefore({ ports }: OperationContext, { unfinished, orgId }: ReadyPlan): Promise<number | null> {
  if (unfinished === null) return null;
  const { toPartition: partition, fromOffset: offset, createdMs, sha256: hash } = unfinished;
  const found = await ports.log.find({ partition, offset }, orgId, createdMs + clocksMs);
  return found.get(hash)?.[0] ?? null;
}
