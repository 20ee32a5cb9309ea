import { tellRefusal } from '../refusals.ts';
import { changesOf, type Watched } from './changes.ts';
import { type HttpCall, HttpRefusal } from './door.ts';

const beatMs = 15_000;

interface Streamed extends Omit<Watched, 'signal'> {
  readonly event: string;
}

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): the state at once, then at
 * each change. What ends them while they run is told in a last event `end`.
 */
export async function streamEvents(call: HttpCall, { event, look, everyMs }: Streamed): Promise<void> {
  using _ = takeStream();
  const { response, signal } = call;
  try {
    let quietMs = 0;
    for await (const found of changesOf({ look, everyMs, signal })) {
      if (!response.headersSent) begin(call);
      if (found !== null) send(call, event, found);
      quietMs = found === null ? quietMs + everyMs : 0;
      if (quietMs >= beatMs) response.write(':\n\n');
      if (quietMs >= beatMs) quietMs = 0;
      // The caller is gone, or reads nothing any more.
      if (response.destroyed || response.writableNeedDrain) return;
    }
  } catch (error) {
    // A call that was refused is answered by whoever refused it.
    if (!response.headersSent) throw error;
    const { code, message } = tellRefusal(error);
    call.facts.error = code;
    send(call, 'end', Buffer.from(JSON.stringify({ code, detail: message })));
  } finally {
    if (response.headersSent) response.end();
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

/** Streams that are open in this process, over all callers and doors. */
const streamsMax = 256;
let open = 0;

export function takeStream(): Disposable {
  if (open >= streamsMax) throw new HttpRefusal(503, `${streamsMax} streams are open already`);
  open += 1;
  return {
    [Symbol.dispose]() {
      open -= 1;
    },
  };
}
