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
import { changesOf } from '../http/changes.ts';
import { type Door, type HttpCall, HttpRefusal } from '../http/door.ts';
import { takeStream } from '../http/event-stream.ts';
import { limitHeaders } from '../limits/limit-headers.ts';
import { tellRefusal } from '../refusals.ts';
import type { Service } from '../service.ts';
import { type Contract, readContract } from './contract.ts';
import { answerMessage, askedBy } from './messages.ts';
import { isReflection, makeReflection } from './reflection.ts';
import { protoPackage } from './services.ts';

/** As the other doors: a body of 256 KiB, unpacked. */
const readBytesMax = 256 * 1_024;
const writeBytesMax = 64 * 1_048_576;
const lookEveryMs = 1_000;
/** Longer deadlines say nothing. */
const timeoutMsMax = 86_400_000;

const callKey = createContextKey<HttpCall | null>(null);

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
    return path.startsWith(`/${protoPackage}.`) || isReflection(path);
  }

  async answer(call: HttpCall): Promise<void> {
    const handler = this.#handlers.get(call.path);
    if (handler === undefined)
      throw new HttpRefusal(404, `${call.path.slice(0, 200)} is no procedure; schemas/proto/ lists them`);
    call.response.setHeader('Cache-Control', 'no-store');
    call.facts.operation = isReflection(call.path) ? 'reflection' : this.#contract.operationOf(handler.method).name;
    const values = createContextValues().set(callKey, call);
    const request = universalRequestFromNodeRequest(call.request, call.response, undefined, values);
    await universalResponseToNodeResponse(await handler(request), call.response);
  }

  /** What the contract says at run time has no types that the router could ask of us. */
  #route(router: ConnectRouter, method: DescMethod): void {
    const watch = (message: Message, context: HandlerContext) => this.#watch(method, message, context);
    const ask = (message: Message, context: HandlerContext) => this.#ask(method, message, context);
    router.rpc(method, (method.methodKind === 'server_streaming' ? watch : ask) as never);
  }

  async #ask(method: DescMethod, message: Message, context: HandlerContext): Promise<Message> {
    const call = callOf(context);
    try {
      const bytes = await this.#lookOf(method, message, call)();
      return answerMessage(method.output, bytes, this.#contract.registry);
    } catch (error) {
      throw this.#refusal(call, error);
    }
  }

  async *#watch(method: DescMethod, message: Message, context: HandlerContext): AsyncGenerator<Message> {
    const call = callOf(context);
    try {
      using _ = takeStream();
      const look = this.#lookOf(method, message, call);
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

  /** Asks the operation of a procedure as its caller, each time anew. */
  #lookOf(method: DescMethod, message: Message, call: HttpCall): () => Promise<Uint8Array> {
    const { credentials, requestId, facts, response } = call;
    const { name } = this.#contract.operationOf(method);
    const { orgId, input } = askedBy(name, method.input, message, this.#contract.registry);
    facts.orgId = orgId;
    return () =>
      this.#options.service.call({
        ...{ name, orgId, input, credentials, requestId },
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

function callOf({ values }: HandlerContext): HttpCall {
  const call = values.get(callKey);
  assert(call !== null, 'a call brings itself along');
  return call;
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
