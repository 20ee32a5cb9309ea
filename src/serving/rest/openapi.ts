import * as z from 'zod';
import { type OperationName, operationNames, operationOf } from '../operations.ts';
import type { Operation } from '../queries/operation.ts';
import { envelopeShape } from '../service.ts';
import { csvColumns } from './csv.ts';
import { versionMember } from './read-input.ts';
import { namesIn, type Route, restRoot, routes } from './routes.ts';

type Json = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 document of the REST door, printed from the table of operations. */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const name of operationNames) {
    const { method, path }: Route = routes[name];
    paths[`${restRoot}${path}`] ??= {};
    paths[`${restRoot}${path}`][method.toLowerCase()] = describe(name, operationOf(name), routes[name]);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Paceline',
      version,
      description:
        'Whether budgets are on pace, and why. Every call of an organization names it in its path. Money is text: millionths of the currency. Lists go on with `cursor`; every answer names the version, completeness and time of what it shows, and `Paceline-Age-Ms` how old that is.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key, a session, or the token of engine.json.' },
        session: { type: 'apiKey', in: 'cookie', name: 'paceline_session' },
      },
      responses: { ...problems, ...writeProblems },
      schemas: { Problem: problemSchema },
    },
  };
}

const problemSchema = {
  type: 'object',
  description: 'RFC 9457. docs/errors.md tells of each code.',
  required: ['type', 'title', 'status', 'code', 'detail', 'request_id'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    next: { type: 'string', description: 'What to do about it.' },
    request_id: { type: 'string' },
  },
} as const;

const problemContent = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };

function problem(description: string): Json {
  return { description, content: problemContent };
}

const problems = {
  400: problem('The call is not well said.'),
  401: problem('Nobody is logged in.'),
  403: problem('The caller may not.'),
  404: problem('There is no such thing.'),
  405: problem('The path does not take this method.'),
  406: problem('The answer has none of the wanted types.'),
  413: problem('The body is too long.'),
  421: problem('The host name is none of ours.'),
  429: problem('The caller asks too often.'),
  500: problem('Something of ours failed.'),
  503: problem('Not now; Retry-After says when.'),
  504: problem('It took too long.'),
} as const;

function describe(name: OperationName, described: Operation, { path }: Route): Json {
  const tag = path.split('/')[described.scope === 'organization' ? 3 : 1];
  return {
    operationId: name,
    summary: summaryOf(described.doc),
    description:
      described.permission === null ? described.doc : `${described.doc}\n\nNeeds \`${described.permission}\`.`,
    tags: [tag],
    ...(described.isWrite ? writeOf(name, described, path) : readOf(name, described, path)),
  };
}

function readOf(name: OperationName, described: Operation, path: string): Json {
  const unchanged = { description: 'What If-None-Match names is still right.' };
  return {
    parameters: parametersOf(described, path),
    responses: { 200: success(described, name), 304: unchanged, ...referencesTo(problems) },
  };
}

const writeProblems = {
  409: problem('It is changed elsewhere.'),
  412: problem('It is at another version.'),
  415: problem('The body is not JSON.'),
  422: problem('It is well said, and wrong; every mistake has its place.'),
  428: problem('If-Match or If-None-Match is missing.'),
} as const;

/** Members in a body, and the version that the writer saw in a header. */
function writeOf(name: OperationName, described: Operation, path: string): Json {
  const { method }: Route = routes[name];
  const hasVersion = Object.hasOwn(described.input.shape, versionMember);
  const schema = method === 'DELETE' ? null : bodySchema(described, path);
  const isNothing = (described.output.def as { type: string }).type === 'null';
  return {
    parameters: [
      ...parametersOf(described, path).filter((each) => each.in === 'path'),
      ...(hasVersion ? versionHeaders : []),
      idempotencyHeader,
    ],
    ...(schema === null ? {} : { requestBody: { required: true, content: { 'application/json': { schema } } } }),
    responses: {
      ...(isNothing ? { 204: { description: 'It is done.' } } : { 200: success(described, name) }),
      ...referencesTo(problems),
      ...referencesTo(writeProblems),
    },
  };
}

const versionHeaders = [
  { name: 'If-Match', in: 'header', description: 'The version that you saw, in quotes.', schema: { type: 'string' } },
  { name: 'If-None-Match', in: 'header', description: '`*`: it must not be there yet.', schema: { type: 'string' } },
];

const idempotencyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'A new UUID for each call: who repeats the call with it gets the first answer, and nothing is done twice. Kept for a day.',
  schema: { type: 'string', minLength: 16, maxLength: 200 },
};

function bodySchema({ input }: Operation, path: string): Json {
  const elsewhere = [...namesIn(path), versionMember];
  const {
    properties = {},
    required = [],
    ...rest
  } = jsonSchema(input, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  const kept = Object.entries(properties).filter(([member]) => !elsewhere.includes(member));
  const needed = required.filter((each) => !elsewhere.includes(each));
  return { ...rest, properties: Object.fromEntries(kept), required: needed };
}

function referencesTo(listed: Json): Json {
  return Object.fromEntries(
    Object.keys(listed).map((status) => [status, { $ref: `#/components/responses/${status}` }]),
  );
}

function summaryOf(doc: string): string {
  return doc.split(/[:;.](?:\s|$)/)[0];
}

function parametersOf({ input }: Operation, path: string): Json[] {
  const inPath = namesIn(path);
  const { properties = {}, required = [] } = jsonSchema(input, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  const organization = inPath.includes('organization')
    ? [
        {
          name: 'organization',
          in: 'path',
          required: true,
          schema: { type: 'string', pattern: '^[A-Za-z0-9_.:-]{1,64}$' },
        },
      ]
    : [];
  const members = Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: inPath.includes(name) ? 'path' : 'query',
    required: inPath.includes(name) || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
  return [...organization, ...members];
}

function success({ output }: Operation, name: OperationName): Json {
  const envelope = z.strictObject({ data: output, ...envelopeShape });
  const content: Record<string, Json> = { 'application/json': { schema: jsonSchema(envelope, 'output') } };
  if (csvColumns(output) !== null) content['text/csv'] = { schema: { type: 'string' } };
  if (name === 'getMark') content['text/event-stream'] = { schema: { type: 'string' } };
  return {
    description: 'The answer.',
    headers: {
      ETag: { schema: { type: 'string' } },
      'Paceline-Age-Ms': { description: 'How old the newest thing in the answer is.', schema: { type: 'integer' } },
      'X-Request-Id': { schema: { type: 'string' } },
    },
    content,
  };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  // A format says it all; the pattern of it would be ten times as long.
  const override = ({ jsonSchema: each }: { jsonSchema: { format?: string; pattern?: string } }): void => {
    if (each.format !== undefined) delete each.pattern;
  };
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, override }) as Json;
  return rest;
}
