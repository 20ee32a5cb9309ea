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
import { type Door, type HttpCall, HttpRefusal } from '../http/door.ts';
import { chooseType } from '../http/media-types.ts';
import { sendBytes } from '../http/problem.ts';
import { limitHeaders } from '../limits/limit-headers.ts';
import type { OperationName } from '../operations.ts';
import { tellRefusal } from '../refusals.ts';
import type { Envelope, Service } from '../service.ts';
import type { GraphqlSettings } from './config.ts';
import type { Documents } from './documents.ts';
import { refuseTooMuch } from './measure.ts';
import { readGraphqlRequest } from './request.ts';
import { type GraphqlContext, makeGraphqlSchema } from './schema.ts';

const graphqlPath = '/graphql';

const tokensMax = 2_000;
const errorsMax = 20;

const json = 'application/json';
const graphqlJson = 'application/graphql-response+json';

interface GraphqlDoorOptions {
  readonly service: Service;
  readonly settings: GraphqlSettings;
  readonly documents: Documents;
  /** Told of what is our own trouble; the caller reads only that something failed. */
  readonly onTrouble: (error: unknown, requestId: string) => void;
}

/** GraphQL over the table of operations: a field of Query or Mutation is an operation, and asked as on every door. */
export class GraphqlDoor implements Door {
  readonly name = 'graphql';
  readonly #options: GraphqlDoorOptions;
  readonly #made = makeGraphqlSchema();

  constructor(options: GraphqlDoorOptions) {
    this.#options = options;
  }

  takes(path: string): boolean {
    return path === graphqlPath;
  }

  async answer(call: HttpCall): Promise<void> {
    const type = chooseType(call.request.headers.accept, [json, graphqlJson]);
    if (type === null) throw new HttpRefusal(406, `this path gives ${json} and ${graphqlJson}`);
    const result = await this.#run(call);
    // A request that could not begin has no data at all; only the newer type says so by the status.
    const status = type === graphqlJson && result.data === undefined ? 400 : 200;
    const errors = result.errors?.map((each) => this.#tell(call, each));
    call.facts.error = errors?.[0].extensions.code ?? null;
    const said = { ...(errors && { errors }), ...(result.data !== undefined && { data: result.data }) };
    sendBytes(call.response, status, `${type}; charset=utf-8`, Buffer.from(JSON.stringify(said)));
  }

  async #run(call: HttpCall): Promise<ExecutionResult> {
    const { settings } = this.#options;
    const { schema, operationOfField } = this.#made;
    try {
      const { variables, operationName, document: asked } = await readGraphqlRequest(call);
      const document = parse(this.#options.documents.textOf(asked), { maxTokens: tokensMax });
      const operation = operationOf(document, operationName);
      if (operation.operation === OperationTypeNode.MUTATION && call.method !== 'POST')
        throw new HttpRefusal(405, 'what changes something is sent by POST', { Allow: 'POST' });
      refuseTooMuch(document, { operation, variables, operationOfField, settings });
      const hideSuggestions = !settings.introspection;
      const errors = validate(schema, document, specifiedRules, { maxErrors: errorsMax, hideSuggestions });
      if (errors.length > 0) return { errors };
      return await execute({
        ...{ schema, document, operationName, hideSuggestions, abortSignal: call.signal },
        ...{ variableValues: variables, contextValue: this.#contextOf(call) },
      });
    } catch (error) {
      if (error instanceof GraphQLError) return { errors: [error] };
      if (error instanceof EngineError) return { errors: [new GraphQLError(error.message, { originalError: error })] };
      throw error;
    }
  }

  /** The operations of one request, and how much they may give together. */
  #contextOf(call: HttpCall): GraphqlContext {
    const { service, settings } = this.#options;
    const { credentials, requestId, facts, response } = call;
    const bytesMax = settings.answer_mb_max * 1_048_576;
    let bytes = 0;
    return {
      call: async (name, orgId, input) => {
        note(facts, name, orgId);
        const answer = await service.call({
          ...{ name, orgId, input, credentials, requestId },
          onCaller: ({ actor }) => {
            facts.actor = `${actor.kind}:${actor.id}`;
          },
          onLimit: (verdict) => {
            if (response.headersSent || response.hasHeader('Retry-After')) return;
            for (const [header, value] of Object.entries(limitHeaders(verdict))) response.setHeader(header, value);
          },
        });
        bytes += answer.length;
        if (bytes > bytesMax)
          throw new EngineError(
            'REQUEST_INVALID',
            `the request gives more than ${settings.answer_mb_max} MiB; ask for fewer things at once`,
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

/** A request of several operations, or organizations, is of none of them. */
function note(facts: HttpCall['facts'], name: OperationName, orgId: string | null): void {
  const isFirst = facts.operation === 'other';
  facts.orgId = isFirst || facts.orgId === orgId ? orgId : null;
  facts.operation = isFirst || facts.operation === name ? name : 'several';
}
