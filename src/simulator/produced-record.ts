import type { KindName } from '../events/kinds.ts';

/** Fields of an event as its schema in schemas/avro names them; instants are epoch ms, ids are 16 bytes. */
export type EventValue = Readonly<Record<string, unknown>>;

/** What the encoder of a log takes. */
export type EventType = KindName;

/**
 * One record on its way into a log, before encoding. `partition` is given where it is not that of the
 * key (ticks, plans, faults). Raw records are the faults of a broken producer: their bytes are final.
 */
export type ProducedRecord =
  | {
      readonly type: EventType;
      readonly value: EventValue;
      readonly key: string | null;
      readonly partition?: number;
      readonly logTimeMs: number;
    }
  | {
      readonly type: 'raw';
      readonly value: Uint8Array;
      readonly key: string | null;
      readonly partition?: number;
      readonly logTimeMs: number;
    }
  /** A good event of which only the first half of its bytes arrives. */
  | {
      readonly type: 'truncated';
      readonly of: EventType;
      readonly value: EventValue;
      readonly key: string | null;
      readonly partition?: number;
      readonly logTimeMs: number;
    };
