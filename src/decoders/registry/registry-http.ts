import { request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';

export interface RegistryEndpoint {
  /** With the path under which the Confluent API begins. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM text of the authorities to trust; absent = the system's. */
  readonly ca?: string;
}

export interface RegistryAnswer {
  readonly status: number;
  /** Null when the body is no JSON object. */
  readonly body: Readonly<Record<string, unknown>> | null;
}

/** A schema that is larger is not one of ours, and no registry may fill our memory. */
const answerBytesMax = 2 * 1024 * 1024;
const timeoutMs = 10_000;

/** One call of the registry. Rejects when there is no whole answer within ten seconds and 2 MiB. */
export async function callRegistry(
  endpoint: RegistryEndpoint,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  payload?: unknown,
): Promise<RegistryAnswer> {
  const url = new URL(`${endpoint.url.replace(/\/+$/, '')}${path}`);
  const { username, password, ca } = endpoint;
  const options = {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      accept: 'application/vnd.schemaregistry.v1+json, application/json',
      ...(payload === undefined ? {} : { 'content-type': 'application/vnd.schemaregistry.v1+json' }),
    },
    ...(username === undefined ? {} : { auth: `${username}:${password ?? ''}` }),
    ...(ca === undefined ? {} : { ca }),
  };
  return await new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestSecure : requestPlain)(url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > answerBytesMax) request.destroy(new Error(`the answer exceeds ${answerBytesMax} bytes`));
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: parseObject(Buffer.concat(chunks).toString('utf8')) }),
      );
    });
    request.on('error', reject);
    request.end(payload === undefined ? undefined : JSON.stringify(payload));
  });
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
