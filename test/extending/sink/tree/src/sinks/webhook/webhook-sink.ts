import { EngineError } from '../../model/errors.ts';
import { decodeRows } from '../../rows/row-binary.ts';
import { alertEvents } from '../../rows/tables.ts';
import type { OutputChunk, Sink } from '../sink.ts';

/** Transitions of one call: a day of alerts of a large lane must not be one body of many megabytes. */
const alertsPerCallMax = 500;
const timeoutMs = 10_000;

/**
 * Alert transitions as JSON arrays to one address. A transition that is posted twice has the same
 * `alert_id`, so the other side can tell a repeat.
 */
export class WebhookSink implements Sink {
  readonly name = 'webhook';
  readonly streams = [alertEvents.name];
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async deliver(chunks: readonly OutputChunk[]): Promise<void> {
    const rows = chunks.flatMap(({ streams }) =>
      streams
        .filter(({ stream }) => stream === alertEvents.name)
        .flatMap(({ bytes }) => decodeRows(alertEvents, bytes))
        .map(({ alert_id, org_id, rule_id, campaign_id, to_state, summary }) => ({
          ...{ alert_id, org_id, rule_id, campaign_id, to_state, summary },
        })),
    );
    for (let at = 0; at < rows.length; at += alertsPerCallMax)
      await this.#call('POST', JSON.stringify(rows.slice(at, at + alertsPerCallMax)));
  }

  check(): Promise<void> {
    return this.#call('HEAD', null);
  }

  async close(): Promise<void> {}

  /** Its own words are not repeated: they may be anything. */
  async #call(method: string, body: string | null): Promise<void> {
    let status: number;
    try {
      const headers = { 'content-type': 'application/json' };
      const signal = AbortSignal.timeout(timeoutMs);
      ({ status } = await fetch(this.#url, { method, headers, body, signal }));
    } catch (cause) {
      throw new EngineError('SINK_UNAVAILABLE', 'no answer from webhook.url', { cause });
    }
    if (status < 300) return;
    const isRefused = status >= 400 && status < 500 && status !== 429;
    throw new EngineError(isRefused ? 'SINK_REJECTED' : 'SINK_UNAVAILABLE', `webhook.url answers ${status}`);
  }
}
