/** A batch that becomes at most this large is unpacked at once; a larger one in pieces, as it is read. */
export const wholeBytesMax = 16 * 1024 * 1024;
/** About what one piece of a large batch holds. */
export const pieceBytes = 1024 * 1024;
/** How far back lz4 may point, and as far as any writer of snappy does. */
export const historyBytes = 64 * 1024;
