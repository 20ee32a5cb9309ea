import { credentials } from './credentials.ts';
import { certificatePath } from './kafka.ts';
import type { StackPlace } from './part.ts';
import { postgresCertificatePath } from './postgres.ts';
import { registryPath } from './registry.ts';
import { s3Region } from './s3.ts';

/** Addresses and credentials of every part, whether it runs or not. */
export function listAddresses({ dir, ports }: StackPlace) {
  const at = (port: number) => `127.0.0.1:${port}`;
  const { user, password, database } = credentials.postgres;
  return {
    kafka: {
      plaintext: at(ports.kafka),
      sasl: at(ports['kafka-sasl']),
      tls: at(ports['kafka-tls']),
      /** The certificate to trust, a file. */
      certificate: certificatePath(dir),
      scram: credentials.kafkaScram,
      plain: credentials.kafkaPlain,
    },
    registry: { url: `http://${at(ports.registry)}${registryPath}` },
    redisState: {
      host: '127.0.0.1',
      port: ports['redis-state'],
      url: `redis://${at(ports['redis-state'])}`,
      ...credentials.redis,
    },
    redisCache: {
      host: '127.0.0.1',
      port: ports['redis-cache'],
      url: `redis://${at(ports['redis-cache'])}`,
      ...credentials.redis,
    },
    postgres: {
      host: '127.0.0.1',
      port: ports.postgres,
      ...credentials.postgres,
      url: `postgresql://${user}:${password}@${at(ports.postgres)}/${database}`,
      /** The certificate to trust, a file; TLS is there for whoever asks for it. */
      certificate: postgresCertificatePath(dir),
    },
    alertmanager: { url: `http://${at(ports.alertmanager)}` },
    s3: { endpoint: `http://${at(ports.s3)}`, region: s3Region, ...credentials.s3 },
    icebergRest: { url: `http://${at(ports['iceberg-rest'])}` },
    prometheus: { url: `http://${at(ports.prometheus)}` },
  };
}

export type StackAddresses = ReturnType<typeof listAddresses>;
