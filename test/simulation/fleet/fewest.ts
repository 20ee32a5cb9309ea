/** Things of a list, by their places in it, without which something no longer happens; and the last run with them alone. */
export interface Fewest<Report> {
  readonly kept: readonly number[];
  readonly report: Report;
  readonly runs: number;
}

const runsMax = 200;

/**
 * The fewest of `count` things with which `run` still gives a report that `isSame`: halves, quarters and
 * so on are left out, then single ones, for as long as it does without them (ddmin).
 */
export async function findFewest<Report>(
  count: number,
  first: Report,
  run: (kept: readonly number[]) => Promise<Report>,
  isSame: (report: Report) => boolean,
): Promise<Fewest<Report>> {
  let kept = Array.from({ length: count }, (_, index) => index);
  let report = first;
  let runs = 0;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length && runs < runsMax; ) {
      const fewer = kept.filter((_, index) => index < at || index >= at + size);
      runs += 1;
      const tried = await run(fewer);
      if (isSame(tried)) {
        kept = fewer;
        report = tried;
      } else at += size;
    }
  }
  return { kept, report, runs };
}
