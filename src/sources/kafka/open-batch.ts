import { unpackPieces, unpackWhole } from './codecs.ts';
import { headerBytes, type RecordBatch } from './record-batch.ts';
import { pieceBytes } from './unpack/bounds.ts';
import { DamagedBytes } from './unpack/damaged-bytes.ts';

/** A record of a large batch that is longer than this is passed over and reported; the engine takes far smaller ones. */
export const heldRecordBytesMax = 16 * 1024 * 1024;

/**
 * A batch being read: its records unpacked, all at once or, where they would be too many, a piece at a
 * time. `bytes` from `at` on wait to be read.
 */
export class OpenBatch {
  readonly batch: RecordBatch;
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  /** Records not yet read. */
  left: number;
  /** The least offset that the next record may have. */
  after: number;
  /** What is wrong with what comes after `bytes`; null as long as nothing is. */
  damage: string | null;
  /** Bytes of a record too long to hold that are still to come; nothing else is read before them. */
  #passing = 0;
  #pieces: AsyncGenerator<Uint8Array> | null = null;
  #buffer = new Uint8Array(0);

  constructor(batch: RecordBatch) {
    this.batch = batch;
    this.left = batch.count;
    this.after = batch.baseOffset;
    this.damage = batch.damage;
    if (this.damage === null) this.#open();
  }

  /** More bytes may come: what is too short now need not stay so. */
  get hasMore(): boolean {
    return this.#pieces !== null;
  }

  #open(): void {
    const { codec, raw } = this.batch;
    const packed = raw.subarray(headerBytes);
    try {
      const whole = unpackWhole(codec, packed);
      if (whole === null) this.#pieces = unpackPieces(codec, packed);
      else this.bytes = whole;
    } catch (error) {
      this.#note(error);
    }
  }

  /** Passes over the record at `at`, whatever of it is there. */
  pass(end: number): void {
    const there = Math.min(end, this.bytes.length);
    this.#passing = end - there;
    this.at = there;
  }

  /**
   * Brings the next piece in, behind what waits: about `pieceBytes`, more where the record at `at` needs
   * `needs`. What was handed out of `bytes` before is gone.
   */
  async unpack(needs: number): Promise<void> {
    const rest = this.bytes.length - this.at;
    const wanted = Math.max(pieceBytes, needs);
    const buffer = this.#buffer.length >= wanted + pieceBytes ? this.#buffer : new Uint8Array(wanted + pieceBytes);
    buffer.set(this.bytes.subarray(this.at), 0);
    this.#buffer = buffer;
    let filled = rest;
    while (filled < wanted && this.#pieces !== null) {
      const piece = await this.#next(this.#pieces);
      if (piece === null) break;
      const passed = Math.min(this.#passing, piece.length);
      this.#passing -= passed;
      filled = this.#append(piece.subarray(passed), filled);
    }
    this.bytes = this.#buffer.subarray(0, filled);
    this.at = 0;
  }

  /** Nobody reads on; what its codec holds is given back. */
  close(): void {
    // Its codec has nothing more to say that anybody would hear.
    this.#pieces?.return(undefined).catch(() => undefined);
    this.#pieces = null;
  }

  #append(piece: Uint8Array, filled: number): number {
    if (filled + piece.length > this.#buffer.length) {
      const grown = new Uint8Array(filled + piece.length);
      grown.set(this.#buffer.subarray(0, filled));
      this.#buffer = grown;
    }
    this.#buffer.set(piece, filled);
    return filled + piece.length;
  }

  async #next(pieces: AsyncGenerator<Uint8Array>): Promise<Uint8Array | null> {
    try {
      const { value, done } = await pieces.next();
      if (!done) return value;
      this.#pieces = null;
    } catch (error) {
      this.#pieces = null;
      this.#note(error);
    }
    return null;
  }

  #note(error: unknown): void {
    if (!(error instanceof DamagedBytes)) throw error;
    this.damage = error.message;
  }
}
