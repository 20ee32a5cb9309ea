import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import {
  createKafkaLogger,
  createSocketFactory,
  Encoder,
  type WireCall,
} from '../../../src/sources/kafka/kafkajs-internals.ts';

interface Connection {
  connect(): Promise<unknown>;
  send<Answer>(call: WireCall<Answer>): Promise<Answer>;
  disconnect(): Promise<unknown>;
}
const Connection = createRequire(import.meta.url)('kafkajs/src/network/connection') as new (
  options: Record<string, unknown>,
) => Connection;

const question: WireCall<string> = {
  request: { apiKey: 3, apiVersion: 0, apiName: 'Question', encode: async () => new Encoder() },
  response: { decode: async (payload) => payload.toString(), parse: async (text) => text },
};

function answerTo(request: Buffer, text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + payload.length, 0);
  head.writeInt32BE(request.readInt32BE(8), 4); // The correlation id comes after length, key and version.
  return Buffer.concat([head, payload]);
}

test('an answer that a broker began before it went away does not spoil the next connection', async () => {
  const answers: ((request: Buffer, socket: Socket) => void)[] = [
    (request, socket) => {
      socket.write(answerTo(request, 'a long answer that is cut off').subarray(0, 20));
      socket.end();
    },
    (request, socket) => void socket.write(answerTo(request, 'whole')),
  ];
  const server = createServer((socket) => {
    socket.on('data', (request) => answers.shift()?.(request, socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connection = new Connection({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    clientId: 'test',
    requestTimeout: 5_000,
    enforceRequestTimeout: true,
    connectionTimeout: 5_000,
    logger: createKafkaLogger({ level: 0, logCreator: () => () => undefined }),
    socketFactory: createSocketFactory(),
  });
  try {
    await connection.connect();
    await expect(connection.send(question)).rejects.toThrow('Closed connection');
    await connection.connect();
    expect(await connection.send(question)).toBe('whole');
  } finally {
    await connection.disconnect();
    server.close();
  }
});
