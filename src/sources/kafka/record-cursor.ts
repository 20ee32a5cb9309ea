import type { RecordBatch } from './record-batch.ts';

/** `short`: the bytes end before the record does. `bad`: no record can be like that. */
type CursorStop = 'ok' | 'short' | 'bad';

/** Reads one record of an unpacked batch: lengths as zigzag varints, headers passed over. */
export class RecordCursor {
  offset = 0;
  timestamp = 0;
  keyStart = 0;
  keyLength = 0;
  valueStart = 0;
  valueLength = 0;
  /** Where the record ends, known once its length was read: also of one that is `short`. */
  end = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** The record at `from`; its offset must be `after` at least, and lie in its batch. */
  read(bytes: Uint8Array, from: number, batch: RecordBatch, after: number): CursorStop {
    this.#bytes = bytes;
    this.#at = from;
    const length = this.#varint();
    this.end = this.#at + length;
    if (length <= 0) return this.#at > bytes.length ? 'short' : 'bad';
    if (this.end > bytes.length) return 'short';
    this.#at += 1;
    this.timestamp = batch.baseTimestamp + this.#varint();
    this.offset = batch.baseOffset + this.#varint();
    this.keyLength = this.#varint();
    this.keyStart = this.#at;
    this.#at += Math.max(0, this.keyLength);
    this.valueLength = this.#varint();
    this.valueStart = this.#at;
    this.#at += Math.max(0, this.valueLength);
    return this.#at <= this.end && this.offset >= after && this.offset < batch.nextOffset ? 'ok' : 'bad';
  }

  /** The offset of a record whose beginning alone is there. */
  peekOffset(bytes: Uint8Array, from: number, batch: RecordBatch): number {
    this.#bytes = bytes;
    this.#at = from;
    this.#varint();
    this.#at += 1;
    this.#varint();
    return batch.baseOffset + this.#varint();
  }

  /** In doubles, since deltas of timestamps may exceed 32 bits. Past the end it reads zeros, and `#at` tells. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let byte = 0x80; byte >= 0x80 && scale < 2 ** 63; scale *= 128) {
      byte = this.#bytes[this.#at++];
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
