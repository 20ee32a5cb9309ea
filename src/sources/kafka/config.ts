import * as z from 'zod';
import { alertsTopic, deadLettersTopic } from '../../model/ids.ts';
import { address, filePath, optionalName, secretText, setting, topicName } from '../../model/setting.ts';

/** Where records come from. */
export const kafkaSection = z
  .strictObject({
    brokers: setting(z.array(address()).default([]), {
      doc: 'Brokers to begin with, as host:port. Empty: the log in the data directory is read instead.',
      reload: 'restart',
    }),
    group_id: setting(z.string().min(1).max(200).default('paceline'), {
      doc: 'Consumer group of the campaign lanes. Bronze uses the same name followed by -bronze.',
      reload: 'restart',
    }),
    client_id: setting(z.string().min(1).max(200).default('paceline'), {
      doc: 'Name under which the brokers see this process.',
      reload: 'restart',
    }),
    alerts_topic: setting(topicName().default(alertsTopic), {
      doc: 'Topic of alert transitions; as many partitions as the events have.',
      reload: 'restart',
    }),
    dead_letters_topic: setting(topicName().default(deadLettersTopic), {
      doc: 'Topic of dead letters; as many partitions as the events have.',
      reload: 'restart',
    }),
    snapshots_topic: setting(topicName().nullable().default(null), {
      doc: 'Topic of pacing snapshots, as they are kept in pacing_snapshots; as many partitions as the events have. Null: they are in the tables alone.',
      reload: 'restart',
    }),
    order_snapshots_topic: setting(topicName().nullable().default(null), {
      doc: 'Topic of how orders stand, as it is kept in order_snapshots; as many partitions as the events have. Null: it is in the tables alone.',
      reload: 'restart',
    }),
    results_format: setting(z.enum(['json', 'avro']).default('json'), {
      doc: 'How alerts, dead letters and snapshots are written to their topics. avro: in Confluent framing, under the schemas of docs/events.md, whose subjects are their full names. A topic may change from one to the other: each record tells itself.',
      reload: 'restart',
    }),
    retention_hours: setting(z.int().min(24).max(876_000).nullable().default(168), {
      doc: 'How long a live topic of events that "paceline migrate" makes keeps its records, hours. Null: as long as the cluster says. A replayed one keeps them for ever.',
      reload: 'restart',
    }),
    session_timeout_ms: setting(z.int().min(1_000).max(300_000).default(10_000), {
      doc: 'After this long without a heartbeat the group gives our lanes to others, ms.',
      reload: 'restart',
    }),
    on_damaged_batch: setting(z.enum(['report', 'stop']).default('report'), {
      doc: 'What becomes of a record batch that cannot be read (checksum, compression, malformed records), after it was fetched three times. report: one dead letter damaged_batch in its place, counted as lost records, and the lane goes on. stop: its lane alone stands still and tries again, until somebody has mended the partition.',
      reload: 'restart',
    }),
    tls: z
      .strictObject({
        enabled: setting(z.boolean().default(false), { doc: 'Talk TLS to the brokers.', reload: 'restart' }),
        ca_file: setting(filePath(), {
          doc: "PEM file of the authorities to trust. Null: the system's.",
          reload: 'restart',
          path: true,
        }),
        cert_file: setting(filePath(), {
          doc: 'PEM file of our certificate, where the brokers ask for one.',
          reload: 'restart',
          path: true,
        }),
        key_file: setting(filePath(), {
          doc: 'PEM file of the key to that certificate.',
          reload: 'restart',
          path: true,
        }),
      })
      .prefault({}),
    sasl: z
      .strictObject({
        mechanism: setting(z.enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer']).default('none'), {
          doc: 'How we prove who we are to the brokers.',
          reload: 'restart',
        }),
        username: setting(optionalName(), {
          doc: 'Name for plain and scram.',
          reload: 'restart',
        }),
        password: setting(secretText(), { doc: 'Password for plain and scram.', reload: 'restart', secret: true }),
        token_file: setting(filePath(), {
          doc: 'File that holds the bearer token of oauthbearer; read again for each connection.',
          reload: 'restart',
          path: true,
        }),
      })
      .prefault({}),
  })
  .prefault({});
