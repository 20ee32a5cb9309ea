import { afterAll, beforeAll, describe } from 'vitest';
import { stateStoreExam } from '../exams/state-store-exam.ts';
import { openRedisBench } from './redis-bench.ts';
import { isRedisHere, type RedisServer, startRedisServer } from './redis-server.ts';

describe.skipIf(!isRedisHere)('with a Redis of our own', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  stateStoreExam('the store in Redis', () => openRedisBench(server.endpoint));
});
