import type { ConnectionOptions as TlsOptions } from 'node:tls';
// Node finds no names in this CommonJS module, so it is taken whole.
import kafkajs, { type Kafka, type Mechanism, type SASLOptions } from 'kafkajs';
import { bearerToken } from './bearer-token.ts';
import { Cluster, createKafkaLogger, createSocketFactory, type WireCluster } from './kafkajs-internals.ts';

export interface KafkaConnectionOptions {
  /** Brokers to begin with, host:port. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** PEM texts; null = no TLS. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null;
  readonly sasl:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | { readonly mechanism: 'oauthbearer'; readonly token: () => Promise<string> }
    | null;
  /** What the client library has to say. Never holds a secret. */
  readonly onLog?: (line: KafkaLogLine) => void;
}

interface KafkaLogLine {
  /** What kafkajs calls an error is thrown at us as well, and we say what it means: its own words are a warning. */
  readonly level: 'warn' | 'info';
  readonly message: string;
  readonly broker: string | null;
}

/** We retry ourselves, lane by lane, so kafkajs gives up soon. */
const retry = { retries: 2, initialRetryTime: 100, maxRetryTime: 500 } as const;
const connectionTimeoutMs = 3_000;
const requestTimeoutMs = 30_000;
const metadataMaxAgeMs = 30_000;

/** Everything that talks to one Kafka: all connections of a process are made here, alike. */
export class KafkaConnection {
  readonly options: KafkaConnectionOptions;
  readonly #clusters = new Set<WireCluster>();
  #kafka: Kafka | null = null;

  constructor(options: KafkaConnectionOptions) {
    this.options = options;
  }

  get names(): string {
    return this.options.brokers.join(', ');
  }

  /** kafkajs' own front, for producers and administration. */
  get client(): Kafka {
    this.#kafka ??= new kafkajs.Kafka({
      ...this.#settings(),
      brokers: [...this.options.brokers],
      retry: { ...retry },
      logLevel: logLevel.info,
      logCreator: () => this.#log,
    });
    return this.#kafka;
  }

  /** Connections of their own; a request that waits at the broker holds up all that come behind it. */
  openCluster(): WireCluster {
    const cluster = new Cluster({
      ...this.#settings(),
      brokers: [...this.options.brokers],
      logger: createKafkaLogger({ level: logLevel.info, logCreator: () => this.#log }),
      socketFactory: createSocketFactory(),
      retry,
      metadataMaxAge: metadataMaxAgeMs,
      allowAutoTopicCreation: false,
    });
    this.#clusters.add(cluster);
    return cluster;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#clusters].map((cluster) => cluster.disconnect()));
    this.#clusters.clear();
  }

  #settings() {
    const { clientId, tls } = this.options;
    const sasl = this.#sasl();
    return {
      clientId,
      connectionTimeout: connectionTimeoutMs,
      authenticationTimeout: connectionTimeoutMs,
      requestTimeout: requestTimeoutMs,
      enforceRequestTimeout: true,
      ...(tls === null ? {} : { ssl: { ...tls } satisfies TlsOptions }),
      ...(sasl === null ? {} : { sasl }),
    };
  }

  #sasl(): SASLOptions | Mechanism | null {
    const { sasl } = this.options;
    if (sasl === null) return null;
    return sasl.mechanism === 'oauthbearer' ? bearerToken(sasl.token) : ({ ...sasl } as SASLOptions);
  }

  readonly #log = (entry: { level: number; log: { message: string; broker?: string } }): void => {
    if (entry.log.message.startsWith(fewRetries)) return;
    const level = entry.level <= logLevel.warn ? 'warn' : 'info';
    this.options.onLog?.({ level, message: entry.log.message, broker: entry.log.broker ?? null });
  };
}

const logLevel = { warn: 2, info: 4 } as const;
/** Said of each idempotent producer, as it retries soon enough; what it gives up, whoever appends tells by its content. */
const fewRetries = 'Limiting retries for the idempotent producer';
