import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { assert, EngineError } from '../model/errors.ts';
import { idPattern } from '../model/ids.ts';
import { inSpan, noteOnSpan } from '../model/spans.ts';
import { wishOf } from '../model/wish.ts';
import type { Authenticator, Credentials } from './access/authenticate.ts';
import type { QueryCache } from './cache/query-cache.ts';
import type { Caller } from './caller.ts';
import { answerOnce } from './idempotency.ts';
import type { LimitSubject, LimitVerdict, RateLimiter } from './limits/rate-limiter.ts';
import { type OperationName, operationOf } from './operations.ts';
import type { ServingPorts, TableReader } from './ports.ts';
import type { Answer, Operation } from './queries/operation.ts';

interface ServiceParts {
  readonly ports: ServingPorts;
  readonly authenticator: Authenticator;
  readonly limiter: RateLimiter;
  readonly cache: QueryCache;
  /** Also check what operations give against what they promise: for tests, as it costs more than the query. */
  readonly checksOutput?: boolean;
}

/** One call as a door received it: nothing in it is believed yet. */
interface ServiceCall {
  readonly name: OperationName;
  /** The organization that its path or message names; null where the operation is of none. */
  readonly orgId: string | null;
  /** Members as the operation's input has them. */
  readonly input: unknown;
  readonly credentials: Credentials;
  readonly requestId: string;
  /** The caller may say the same write again with the same key, and it is done once. */
  readonly idempotencyKey?: string | undefined;
  /** Told that the answer is that of an earlier call. */
  onRepeated?(): void;
  /** Told who calls as soon as that is known, and what is left of the allowance. */
  onCaller?(caller: Caller): void;
  onLimit?(verdict: LimitVerdict): void;
}

/** What every door says of an answer, as JSON. */
export const envelopeShape = {
  next_cursor: z.string().nullable().describe('Continues the list; null at its end, and where there is no list.'),
  data_version: z
    .string()
    .nullable()
    .describe('Highest row version in the answer, `generation:offset`; null where it holds no row of a table.'),
  complete_through: z.iso
    .datetime()
    .nullable()
    .describe('Event time up to which all that is shown is complete; null = not known for all of it.'),
  reach: z
    .enum(['hot', 'all_times'])
    .nullable()
    .describe(
      'How far back the answer could look: `hot` = what ClickHouse keeps, `all_times` = also what left it for the lake; null where no period is asked for.',
    ),
  as_of: z.iso.datetime().nullable().describe('Log time of the newest thing that the answer knows.'),
};

export type Envelope = z.output<z.ZodObject<typeof envelopeShape>> & { readonly data: unknown };

/** The one way to an operation, for all doors: who calls, what for, may they, is it well said, how often; then run. */
export class Service {
  readonly #parts: ServiceParts;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** The answer as the bytes of its envelope. Throws EngineError, and what a bug of ours throws. */
  async call(call: ServiceCall): Promise<Uint8Array> {
    return await inSpan(call.name, {}, () => this.#answer(call));
  }

  async #answer(call: ServiceCall): Promise<Uint8Array> {
    const described: Operation = operationOf(call.name);
    const orgId = described.scope === 'organization' ? call.orgId : null;
    const caller = await inSpan('admit', {}, () => this.#admit(call, described, orgId));
    const input = readInput(described, call.input);
    const context = { caller, ports: this.#parts.ports, tables: this.#tablesOf(caller.orgId) };
    const run = async () => encode(this.#checked(described, await described.run(context, input)));
    if (described.isWrite && call.idempotencyKey !== undefined) {
      const repeatable = { key: call.idempotencyKey, caller, name: call.name, input };
      const { bytes, isRepeated } = await answerOnce(this.#idempotency(), repeatable, run);
      if (isRepeated) call.onRepeated?.();
      return bytes;
    }
    if (!described.isOfTables) return await run();
    const dataVersion = await this.#parts.ports.tables.dataVersion();
    const key = { orgId: caller.orgId, dataVersion, query: call.name, args: JSON.stringify(input) };
    return await inSpan('answer', {}, async () => {
      const bytes = await this.#parts.cache.get(key, run);
      noteOnSpan('paceline.bytes', bytes.length);
      return bytes;
    });
  }

  async #admit(call: ServiceCall, described: Operation, orgId: string | null): Promise<Caller> {
    const { authenticator } = this.#parts;
    const { credentials, requestId } = call;
    const caller = await authenticator.authenticate(credentials, { orgId, isWrite: described.isWrite, requestId });
    call.onCaller?.(caller);
    assert(caller.orgId === orgId, 'a caller is let in for the organization of the call');
    // Strangers are told so first: what a name looks like is theirs to find out at no door.
    if (orgId !== null && !idPattern.test(orgId))
      throw new EngineError('REQUEST_INVALID', 'organization: must be 1 to 64 of A-Z a-z 0-9 _ . : -');
    const { permission } = described;
    if (permission !== null && !caller.permissions.has(permission))
      throw new EngineError('FORBIDDEN', `${call.name} needs the permission ${permission}`);
    await this.#limit(call, caller, described.cost);
    return caller;
  }

  /** The actor first: whoever is refused takes nothing from the organization. */
  async #limit(call: ServiceCall, { actor, orgId }: Caller, cost: number): Promise<void> {
    const subjects: LimitSubject[] = [{ kind: 'actor', id: `${actor.kind}:${actor.id}` }];
    if (orgId !== null) subjects.push({ kind: 'organization', id: orgId });
    for (const subject of subjects) {
      const verdict = await this.#parts.limiter.take(subject, cost);
      call.onLimit?.(verdict);
      if (!verdict.isAllowed) {
        const whose = subject.kind === 'actor' ? 'you ask' : 'the organization asks';
        throw new EngineError('RATE_LIMITED', `${whose} more often than is allowed; wait ${verdict.retryAfterMs} ms`);
      }
    }
  }

  #idempotency() {
    const { access, now } = this.#parts.ports;
    return { calls: access.accounts.calls, random: randomBytes, nowMs: now };
  }

  #tablesOf(orgId: string | null): TableReader {
    return orgId === null ? noTables : this.#parts.ports.tables.of(orgId);
  }

  #checked(described: Operation, answer: Answer<unknown>): Answer<unknown> {
    if (this.#parts.checksOutput) described.output.parse(answer.data);
    return answer;
  }
}

/** What is of no organization sees none. */
const noTables: TableReader = {
  orgId: '',
  rows: () => Promise.reject(new TypeError('an operation of no organization asked a table')),
  since: () => Promise.reject(new TypeError('an operation of no organization asked for a table')),
};

function readInput(described: Operation, input: unknown): Record<string, unknown> {
  const read = described.input.safeParse(input);
  if (read.success) return read.data;
  const problems = read.error.issues
    .slice(0, 10)
    .map((issue) => `${issue.path.join('.') || 'input'}: ${wishOf(issue)}`);
  throw new EngineError('REQUEST_INVALID', problems.join('; '));
}

function encode({ data, nextCursor, dataVersion, completeThroughMs, reach, asOfMs }: Answer<unknown>): Uint8Array {
  const envelope: Envelope = {
    data,
    next_cursor: nextCursor,
    data_version: dataVersion,
    complete_through: completeThroughMs === null ? null : new Date(completeThroughMs).toISOString(),
    reach: reach ?? null,
    as_of: asOfMs === null ? null : new Date(asOfMs).toISOString(),
  };
  return Buffer.from(JSON.stringify(envelope));
}
