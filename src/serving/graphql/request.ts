import { EngineError } from '../../model/errors.ts';
import { readJsonBody } from '../http/body.ts';
import { type HttpCall, HttpRefusal } from '../http/door.ts';
import type { DocumentAsked } from './documents.ts';

/** A request of GraphQL over HTTP (https://graphql.github.io/graphql-over-http/), nothing in it believed yet. */
interface GraphqlRequest {
  readonly document: DocumentAsked;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

export async function readGraphqlRequest(call: HttpCall): Promise<GraphqlRequest> {
  if (call.method === 'POST') return requestOf(await readJsonBody(call.request));
  if (call.method !== 'GET' && call.method !== 'HEAD')
    throw new HttpRefusal(405, 'this path takes GET, HEAD, POST', { Allow: 'GET, HEAD, POST' });
  for (const name of call.query.keys())
    if (call.query.getAll(name).length > 1) throw new HttpRefusal(400, `${name.slice(0, 64)} is given more than once`);
  const text = (name: string) => call.query.get(name) ?? undefined;
  return requestOf({
    ...{ query: text('query'), operationName: text('operationName') },
    ...{ variables: jsonOf('variables', text('variables')), extensions: jsonOf('extensions', text('extensions')) },
  });
}

function requestOf(said: Readonly<Record<string, unknown>>): GraphqlRequest {
  const { query, operationName, variables, extensions } = said;
  const { persistedQuery } = objectOf('extensions', extensions);
  return {
    document: { text: textOf('query', query), hash: hashOf(persistedQuery) },
    operationName: textOf('operationName', operationName),
    variables: objectOf('variables', variables),
  };
}

function hashOf(persistedQuery: unknown): string | null {
  if (persistedQuery === undefined || persistedQuery === null) return null;
  const { version, sha256Hash } = objectOf('persistedQuery', persistedQuery);
  if (version !== 1) throw new EngineError('REQUEST_INVALID', 'persistedQuery.version: must be 1');
  if (typeof sha256Hash !== 'string' || !/^[0-9a-f]{64}$/.test(sha256Hash))
    throw new EngineError('REQUEST_INVALID', 'persistedQuery.sha256Hash: must be a SHA-256 in lower hex');
  return sha256Hash;
}

function textOf(name: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw new HttpRefusal(400, `${name} must be text`);
  return value;
}

function objectOf(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new HttpRefusal(400, `${name} must be an object`);
  return value as Record<string, unknown>;
}

function jsonOf(name: string, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new HttpRefusal(400, `${name} is not JSON`);
    throw error;
  }
}
