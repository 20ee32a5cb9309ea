/**
 * Which of `offered`, the preferred first, an Accept header takes; null for none (RFC 9110 §12.5.1). A range
 * counts with its weight, the most specific one that fits a type decides.
 */
export function chooseType(accept: string | undefined, offered: readonly string[]): string | null {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const ranges = accept.split(',').map(parseRange);
  const weighted = offered.map((type) => ({ type, weight: weightOf(type, ranges) }));
  const best = Math.max(...weighted.map(({ weight }) => weight));
  return best <= 0 ? null : (weighted.find(({ weight }) => weight === best)?.type ?? null);
}

interface Range {
  readonly range: string;
  readonly weight: number;
}

function parseRange(text: string): Range {
  const [range, ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((each) => each.startsWith('q='))?.slice(2);
  const weight = quality === undefined ? 1 : Number(quality);
  return { range, weight: Number.isFinite(weight) ? weight : 0 };
}

function weightOf(type: string, ranges: readonly Range[]): number {
  const fits = [type, `${type.split('/')[0]}/*`, '*/*'];
  for (const fitting of fits) {
    const found = ranges.find(({ range }) => range === fitting);
    if (found !== undefined) return found.weight;
  }
  return 0;
}
