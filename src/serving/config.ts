import * as z from 'zod';
import { filePath, hostName, portNumber, secretText, setting } from '../model/setting.ts';
import { accessSection, allowancesSection, answersSection } from './access/config.ts';
import { graphqlSection } from './graphql/config.ts';

/** The API of `paceline serve`, and of `run` where it is switched on. */
export const servingSection = z
  .strictObject({
    enabled: setting(z.boolean().nullable().default(null), {
      doc: 'Whether "run" serves the API too. Null: where the tables are embedded. "paceline serve" always does.',
      reload: 'restart',
    }),
    host: setting(hostName().default('127.0.0.1'), {
      doc: 'Address of the API. Loopback unless you say otherwise; any other needs TLS, its own (serving.tls) or that of what stands in front.',
      reload: 'restart',
    }),
    port: setting(portNumber().nullable().default(null), {
      doc: 'Its port; 0 takes a free one. Null: the first after http.port that clickhouse.port does not take, or a free one where http.port is 0.',
      reload: 'restart',
    }),
    hosts: setting(
      z
        .array(z.string().regex(/^[a-z0-9.-]{1,253}$/))
        .max(64)
        .default([]),
      {
        doc: 'Host names under which it may be called, lower case, without a port. Empty: those of loopback there, any elsewhere.',
        reload: 'restart',
      },
    ),
    tls: z
      .strictObject({
        cert_file: setting(filePath(), {
          doc: 'PEM file of the certificate with its chain. With it the port speaks TLS alone, HTTP/2 and HTTP/1.1; a new one is taken within a minute.',
          reload: 'restart',
          path: true,
        }),
        key_file: setting(filePath(), { doc: 'PEM file of its key.', reload: 'restart', path: true }),
      })
      .prefault({}),
    connections_max: setting(z.int().min(8).max(65_536).default(512), {
      doc: 'Connections at a time; further ones are closed.',
      reload: 'restart',
    }),
    queries_max: setting(z.int().min(1).max(256).default(4), {
      doc: 'Queries that run in ClickHouse at a time. The embedded one runs three, those of other readers among them.',
      reload: 'restart',
    }),
    waiting_max: setting(z.int().min(0).max(10_000).default(64), {
      doc: 'Queries that may wait for their turn; further ones are refused.',
      reload: 'restart',
    }),
    query_timeout_ms: setting(z.int().min(100).max(60_000).default(10_000), {
      doc: 'Longest time of a query, waiting included, ms.',
      reload: 'restart',
    }),
    freshness_ms: setting(z.int().min(10).max(60_000).default(500), {
      doc: 'How long answers may be behind the tables, ms: so often it is asked whether anything came.',
      reload: 'restart',
    }),
    cursor_key: setting(secretText(), {
      doc: 'What cursors are sealed with, the same for all processes that serve one installation. Null: a random one, and a list that was begun ends with the process.',
      reload: 'restart',
      secret: true,
    }),
    access_log: setting(z.boolean().default(true), {
      doc: 'Whether each call is a line of the log.',
      reload: 'restart',
    }),
    graphql: graphqlSection,
    access: accessSection,
    limits: allowancesSection,
    cache: answersSection,
  })
  .prefault({});
