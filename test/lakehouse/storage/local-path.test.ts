import { expect, test } from 'vitest';
import { localPath } from '../../../src/lakehouse/storage/local-file-io.ts';

test('all ways to say a place on this machine are the same place', () => {
  for (const uri of ['/lake/a b%20c', 'file:/lake/a b%20c', 'file:///lake/a b%20c', 'file://localhost/lake/a b%20c'])
    expect(localPath(uri)).toBe('/lake/a b%20c');
});

test('a place that is not on this machine is refused, not made here as a folder of that name', () => {
  for (const uri of ['s3://bucket/t', 's3a://bucket/t', 'hdfs://host/t', 'file://other-host/t'])
    expect(() => localPath(uri)).toThrow('is not a place on this machine');
});
