import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';

/** No file that people write, no certificate and no list of readers is near it. */
const bytesMax = 16 * 1024 * 1024;
const pieceBytes = 64 * 1024;
/** Pipes that our caller has opened for us: `<(command)` of a shell, and standard input. */
const handedOver = /^\/(dev\/fd\/\d+|dev\/stdin|proc\/self\/fd\/\d+)$/;

/**
 * Text of a file that a person named, wherever it may lead: a device that never ends, a pipe to which nobody
 * writes and bytes that are no text are refused at once. Throws what `fileTrouble` tells in words.
 */
export function readTextFile(path: string): string {
  const isHandedOver = handedOver.test(path);
  const file = openSync(path, isHandedOver ? constants.O_RDONLY : constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(file);
    if (facts.isFIFO() && !isHandedOver)
      throw new Error(
        'it is a pipe, to which somebody may or may not write; name a file, or hand it over as <(command)',
      );
    if (facts.isDirectory()) return readFileSync(file, 'utf8');
    return decoded(readBytes(file));
  } finally {
    closeSync(file);
  }
}

function readBytes(file: number): Buffer {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(pieceBytes);
    const read = readSync(file, piece);
    if (read === 0) return Buffer.concat(pieces, bytes);
    bytes += read;
    if (bytes > bytesMax) throw new Error(`it holds more than ${bytesMax / 1024 ** 2} MiB`);
    pieces.push(piece.subarray(0, read));
  }
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error('it is no text in UTF-8; save it as such', { cause });
  }
}
