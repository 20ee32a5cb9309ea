import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

const load = createRequire(import.meta.url);

interface RequestQueue {
  pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

/**
 * A queue without requests waits for nothing. kafkajs sets a timer in the past for it, over and over:
 * 5 % of a core for an idle connection, and Node's TimeoutNegativeWarning (tulios/kafkajs#1751). Whoever
 * uses kafkajs imports this beside it.
 */
function calmRequestQueue(): void {
  const { prototype } = load('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue;
  };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}

interface Connection {
  bytesBuffered: number;
  bytesNeeded: number;
  chunks: readonly Buffer[];
  readonly socket: Socket;
  isConnected(): boolean;
  connect(): Promise<unknown>;
  processData(bytes: Buffer): void;
}

/** Bytes of the length that every answer begins with. */
const lengthBytes = 4;

/**
 * A connection that is opened again begins to read afresh. kafkajs keeps the beginning of an answer that
 * was cut off when a broker went away, takes what comes next for its end, and then waits for ever for
 * an answer of some gigabytes.
 */
function readAfreshAfterReconnect(): void {
  const { prototype } = load('kafkajs/src/network/connection') as { prototype: Connection };
  const { connect } = prototype;
  prototype.connect = function (this: Connection): Promise<unknown> {
    if (!this.isConnected()) {
      this.bytesBuffered = 0;
      this.bytesNeeded = lengthBytes;
      this.chunks = [];
    }
    return connect.call(this);
  };
}

/** No broker answers with more; the first bytes of TLS or of a web server, taken for a length, are more. */
const answerBytesMax = 320 * 1024 * 1024;

/**
 * What answers and is no Kafka breaks its connection, not the process: kafkajs reads lengths where nobody catches
 * what it throws, and would wait for the gigabytes that another protocol's first bytes stand for.
 */
function breakOverOtherProtocols(): void {
  const { prototype } = load('kafkajs/src/network/connection') as { prototype: Connection };
  const { processData } = prototype;
  prototype.processData = function (this: Connection, bytes: Buffer): void {
    try {
      processData.call(this, bytes);
      if (this.bytesNeeded > answerBytesMax) throw new RangeError(`an answer of ${this.bytesNeeded} bytes`);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.socket.destroy(new Error(`what answers there is no Kafka, or speaks TLS (${reason})`, { cause }));
    }
  };
}

calmRequestQueue();
readAfreshAfterReconnect();
breakOverOtherProtocols();
