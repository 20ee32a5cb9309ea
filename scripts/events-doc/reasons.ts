import type { RejectReason } from '../../src/events/event-batch.ts';

/** What each dead-letter reason means and what a producer does about it. */
export const reasons: Readonly<Record<RejectReason, string>> = {
  empty_value: 'The record has no value. Deletions have no meaning here; send a correction.',
  damaged_batch:
    'A whole batch of records cannot be read: its checksum, its compression or a record in it is broken. The detail names the offsets that are lost; send their records again with new event ids.',
  too_large: 'The value is larger than 1 MiB. Send smaller batches.',
  bad_framing: 'The value begins neither with a zero byte (Avro) nor with `{` (JSON), or ends inside the schema id.',
  unknown_schema: 'The schema id is not in the registry. Register the schema first, then send again.',
  schema_mismatch: 'The writer schema cannot be read as ours; `detail` names the field and both sides.',
  truncated: 'The value ends inside a field: it was cut, or written with another schema than its id says.',
  trailing_bytes: 'Bytes follow the last field: written with another schema than its id says.',
  bad_json: 'The value begins with `{` and is not one JSON object in UTF-8.',
  bad_field: 'A field is missing, or has a value outside its meaning; `detail` names field and value.',
  bad_id: 'An id is not 1 to 64 of `A-Z a-z 0-9 _ . : -`, or an organization begins with `_`.',
  bad_time: 'An instant is not milliseconds between 2000 and 2100. Seconds and microseconds are the usual mistake.',
  money_out_of_range:
    'Money, or cpm times batch_count, leaves ±(2^53 − 1) micros; or the record would lift what its campaign ever had beyond 2^52 of a counter or 2^62 micros.',
  key_mismatch: 'The record key is not the `org_id` of the value.',
  wrong_partition: "The key does not belong to this partition: the producer does not use Kafka's default partitioner.",
  from_the_future: 'An instant lies more than 2 minutes ahead of the log: a wrong clock, or a wrong time zone.',
  currency_mismatch:
    "Media money or a budget in another currency than the campaign's, which its first budget says, else the plan.",
  unknown_metric: 'A correction or a performance report names a counter that does not exist.',
  bad_zone: 'The time zone is not one of the IANA database.',
  bad_flight: 'Dates that end before they start, share days with another flight, or a budget without a flight.',
  too_many_flights: 'The campaign already has 128 flights that are not over.',
  too_many_changes:
    'The flight, or the status of the campaign, has 4,096 changes of the last 33 days (older ones settle and are not counted).',
  overlapping_report:
    'The period shares time with a total that the source told before, and neither holds the other: which of both is right cannot be known.',
  bad_plan: 'A plan record that is not a plan; `paceline apply` writes none.',
  bad_signature:
    'A plan of a stream whose plans are signed, and no key of the stream signed it, or its number does not follow.',
  not_ours: 'A record of another type than those of this page.',
  too_many_campaigns: 'The partition holds 1,000,000 campaigns.',
  quota:
    'The organization has its share of the partition: 200,000 campaigns, 64 undeclared sources of heartbeats, 2,000,000 records a day that are remembered for a month (money, conversions, control), or 10,000 dead letters an hour, of which further ones keep no bytes, unless its plan says other [quotas](rules.md); or 100,000 organizations are known, and nobody wrote a plan for this one.',
  organization_closed:
    'The organization was erased ([lakehouse.md](lakehouse.md#erasing-an-organization)), and its records are refused until somebody opens it anew. No bytes are kept, whatever else is wrong with the record.',
  internal_error:
    'Paceline stumbled over the record: a bug of ours. Its bytes are kept; tell us, and send it again once it is mended (an impression, click or video event after the duplicate window, or it passes for a duplicate).',
};
