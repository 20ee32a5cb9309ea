import { createHash } from 'node:crypto';
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  getOperationAST,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { EngineError } from '../../model/errors.ts';
import { Kept } from '../cache/kept.ts';
import { RepeatedRequests, RequestCalls } from '../cache/repeated-requests.ts';
import { type Door, type HttpCall, HttpRefusal } from '../http/door.ts';
import { idempotencyKeyOf, repeatedHeader } from '../http/idempotency-key.ts';
import { chooseType } from '../http/media-types.ts';
import { sendBytes } from '../http/problem.ts';
import { readIdempotencyKey } from '../idempotency.ts';
import { limitHeaders } from '../limits/limit-headers.ts';
import { operationOf as describedOf, type OperationName } from '../operations.ts';
import { tellRefusal } from '../refusals.ts';
import type { Envelope, Service } from '../service.ts';
import { type GraphqlSettings, isGraphqlPath } from './config.ts';
import type { Documents } from './documents.ts';
import { refuseTooMuch } from './measure.ts';
import { readGraphqlRequest } from './request.ts';
import { type GraphqlContext, makeGraphqlSchema } from './schema.ts';

const tokensMax = 2_000;
const errorsMax = 20;

/** What documents weigh that were parsed and found valid, for each of their characters. */
const bytesOfCharacter = 64;
const documentsBytesMax = 8 * 1_048_576;
const resultsBytesMax = 16 * 1_048_576;

const json = 'application/json';
const graphqlJson = 'application/graphql-response+json';

interface GraphqlDoorOptions {
  readonly service: Service;
  readonly settings: GraphqlSettings;
  readonly documents: Documents;
  /** Told of what is our own trouble; the caller reads only that something failed. */
  readonly onTrouble: (error: unknown, requestId: string) => void;
}

interface AskedOperation {
  readonly name: OperationName;
  readonly orgId: string | null;
  readonly input: Record<string, unknown>;
  /** Only of what changes something. */
  readonly idempotencyKey?: string;
}

/** GraphQL over the table of operations: a field of Query or Mutation is an operation, and asked as on every door. */
export class GraphqlDoor implements Door {
  readonly name = 'graphql';
  readonly #options: GraphqlDoorOptions;
  readonly #made = makeGraphqlSchema();
  readonly #valid = new Kept<DocumentNode>(documentsBytesMax);
  readonly #results = new RepeatedRequests<AskedOperation, Uint8Array>(resultsBytesMax);

  constructor(options: GraphqlDoorOptions) {
    this.#options = options;
  }

  takes(path: string): boolean {
    return isGraphqlPath(path);
  }

