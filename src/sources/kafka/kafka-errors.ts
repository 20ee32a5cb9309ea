import { EngineError } from '../../model/errors.ts';

/** What the brokers answer when waiting does not help, by kafkajs' name or the protocol's. */
const refusals = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_PARTITIONS',
  'INVALID_CONFIG',
  'INVALID_SESSION_TIMEOUT',
  'INCONSISTENT_GROUP_PROTOCOL',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'POLICY_VIOLATION',
  'KafkaJSSASLAuthenticationError',
  'KafkaJSServerDoesNotSupportApiKey',
]);

/** What TLS says when the other end is not whom we trust. */
const tlsRefusals =
  /self.signed|unable to (verify|get)|certificate|altnames|wrong version number|alert (bad|unknown|handshake)/i;

interface KafkaTrouble {
  readonly name?: string;
  readonly message?: string;
  readonly type?: string;
  readonly cause?: unknown;
  /** Several topics, each with its own; the first says it. */
  readonly errors?: readonly unknown[];
}

/** Trouble with the brokers as an error of ours: refused for good, or worth waiting. `what` says what we were at. */
export function sourceError(error: unknown, what: string): EngineError {
  if (error instanceof EngineError) return error;
  if (error instanceof ReferenceError) throw error;
  const chain = causes(error);
  const root = chain.at(-1)?.message ?? String(error);
  // kafkajs keeps the words of TLS, not always its code.
  if (chain.some(({ message = '' }) => tlsRefusals.test(message)))
    return new EngineError('SOURCE_REFUSED', `${what}: ${root}; check kafka.tls and the names in kafka.brokers`, {
      cause: error,
    });
  const isRefused = chain.some(({ name = '', type = '' }) => refusals.has(type) || refusals.has(name));
  return new EngineError(isRefused ? 'SOURCE_REFUSED' : 'SOURCE_UNAVAILABLE', `${what}: ${root}`, { cause: error });
}

/** True when the chain of causes holds a protocol error of that name. */
export function isKafkaError(error: unknown, ...types: readonly string[]): boolean {
  return causes(error).some(({ type }) => type !== undefined && types.includes(type));
}

function causes(error: unknown): KafkaTrouble[] {
  const chain: KafkaTrouble[] = [];
  for (let at = error; typeof at === 'object' && at !== null && chain.length < 8; ) {
    const trouble = at as KafkaTrouble;
    chain.push(trouble);
    at = trouble.cause ?? trouble.errors?.[0];
  }
  return chain;
}
