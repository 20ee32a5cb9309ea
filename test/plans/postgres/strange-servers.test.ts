import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { EngineError } from '../../../src/model/errors.ts';
import { Database } from '../../../src/plans/postgres/database.ts';

const message = (kind: string, body: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), length, body]);
};
const refusal = (state: string): Buffer => message('E', Buffer.from(`SFATAL\0VFATAL\0C${state}\0Mas said\0\0`));
const asksFor = (way: number): Buffer => message('R', Buffer.from([0, 0, 0, way]));

/** The first error of a question to a server that greets us with `words` and hangs up. */
async function errorAfter(words: Buffer): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.end(words));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const database = new Database({
    url: `postgres://us:hunter2@127.0.0.1:${port}/rules`,
    ca_file: null,
    poll_interval_ms: 1_000,
  });
  try {
    return await database.query('SELECT 1').then(
      () => 'answered',
      (error: unknown) => error,
    );
  } finally {
    await database.close();
    server.close();
  }
}

// What a server, a standby, a pooler or something else at that port says: never a bug of ours, never our end.
test.each([
  ['a standby', refusal('25006'), 'CONTROL_UNAVAILABLE'],
  ['a queue of notifications that is full', refusal('54000'), 'CONTROL_UNAVAILABLE'],
  ['a disk that fails', refusal('58030'), 'CONTROL_UNAVAILABLE'],
  ['a full disk', refusal('53100'), 'CONTROL_UNAVAILABLE'],
  ['too many connections', refusal('53300'), 'CONTROL_UNAVAILABLE'],
  ['a server that starts', refusal('57P03'), 'CONTROL_UNAVAILABLE'],
  ['a table that is damaged', refusal('XX001'), 'CONTROL_UNAVAILABLE'],
  ['a pooler that ended our transaction', refusal('25P03'), 'CONTROL_UNAVAILABLE'],
  ['a protocol that it does not speak', refusal('0A000'), 'CONTROL_REFUSED'],
  ['a statement that is gone behind a pooler', refusal('26000'), 'CONTROL_REFUSED'],
  ['a state that nobody has heard of', refusal('ZZ9Z9'), 'CONTROL_REFUSED'],
  ['a login of Kerberos', asksFor(7), 'CONTROL_REFUSED'],
  ['a login of Windows', asksFor(9), 'CONTROL_REFUSED'],
  ['a way to log in that does not exist', asksFor(99), 'CONTROL_REFUSED'],
  ['a message that does not exist', message('!', Buffer.from('what?')), 'CONTROL_REFUSED'],
  ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'CONTROL_UNAVAILABLE'],
  ['a Redis', Buffer.from('-ERR unknown command\r\n'), 'CONTROL_UNAVAILABLE'],
  ['nothing', Buffer.alloc(0), 'CONTROL_UNAVAILABLE'],
])('%s is told in words', async (_, words, code) => {
  const error = await errorAfter(words);
  expect(error).toBeInstanceOf(EngineError);
  expect(error).toMatchObject({ code });
  expect((error as EngineError).message).not.toContain('hunter2');
});
