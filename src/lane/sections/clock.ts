import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { LogTimeMs } from '../../model/time.ts';
import type { LaneState } from '../lane-state.ts';
import type { Section } from './section.ts';

/** The lane clock, and where the tail starts that the duplicate check needs. */
export const clockSection: Section<LaneState> = {
  id: 3,
  name: 'clock',
  version: 1,

  write(out: ByteWriter, { clock, marks }: LaneState): void {
    out.double(clock);
    marks.write(out);
  },

  read(from: ByteReader, _version: number, state: LaneState): void {
    state.clock = from.double() as LogTimeMs;
    state.marks.read(from);
  },
};
