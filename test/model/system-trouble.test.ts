import { expect, test } from 'vitest';
import { troubleText } from '../../src/model/system-trouble.ts';

const trouble = (message: string, facts: object) => Object.assign(new Error(message), facts);
const refused = (address: string) =>
  trouble(`connect ECONNREFUSED ${address}:9092`, { code: 'ECONNREFUSED', address, port: 9092 });

test.each([
  [refused('10.0.0.1'), 'nobody listens at 10.0.0.1:9092 (connect ECONNREFUSED 10.0.0.1:9092)'],
  [refused('::1'), 'nobody listens at [::1]:9092 (connect ECONNREFUSED ::1:9092)'],
  [
    new AggregateError([refused('::1'), refused('127.0.0.1')]),
    'nobody listens at [::1]:9092 (connect ECONNREFUSED ::1:9092); nobody listens at 127.0.0.1:9092 (connect ECONNREFUSED 127.0.0.1:9092)',
  ],
  [
    trouble('getaddrinfo ENOTFOUND kafak', { code: 'ENOTFOUND', hostname: 'kafak' }),
    'no host is called kafak (getaddrinfo ENOTFOUND kafak)',
  ],
  [
    trouble('EMFILE: too many open files', { code: 'EMFILE', path: '/x' }),
    'this process has no file left to open; raise "ulimit -n" (EMFILE: too many open files)',
  ],
  [trouble('read ECONNRESET', { code: 'ECONNRESET' }), 'the other end cut the connection (read ECONNRESET)'],
  [trouble('as it is', { code: 'PLQ01' }), 'as it is'],
  [new TypeError(''), 'TypeError'],
  ['no error at all', 'no error at all'],
])('%s', (error, text) => expect(troubleText(error)).toBe(text));
