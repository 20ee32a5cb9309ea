import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { KafkaConnection } from '../../../src/sources/kafka/connection.ts';
import { sourceError } from '../../../src/sources/kafka/kafka-errors.ts';
import '../../../src/sources/kafka/calm-kafkajs.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

// Each of them once ended the process, or was waited for.
test.each([
  ['a negative length', hex('fffffff000000000')],
  ['the greatest length', hex('7fffffff00000000')],
  ['an alert of TLS', hex('15030300020228')],
  ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['an answer without anything', hex('00000000')],
])('%s in place of an answer breaks the connection alone', async (_, words) => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', () => socket.write(words));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = new KafkaConnection({ brokers: [`127.0.0.1:${port}`], clientId: 't', tls: null, sasl: null });
  const admin = connection.client.admin();
  const error = await admin.connect().then(
    () => null,
    (cause: unknown) => sourceError(cause, 'asking'),
  );
  expect(error).toMatchObject({ code: 'SOURCE_UNAVAILABLE', message: expect.stringContaining('is no Kafka') });
  await admin.disconnect();
  await connection.close();
  server.close();
});
