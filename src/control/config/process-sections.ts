import * as z from 'zod';
import { eventsTopic } from '../../model/ids.ts';
import { limits } from '../../model/limits.ts';
import { filePath, hostName, portNumber, setting, topicName } from '../../model/setting.ts';

/** The process itself: its log, its doors, its bounds. */
export const logSection = z
  .strictObject({
    topic: setting(topicName().default(eventsTopic), { doc: 'Topic of the campaign events.', reload: 'restart' }),
    partitions: setting(z.int().min(1).max(1_024).default(8), {
      doc: 'Partitions of a log that is made new. An existing log keeps its own number for ever.',
      reload: 'restart',
    }),
    encoding: setting(z.enum(['binary', 'jsonl']).default('binary'), {
      doc: 'How a log that is made new stores records: checksummed frames around Avro, or one JSON object a line.',
      reload: 'restart',
    }),
    mode: setting(z.enum(['live', 'replayed']).default('live'), {
      doc: 'live: the log stamps each record when it is appended. replayed: records bring their original log time.',
      reload: 'restart',
    }),
    on_damaged_batch: setting(z.enum(['report', 'stop']).default('report'), {
      doc: 'What becomes of a stretch of the log in the data directory that cannot be read (its checksum is wrong). report: one dead letter damaged_batch in its place, with the range of its offsets, counted as lost records, and the lane goes on. stop: its lane alone stands still, until somebody has mended the file.',
      reload: 'restart',
    }),
  })
  .prefault({});

export const httpSection = z
  .strictObject({
    host: setting(hostName().default('127.0.0.1'), {
      doc: 'Address on which metrics, health and status are served. Loopback unless you say otherwise.',
      reload: 'restart',
    }),
    port: setting(portNumber().default(8_686), { doc: 'Its port; 0 takes a free one.', reload: 'restart' }),
    token: setting(z.string().min(16).nullable().default(null), {
      doc: 'Bearer token of POST /-/reload. Null: a random one is written to engine.json in the data directory.',
      reload: 'live',
      secret: true,
    }),
  })
  .prefault({});

export const commitSection = z
  .strictObject({
    interval_ms: setting(z.int().min(20).max(60_000).default(limits.commitIntervalMs), {
      doc: 'Longest time between commits of a lane, ms. Shorter: fresher tables, more parts to merge.',
      reload: 'restart',
    }),
  })
  .prefault({});

export const loggingSection = z
  .strictObject({
    level: setting(z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'), {
      doc: 'Least severe log lines that are written.',
      reload: 'live',
    }),
  })
  .prefault({});

export const limitsSection = z
  .strictObject({
    undelivered_mb: setting(
      z
        .int()
        .min(8)
        .max(4_096)
        .default(limits.undeliveredBytesMax / 1_048_576),
      {
        doc: 'Committed output that may wait for a slow sink, MiB, for the whole engine. At the bound, reading pauses.',
        reload: 'restart',
      },
    ),
  })
  .prefault({});

export const plansSection = z
  .strictObject({
    organizations: setting(z.string().min(1).default('organizations.yaml'), {
      doc: 'File that lists organizations with their zones, sources and campaigns. Read by apply, never by a running engine.',
      reload: 'restart',
      path: true,
    }),
    rules: setting(z.string().min(1).default('rules'), {
      doc: 'Directory of rule files. Read by apply, never by a running engine.',
      reload: 'restart',
      path: true,
    }),
    require_tests: setting(z.boolean().default(false), {
      doc: 'Check refuses rules that no rule test names (docs/testing-rules.md).',
      reload: 'restart',
    }),
    root_key: setting(
      z
        .string()
        .regex(/^ed25519:[A-Za-z0-9_-]{43}$/)
        .nullable()
        .default(null),
      {
        doc: 'Public key that the plans of the stream begin with, as "paceline keys make" prints it: from the first key ring on, lanes take signed plans alone. Null: unsigned ones.',
        reload: 'restart',
      },
    ),
    key_file: setting(filePath(), {
      doc: 'PEM file of the private key that signs plans, mode 0600. Null: this process verifies plans and writes none.',
      reload: 'restart',
      path: true,
    }),
  })
  .prefault({});

export const shutdownSection = z
  .strictObject({
    deadline_ms: setting(z.int().min(1_000).max(600_000).default(20_000), {
      doc: 'Time after SIGTERM for the last commit and for the sinks, ms. What is left is delivered at the next start.',
      reload: 'live',
    }),
  })
  .prefault({});
