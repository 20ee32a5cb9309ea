import { ClickHouseError } from '@clickhouse/client';
import { expect, test } from 'vitest';
import { asEngineError } from '../../../src/sinks/clickhouse/clickhouse-failure.ts';

const answer = (code: number, type: string, message = 'as said') =>
  new ClickHouseError({ code: String(code), type, message });

// What passes by itself is tried again; a sink that stops for it would wait for a person for ever.
test.each([
  [75, 'CANNOT_WRITE_TO_FILE_DESCRIPTOR'],
  [173, 'CANNOT_ALLOCATE_MEMORY'],
  [201, 'QUOTA_EXCEEDED'],
  [202, 'TOO_MANY_SIMULTANEOUS_QUERIES'],
  [216, 'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING'],
  [241, 'MEMORY_LIMIT_EXCEEDED'],
  [242, 'TABLE_IS_READ_ONLY'],
  [243, 'NOT_ENOUGH_SPACE'],
  [252, 'TOO_MANY_PARTS'],
  [394, 'QUERY_WAS_CANCELLED'],
  [499, 'S3_ERROR'],
  [700, 'USER_SESSION_LIMIT_EXCEEDED'],
  [745, 'SERVER_OVERLOADED'],
])('%i %s passes', (code, type) => {
  expect(asEngineError(answer(code, type), 'inserting')).toMatchObject({ code: 'SINK_UNAVAILABLE' });
});

test.each([
  [60, 'UNKNOWN_TABLE'],
  [164, 'READONLY'],
  [252, 'TOO_MANY_PARTS', 'Too many partitions for single INSERT block'],
  [497, 'ACCESS_DENIED'],
  [516, 'AUTHENTICATION_FAILED'],
])('%i %s does not', (code, type, message = 'as said') => {
  expect(asEngineError(answer(code, type, message), 'inserting')).toMatchObject({ code: 'SINK_REJECTED' });
});
