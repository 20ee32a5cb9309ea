import { ClickHouseError } from '@clickhouse/client';
import { EngineError } from '../../model/errors.ts';
import { troubleText } from '../../model/system-trouble.ts';
import { isTlsRefusal } from '../../model/tls-refusal.ts';

/**
 * Server answers after which the same insert may succeed: overload and limits of sessions, connections, memory
 * and quotas, time-outs, queries that somebody cancelled, too many parts, disks, sockets and object stores that
 * fail, no ZooKeeper, read-only replicas, shutdown. 252 means too many parts, where waiting helps, or too many
 * partitions in one block, where it does not.
 */
const worthWaiting = new Set([
  3, 74, 75, 95, 96, 159, 160, 173, 198, 201, 202, 203, 209, 210, 216, 225, 236, 241, 242, 243, 244, 252, 255, 279, 285,
  286, 290, 319, 364, 394, 425, 439, 473, 499, 574, 677, 692, 696, 700, 722, 734, 735, 745, 749, 762, 763, 776, 904,
  999, 1_001,
]);

/**
 * What a failed call means for the caller. Everything without an answer of ClickHouse (refused or
 * dropped connections, 429 and 5xx of a proxy, time-outs) is worth another attempt with the same
 * bytes, since a repeated insert collapses; an answer that is about our rows or our rights is not.
 */
export function asEngineError(error: unknown, doing: string): EngineError {
  if (error instanceof EngineError) return error;
  if (error instanceof ClickHouseError) {
    const code = Number(error.code);
    const text = `${doing}: ClickHouse answers ${code} ${error.type ?? ''}: ${error.message}`;
    const isHopeless = error.message.includes('Too many partitions');
    const isTemporary = worthWaiting.has(code) && !isHopeless;
    return new EngineError(isTemporary ? 'SINK_UNAVAILABLE' : 'SINK_REJECTED', text, { cause: error });
  }
  const reason = troubleText(error);
  const hint = isTlsRefusal(error) ? '; check clickhouse.ca_file and clickhouse.url' : '';
  return new EngineError('SINK_UNAVAILABLE', `${doing}: ${reason || 'no answer from ClickHouse'}${hint}`, {
    cause: error,
  });
}

/** True when one insert touched more partitions than the server takes at once; smaller ones may pass. */
export function hasTooManyPartitions(error: unknown): boolean {
  return error instanceof EngineError && error.message.includes('Too many partitions');
}
