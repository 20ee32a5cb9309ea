import type { Decoder } from '../../src/decoders/decoder.ts';
import type { EventBatch } from '../../src/events/event-batch.ts';
import { kind } from '../../src/events/kinds.ts';
import type { RecordRun } from '../../src/events/record-run.ts';
import { isIdBytes } from '../../src/model/ids.ts';
import type { EventTimeMs } from '../../src/model/time.ts';

/** Values `{"t": ms}` are clicks of the key's organization; an empty key-less value is a tick; the rest is rejected. */
export const fakeDecoder: Decoder = {
  decode(run: RecordRun, batch: EventBatch): number {
    batch.reset(run.count);
    for (let row = 0; row < run.count; row++) {
      const text = Buffer.from(run.bytes.subarray(run.valueStarts[row], run.valueEnds[row])).toString('latin1');
      const hasOrg = run.keyStarts[row] >= 0 && isIdBytes(run.bytes, run.keyStarts[row], run.keyEnds[row]);
      const time = /^\{"t":(\d+)\}/.exec(text);
      const isGood = hasOrg && time !== null;
      batch.kinds[row] = isGood ? kind.click : kind.rejected;
      batch.orgs[row] = hasOrg ? batch.dictionaries.orgs.intern(run.bytes, run.keyStarts[row], run.keyEnds[row]) : -1;
      batch.keyOrgs[row] = batch.orgs[row];
      batch.eventTimes[row] = Number(time?.[1] ?? Number.NaN) as EventTimeMs;
      batch.schemaIds[row] = -1;
      batch.offsets[row] = run.offsets[row];
      batch.logTimes[row] = run.logTimes[row];
    }
    return -1;
  },
  learn: async () => {},
};
