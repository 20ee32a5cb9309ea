/**
 * When people look at advertisements. Hour shares in percent, weekday and weekend, and day shares
 * Monday to Sunday: region 637640 of `data/traffic_share.csv` of the BAT benchmark
 * (github.com/avito-tech/bat-autobidding-benchmark, MIT).
 */
const weekday = [
  2.08, 1.2, 0.71, 0.48, 0.43, 0.55, 0.98, 1.79, 3.11, 5.02, 6.62, 7.19, 7.3, 7.27, 7.15, 6.99, 6.71, 6.31, 5.88, 5.48,
  5.06, 4.53, 4.02, 3.16,
];
const weekend = [
  2.29, 1.4, 0.84, 0.56, 0.47, 0.56, 0.91, 1.67, 2.9, 4.67, 6.43, 7.11, 7.28, 7.22, 7.09, 6.88, 6.61, 6.26, 5.91, 5.51,
  5.11, 4.68, 4.22, 3.42,
];
const dayShares = [15.6, 17.6, 14.7, 14.4, 13.5, 12, 12.1];

/**
 * The profile of the simulated traffic as plans carry it: 168 integer weights, Monday 00:00 first,
 * local hours, 1000 = the mean hour.
 */
export const trafficProfile: readonly number[] = dayShares.flatMap((share, day) =>
  (day < 5 ? weekday : weekend).map((hour) => Math.round((share / 100) * 7 * (hour / 100) * 24 * 1_000)),
);

/** Local hour of the week (Monday 00:00 = 0) of a local instant, ms. 1970-01-01 was a Thursday. */
function hourOfWeek(localMs: number): number {
  return (Math.floor(localMs / 3_600_000) + 72) % 168;
}

/** Traffic of that hour over the mean hour of the week. */
export function trafficAt(localMs: number): number {
  return trafficProfile[hourOfWeek(localMs)] / 1_000;
}
