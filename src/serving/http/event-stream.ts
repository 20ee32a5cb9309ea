import { setTimeout as sleep } from 'node:timers/promises';
import { tellRefusal } from '../refusals.ts';
import { type HttpCall, HttpRefusal } from './door.ts';

/** Streams that are open in this process, over all callers. */
const streamsMax = 256;
const beatMs = 15_000;
let open = 0;

interface Watched {
  readonly event: string;
  /** The present state as JSON; asked as its caller, so that whoever may no longer see it ends here. */
  readonly look: () => Promise<Uint8Array>;
  readonly everyMs: number;
}

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): the state at once, then at
 * each change. The first look may refuse the call as any other. Later, what passes by itself is waited out, and what
 * does not is told in a last event `end`.
 */
export async function streamEvents(call: HttpCall, { event, look, everyMs }: Watched): Promise<void> {
  if (open >= streamsMax) throw new HttpRefusal(503, `${streamsMax} streams are open already`);
  open += 1;
  try {
    let shown: Buffer = Buffer.from(await look());
    begin(call);
    send(call, event, shown);
    let quietMs = 0;
    while (await pause(call, everyMs)) {
      quietMs += everyMs;
      const found = await lookAgain(call, look);
      if (found === 'end') return;
      if (found !== null && !found.equals(shown)) {
        shown = found;
        send(call, event, shown);
        quietMs = 0;
      } else if (quietMs >= beatMs) {
        call.response.write(':\n\n');
        quietMs = 0;
      }
    }
  } finally {
    open -= 1;
    // A call that was refused is answered by whoever refused it.
    if (call.response.headersSent) call.response.end();
  }
}

function begin({ response }: HttpCall): void {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    // What stands in front must not gather events.
    'X-Accel-Buffering': 'no',
  });
}

function send({ response }: HttpCall, event: string, data: Buffer): void {
  response.write(`event: ${event}\ndata: ${data.toString('utf8')}\n\n`);
}

/** False when the caller is gone, reads nothing any more, or this process stops. */
async function pause({ signal, response }: HttpCall, ms: number): Promise<boolean> {
  if (response.writableNeedDrain) return false;
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
  return !response.destroyed;
}

async function lookAgain(call: HttpCall, look: Watched['look']): Promise<Buffer | 'end' | null> {
  try {
    return Buffer.from(await look());
  } catch (error) {
    const { code, http, message } = tellRefusal(error);
    if (http === 503 || http === 504 || http === 429) return null;
    call.facts.error = code;
    send(call, 'end', Buffer.from(JSON.stringify({ code, detail: message })));
    return 'end';
  }
}
