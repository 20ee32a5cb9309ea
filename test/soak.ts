/**
 * `npm run nightly` takes more of everything that is drawn: `PACELINE_SOAK=1`. What a test proves is the
 * same; how many worlds prove it is not.
 */
export const isSoak = process.env.PACELINE_SOAK === '1';

/** Seeds from `first` on: `usual` of them, or `nightly`. */
export function seedsFrom(first: number, usual: number, nightly: number): number[] {
  return Array.from({ length: isSoak ? nightly : usual }, (_, index) => first + index);
}