  async answer(call: HttpCall): Promise<void> {
    const type = chooseType(call.request.headers.accept, [json, graphqlJson]);
    if (type === null) throw new HttpRefusal(406, `this path gives ${json} and ${graphqlJson}`);
    const result = await this.#run(call);
    if (result instanceof Uint8Array) return sendBytes(call.response, 200, `${type}; charset=utf-8`, result);
    // A request that could not begin has no data at all; only the newer type says so by the status.
    const status = type === graphqlJson && result.data === undefined ? 400 : 200;
    const errors = result.errors?.map((each) => this.#tell(call, each));
    call.facts.error = errors?.[0].extensions.code ?? null;
    const said = { ...(errors && { errors }), ...(result.data !== undefined && { data: result.data }) };
    sendBytes(call.response, status, `${type}; charset=utf-8`, Buffer.from(JSON.stringify(said)));
  }

  /** The result, as bytes where there is nothing but data. */
  async #run(call: HttpCall): Promise<ExecutionResult | Uint8Array> {
    const { settings } = this.#options;
    const { schema, operationOfField } = this.#made;
    try {
      const { variables, operationName, document: asked } = await readGraphqlRequest(call);
      const text = this.#options.documents.textOf(asked);
      const known = this.#valid.get(text);
      const document = known ?? parse(text, { maxTokens: tokensMax });
      const operation = operationOf(document, operationName);
      if (operation.operation === OperationTypeNode.MUTATION && call.method !== 'POST')
        throw new HttpRefusal(405, 'what changes something is sent by POST', { Allow: 'POST' });
      refuseTooMuch(document, { operation, variables, operationOfField, settings });
      const hideSuggestions = !settings.introspection;
      if (known === null) {
        const errors = validate(schema, document, specifiedRules, { maxErrors: errorsMax, hideSuggestions });
        if (errors.length > 0) return { errors };
        this.#valid.keep(text, document, text.length * bytesOfCharacter);
      }
      const request = JSON.stringify([text, operationName, variables]);
      const calls = this.#callsOf(call);
      const isReading = operation.operation === OperationTypeNode.QUERY;
      const made = isReading ? await this.#results.find(request, calls) : null;
      if (made !== null) return made;
      const result = await execute({
        ...{ schema, document, operationName, hideSuggestions, abortSignal: call.signal },
        ...{ variableValues: variables, contextValue: this.#contextOf(calls, idempotencyKeyOf(call)) },
      });
      if (result.errors !== undefined || result.data === undefined) return result;
      const bytes = Buffer.from(JSON.stringify({ data: result.data }));
      if (isReading && calls.given.every(({ asked: { name } }) => describedOf(name).isOfTables))
        this.#results.keep(request, calls, bytes, bytes.length);
      return bytes;
    } catch (error) {
      if (error instanceof GraphQLError) return { errors: [error] };
      if (error instanceof EngineError) return { errors: [new GraphQLError(error.message, { originalError: error })] };
      throw error;
    }
  }

  /** The operations of one request. */
  #callsOf(call: HttpCall): RequestCalls<AskedOperation> {
    const { credentials, requestId, facts, response } = call;
    return new RequestCalls(({ name, orgId, input, idempotencyKey }) => {
      note(facts, name, orgId);
      return this.#options.service.call({
        ...{ name, orgId, input, credentials, requestId, idempotencyKey },
        onRepeated: () => response.setHeader(repeatedHeader, 'true'),
        onCaller: ({ actor }) => {
          facts.actor = `${actor.kind}:${actor.id}`;
        },
        onLimit: (verdict) => {
          if (response.headersSent || response.hasHeader('Retry-After')) return;
          for (const [header, value] of Object.entries(limitHeaders(verdict))) response.setHeader(header, value);
        },
      });
    });
  }

  /** What fields ask for, and how much they may give together. */
  #contextOf(calls: RequestCalls<AskedOperation>, key: string | undefined): GraphqlContext {
    const { answer_mb_max } = this.#options.settings;
    let bytes = 0;
    return {
      call: async (name, orgId, input, { alias, isAlone }) => {
        const isRepeatable = key !== undefined && describedOf(name).isWrite;
        const own = isRepeatable && { idempotencyKey: isAlone ? key : keyOfField(key, alias) };
        const answer = await calls.call({ name, orgId, input, ...own });
        bytes += answer.length;
        if (bytes > answer_mb_max * 1_048_576)
          throw new EngineError(
            'REQUEST_INVALID',
            `the request gives more than ${answer_mb_max} MiB; ask for fewer things at once`,
          );
        return JSON.parse(Buffer.from(answer).toString('utf8')) as Envelope;
      },
    };
  }

  #tell(call: HttpCall, error: GraphQLError) {
    const { locations, path, originalError } = error;
    const place = { ...(locations && { locations }), ...(path && { path }) };
    const extensions = { request_id: call.requestId };
    // What graphql itself says is about the request.
    if (originalError === undefined || originalError instanceof GraphQLError)
      return { message: error.message, ...place, extensions: { code: 'REQUEST_INVALID' as const, ...extensions } };
    const { code, message, next } = tellRefusal(originalError);
    if (code === 'INTERNAL') this.#options.onTrouble(originalError, call.requestId);
    return { message, ...place, extensions: { code, ...(next !== null && { next }), ...extensions } };
  }
}

function operationOf(document: DocumentNode, operationName: string | null): OperationDefinitionNode {
  const operation = getOperationAST(document, operationName);
  if (operation === null || operation === undefined)
    throw new EngineError('REQUEST_INVALID', 'operationName: must name one of the operations of the document');
  return operation;
}

/** A request has one key; of several fields that change something each is done once. */
function keyOfField(key: string, alias: string): string {
  const spelt = JSON.stringify([readIdempotencyKey(key), alias]);
  return createHash('sha256').update(spelt).digest('base64url');
}

/** A request of several operations, or organizations, is of none of them. */
function note(facts: HttpCall['facts'], name: OperationName, orgId: string | null): void {
  const isFirst = facts.operation === 'other';
  facts.orgId = isFirst || facts.orgId === orgId ? orgId : null;
  facts.operation = isFirst || facts.operation === name ? name : 'several';
}
