import { column } from './columns.ts';

const sinceDates = { since: 4, fallback: null } as const;

/** What a flight is, in `pacing_snapshots`: as known when the snapshot was made, whatever `as_of` it is of. */
export const flightColumns = [
  column(
    'starts_at',
    'Nullable(DateTime64(3))',
    'When the flight begins. Null, as `ends_at`, in rows written before there were these columns.',
    sinceDates,
  ),
  column('ends_at', 'Nullable(DateTime64(3))', 'When it ends, exclusive.', sinceDates),
  column('time_zone', 'LowCardinality(String)', 'IANA zone of its days; empty in rows written before.', {
    since: 4,
    fallback: '',
  }),
  column(
    'advertiser',
    'LowCardinality(String)',
    'Whose campaign it is, by the plan in force; empty where it does not say.',
    {
      since: 4,
      fallback: '',
    },
  ),
] as const;
