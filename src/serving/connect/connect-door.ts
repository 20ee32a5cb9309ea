import { create, type DescMethod, type DescService, type Message } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import { assert } from '../../model/errors.ts';
import { RepeatedRequests, RequestCalls } from '../cache/repeated-requests.ts';
import { changesOf } from '../http/changes.ts';
import { type Door, type HttpCall, HttpRefusal } from '../http/door.ts';
import { takeStream } from '../http/event-stream.ts';
import { idempotencyKeyOf, repeatedHeader } from '../http/idempotency-key.ts';
import { limitHeaders } from '../limits/limit-headers.ts';
import { type OperationName, operationOf } from '../operations.ts';
import { tellRefusal } from '../refusals.ts';
import type { Service } from '../service.ts';
import { isProcedure, isReflection } from './connect-paths.ts';
import { type Contract, readContract } from './contract.ts';
import { answerMessage, askedBy } from './messages.ts';
import { makeReflection } from './reflection.ts';
import {
  deadlineOf,
  endDeadline,
  lookAt,
  type SpeltAnswer,
  sendAgain,
  sendAndSpell,
  within,
} from './repeated-unary.ts';

/** As the other doors: a body of 256 KiB, unpacked. */
const readBytesMax = 256 * 1_024;
const writeBytesMax = 64 * 1_048_576;
const lookEveryMs = 1_000;
/** Longer deadlines say nothing. */
const timeoutMsMax = 86_400_000;

const answersBytesMax = 16 * 1_048_576;

interface AskedOperation {
  readonly name: OperationName;
  readonly orgId: string | null;
  readonly input: Record<string, unknown>;
}

/** A call, and the operations that it asks for. */
interface Calling {
  readonly call: HttpCall;
  readonly calls: RequestCalls<AskedOperation>;
}

const callKey = createContextKey<Calling | null>(null);

interface ConnectDoorOptions {
  readonly service: Service;
  /** Told of what is our own trouble; the caller reads only that something failed. */
  readonly onTrouble: (error: unknown, requestId: string) => void;
}

/**
 * gRPC, gRPC-Web and Connect over the table of operations, by the contracts of schemas/proto/: one procedure is one
 * operation. gRPC needs HTTP/2; the others come by HTTP/1.1 as well.
 */
export class ConnectDoor implements Door {
  readonly name = 'connect';
  readonly #options: ConnectDoorOptions;
  readonly #contract: Contract = readContract();
  readonly #handlers: ReadonlyMap<string, UniversalHandler>;
  readonly #reflection = makeReflection(this.#contract.image);
  readonly #answers = new RepeatedRequests<AskedOperation, SpeltAnswer>(answersBytesMax);

