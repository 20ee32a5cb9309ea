/** Packed bytes that are not what their codec says: nobody will ever unpack them. */
export class DamagedBytes extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'DamagedBytes';
  }
}
