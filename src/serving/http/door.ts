import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Credentials } from '../access/authenticate.ts';

/** What the access log and the metrics say of a call; a door fills in what it finds out. */
export interface CallFacts {
  door: string;
  /** Name of an operation, or `other`: labels are bounded. */
  operation: string;
  orgId: string | null;
  actor: string | null;
  /** Code of the error that ended it; null = none did. */
  error: string | null;
}

/** One HTTP call, its outside already looked at: host, sizes, credentials in their places. */
export interface HttpCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** As it was sent, without the query; never unescaped as a whole. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly credentials: Credentials;
  readonly requestId: string;
  /** Aborted when the caller is gone or the process ends. */
  readonly signal: AbortSignal;
  readonly facts: CallFacts;
  /** Wall time, ms. */
  readonly now: () => number;
}

/** One way in. What it throws becomes a problem document. */
export interface Door {
  readonly name: string;
  takes(path: string): boolean;
  answer(call: HttpCall): Promise<void>;
}

/** A refusal of HTTP itself, which no operation knows of. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