  constructor(options: ConnectDoorOptions) {
    this.#options = options;
    const router = createConnectRouter({
      ...{ readMaxBytes: readBytesMax, writeMaxBytes: writeBytesMax, maxTimeoutMs: timeoutMsMax },
      acceptCompression: [compressionGzip],
      jsonOptions: { ignoreUnknownFields: false, registry: this.#contract.registry },
    });
    for (const service of this.#contract.services) for (const method of service.methods) this.#route(router, method);
    for (const service of this.#reflection.services)
      router.rpc(service.methods[0], ((asked: AsyncIterable<Message>) => this.#reflect(service, asked)) as never);
    this.#handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  }

  takes(path: string): boolean {
    return isProcedure(path);
  }

  async answer(call: HttpCall): Promise<void> {
    const handler = this.#handlers.get(call.path);
    if (handler === undefined)
      throw new HttpRefusal(404, `${call.path.slice(0, 200)} is no procedure; schemas/proto/ lists them`);
    const { request, response } = call;
    response.setHeader('Cache-Control', 'no-store');
    const calls = this.#callsOf(call);
    const asked = () => {
      const values = createContextValues().set(callKey, { call, calls });
      return universalRequestFromNodeRequest(request, response, undefined, values);
    };
    if (!this.#isRepeatable(call, handler)) {
      await universalResponseToNodeResponse(await handler(asked()), response);
      return;
    }
    const { spelt, body } = await lookAt(request, call.path);
    const known = spelt === null ? null : await within(deadlineOf(request.headers), this.#answers.find(spelt, calls));
    if (known !== null && known !== 'late') return await sendAgain(known, response);
    const again = asked();
    if (known === 'late') endDeadline(again.header);
    await sendAndSpell(await handler({ ...again, body }), response, (sent) => {
      if (spelt !== null) this.#answers.keep(spelt, calls, sent, sent.body.length);
    });
  }

  /** What reads tables gives kept answers as long as the data are the same. */
  #isRepeatable(call: HttpCall, { method }: UniversalHandler): boolean {
    call.facts.operation = isReflection(call.path) ? 'reflection' : this.#contract.operationOf(method).name;
    if (call.method !== 'POST' || isReflection(call.path) || method.methodKind !== 'unary') return false;
    const { isOfTables, isWrite } = operationOf(this.#contract.operationOf(method).name);
    return isOfTables && !isWrite;
  }

  /** What the contract says at run time has no types that the router could ask of us. */
  #route(router: ConnectRouter, method: DescMethod): void {
    const watch = (message: Message, context: HandlerContext) => this.#watch(method, message, context);
    const ask = (message: Message, context: HandlerContext) => this.#ask(method, message, context);
    router.rpc(method, (method.methodKind === 'server_streaming' ? watch : ask) as never);
  }

  async #ask(method: DescMethod, message: Message, context: HandlerContext): Promise<Message> {
    const { call, calls } = callingOf(context);
    try {
      const bytes = await calls.call(this.#askedBy(method, message));
      return answerMessage(method.output, bytes, this.#contract.registry);
    } catch (error) {
      throw this.#refusal(call, error);
    }
  }

  async *#watch(method: DescMethod, message: Message, context: HandlerContext): AsyncGenerator<Message> {
    const { call } = callingOf(context);
    try {
      using _ = takeStream();
      const asked = this.#askedBy(method, message);
      const look = () => this.#run(call, asked);
      const signal = AbortSignal.any([call.signal, context.signal]);
      for await (const found of changesOf({ look, everyMs: lookEveryMs, signal }))
        if (found !== null) yield answerMessage(method.output, found, this.#contract.registry);
    } catch (error) {
      throw this.#refusal(call, error);
    }
  }

  /** The contracts are no secret: whoever reaches the port may read them, as the OpenAPI document. */
  #reflect(service: DescService, asked: AsyncIterable<Message>): AsyncGenerator<Message> {
    return this.#reflection.answers(service, asked);
  }

  #askedBy(method: DescMethod, message: Message): AskedOperation {
    const { name } = this.#contract.operationOf(method);
    return { name, ...askedBy(name, method.input, message, this.#contract.registry) };
  }

  #callsOf(call: HttpCall): RequestCalls<AskedOperation> {
    return new RequestCalls((asked) => this.#run(call, asked));
  }

  /** Asks an operation as the caller, each time anew. */
  #run(call: HttpCall, { name, orgId, input }: AskedOperation): Promise<Uint8Array> {
    const { credentials, requestId, facts, response } = call;
    facts.orgId = orgId;
    return this.#options.service.call({
      ...{ name, orgId, input, credentials, requestId },
      idempotencyKey: idempotencyKeyOf(call),
      onRepeated: () => response.setHeader(repeatedHeader, 'true'),
      onCaller: ({ actor }) => {
        facts.actor = `${actor.kind}:${actor.id}`;
      },
      onLimit: (verdict) => {
        if (response.headersSent) return;
        for (const [header, value] of Object.entries(limitHeaders(verdict))) response.setHeader(header, value);
      },
    });
  }

  /** The error in the words of gRPC, with its code and what to do as a detail. */
  #refusal(call: HttpCall, error: unknown): ConnectError {
    if (error instanceof ConnectError) return error;
    if (error instanceof HttpRefusal) return new ConnectError(error.message, Code.ResourceExhausted);
    const { code, rpc, message, next } = tellRefusal(error);
    call.facts.error = code;
    if (code === 'INTERNAL') this.#options.onTrouble(error, call.requestId);
    const detail = create(this.#contract.errorDetail, {
      ...{ code, requestId: call.requestId },
      ...(next !== null && { next }),
    } as never);
    const refusal = new ConnectError(message, codes[rpc], { 'paceline-error-code': code });
    refusal.details = [{ desc: this.#contract.errorDetail, value: detail as never }];
    return refusal;
  }
}

function callingOf({ values }: HandlerContext): Calling {
  const calling = values.get(callKey);
  assert(calling !== null, 'a call brings itself along');
  return calling;
}

const codes: Readonly<Record<ReturnType<typeof tellRefusal>['rpc'], Code>> = {
  invalid_argument: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  not_found: Code.NotFound,
  failed_precondition: Code.FailedPrecondition,
  aborted: Code.Aborted,
  resource_exhausted: Code.ResourceExhausted,
  deadline_exceeded: Code.DeadlineExceeded,
  unavailable: Code.Unavailable,
  internal: Code.Internal,
};
