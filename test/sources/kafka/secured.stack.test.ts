import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { attachStack } from '../../../scripts/stack/stack.ts';
import type { KafkaConnectionOptions } from '../../../src/sources/kafka/connection.ts';
import { bearer } from '../../servers/bearer.ts';
import { KafkaBench, plain, readTo } from './kafka-bench.ts';

// Every way in that the configuration offers, and what the wrong key says at it.
const { addresses } = attachStack(['kafka']);
const { kafka } = addresses;
const ca = () => readFileSync(kafka.certificate, 'utf8');
const secured = () => ({ ...plain, brokers: [kafka.tls], tls: { ca: ca() } });
const user = { username: kafka.scram.user, password: kafka.scram.password } as const;

test.each([
  { title: 'scram-sha-512 over TLS', tls: true, sasl: { mechanism: 'scram-sha-512', ...user } },
  { title: 'plain over TLS', tls: true, sasl: { mechanism: 'plain', ...user, username: kafka.plain.user } },
  { title: 'scram-sha-256', tls: false, sasl: { mechanism: 'scram-sha-256', ...user } },
] as const)('$title', async ({ tls, sasl }) => {
  await using bench = await KafkaBench.open();
  const options: KafkaConnectionOptions = tls ? { ...secured(), sasl } : { ...plain, brokers: [kafka.sasl], sasl };
  const source = bench.source(options);
  await source.append(0, null, Buffer.from('hello'));
  expect((await readTo(source, 0, 1)).map(({ value }) => value)).toEqual(['hello']);
  const lines: string[] = [];
  const wrong = bench.source({
    ...options,
    sasl: { ...sasl, password: 'a wrong secret' },
    onLog: ({ message }) => lines.push(message),
  });
  await expect(wrong.identity()).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  expect(lines.join(' ')).not.toContain('a wrong secret');
});

test('oauthbearer over TLS: the token is asked for again, a good one opens, a bad one is refused for good', async () => {
  await using bench = await KafkaBench.open();
  let asked = 0;
  const open = (token: string) => {
    const lines: string[] = [];
    const source = bench.source({
      ...secured(),
      sasl: {
        mechanism: 'oauthbearer',
        token: async () => {
          asked += 1;
          return token;
        },
      },
      onLog: ({ message }) => lines.push(message),
    });
    return { source, lines };
  };
  const { source } = open(bearer('paceline', 600));
  await source.append(0, null, Buffer.from('hello'));
  expect((await readTo(source, 0, 1)).map(({ value }) => value)).toEqual(['hello']);
  // Whoever appends and whoever reads each have a connection.
  expect(asked).toBeGreaterThan(1);
  for (const token of [bearer('paceline', -600), 'not-a-token']) {
    const refused = open(token);
    await expect(refused.source.identity()).rejects.toMatchObject({
      code: 'SOURCE_REFUSED',
      message: expect.stringMatching(/refuses the token \(invalid_token\).*kafka\.sasl\.token_file/),
    });
    expect(refused.lines.join(' ')).not.toContain(token);
  }
});

test('a mechanism that the brokers do not offer is refused, not waited for', async () => {
  await using bench = await KafkaBench.open();
  const token = async () => bearer('paceline', 600);
  const source = bench.source({ ...plain, brokers: [kafka.sasl], sasl: { mechanism: 'oauthbearer', token } });
  await expect(source.identity()).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
});

test('a broker that we have no reason to trust is refused, with the setting to look at', async () => {
  await using bench = await KafkaBench.open();
  const source = bench.source({ ...secured(), tls: {}, sasl: { mechanism: 'scram-sha-512', ...user } });
  await expect(source.identity()).rejects.toMatchObject({
    code: 'SOURCE_REFUSED',
    message: expect.stringMatching(/certificate.*kafka\.tls/),
  });
});
