import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import '../../src/sources/kafka/calm-kafkajs.ts';
import { makeCertificate } from './certificate.ts';
import { credentials } from './credentials.ts';
import type { Part, StackPlace } from './part.ts';
import { dataDir, kafkaLibsDir } from './places.ts';

const scramLogin = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
/** Takes unsigned tokens: what a real identity provider signs, the same client code carries. */
const tokenLogin = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;';

/** The certificate that a client must trust to use the TLS listener. */
export const certificatePath = (dir: string) => join(dataDir(dir, 'kafka'), 'ca.pem');

/** One node that is broker and controller, with a plain, a SASL and a SASL-over-TLS door. */
function printServerProperties({ dir, ports }: StackPlace): string {
  const data = dataDir(dir, 'kafka');
  const { user, password } = credentials.kafkaPlain;
  const doors = [
    `PLAINTEXT://127.0.0.1:${ports.kafka}`,
    `SASLPLAIN://127.0.0.1:${ports['kafka-sasl']}`,
    `SASLTLS://127.0.0.1:${ports['kafka-tls']}`,
  ].join(',');
  const controller = `127.0.0.1:${ports['kafka-controller']}`;
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'log.dirs': join(data, 'log'),
    'controller.quorum.voters': `1@${controller}`,
    listeners: `${doors},CONTROLLER://${controller}`,
    'advertised.listeners': doors,
    'listener.security.protocol.map':
      'PLAINTEXT:PLAINTEXT,SASLPLAIN:SASL_PLAINTEXT,SASLTLS:SASL_SSL,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER',
    'listener.name.saslplain.sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.saslplain.scram-sha-256.sasl.jaas.config': scramLogin,
    'listener.name.saslplain.scram-sha-512.sasl.jaas.config': scramLogin,
    'listener.name.sasltls.sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN,OAUTHBEARER',
    'listener.name.sasltls.oauthbearer.sasl.jaas.config': tokenLogin,
    'listener.name.sasltls.scram-sha-512.sasl.jaas.config': scramLogin,
    'listener.name.sasltls.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${user}="${password}";`,
    'listener.name.sasltls.ssl.keystore.type': 'PEM',
    'listener.name.sasltls.ssl.keystore.location': join(data, 'server.pem'),
    'listener.name.sasltls.ssl.client.auth': 'none',
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'auto.create.topics.enable': false,
    'log.cleaner.dedupe.buffer.size': 2_097_152,
    // A replayed topic carries log times of long ago, which a limit by age would delete at once.
    'log.retention.ms': -1,
  };
  return `${Object.entries(properties)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}

function formatStorage({ dir }: StackPlace): void {
  const { user, password } = credentials.kafkaScram;
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${user},password=${password}]`,
  ]);
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const config = join(dataDir(dir, 'kafka'), 'server.properties');
  execFileSync(
    'java',
    [...javaOptions, '-cp', `${kafkaLibsDir(dir)}/*`, 'kafka.tools.StorageTool', 'format'].concat(
      ['-t', clusterId, '-c', config],
      scram,
    ),
    { stdio: 'pipe' },
  );
}

const javaOptions = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

export const kafka: Part = {
  name: 'kafka',
  ports: ['kafka', 'kafka-controller', 'kafka-sasl', 'kafka-tls'],
  stopSignal: 'SIGTERM',
  async prepare(place) {
    const data = dataDir(place.dir, 'kafka');
    mkdirSync(data, { recursive: true });
    if (!existsSync(join(data, 'server.pem'))) makeCertificate(join(data, 'server.pem'), certificatePath(place.dir));
    writeFileSync(join(data, 'server.properties'), printServerProperties(place), { mode: 0o600 });
    writeFileSync(join(data, 'log4j2.properties'), loggingProperties);
    if (!existsSync(join(data, 'log', 'meta.properties'))) formatStorage(place);
  },
  command: ({ dir }) => ({
    file: 'java',
    args: [
      ...javaOptions,
      `-Dlog4j2.configurationFile=${join(dataDir(dir, 'kafka'), 'log4j2.properties')}`,
      '-cp',
      `${kafkaLibsDir(dir)}/*`,
      'kafka.Kafka',
      join(dataDir(dir, 'kafka'), 'server.properties'),
    ],
  }),
  async probe({ ports }) {
    const client = new kafkajs.Kafka({
      clientId: 'stack-probe',
      brokers: [`127.0.0.1:${ports.kafka}`],
      logLevel: kafkajs.logLevel.NOTHING,
      connectionTimeout: 2_000,
      retry: { retries: 0 },
    });
    const admin = client.admin();
    try {
      await admin.connect();
      await admin.listTopics();
    } finally {
      await admin.disconnect();
    }
  },
};

const loggingProperties = `status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
`;
