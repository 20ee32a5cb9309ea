import { randomBytes } from 'node:crypto';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { Kafka, Partitioners } from 'kafkajs';

const registry = new SchemaRegistry({ host: 'http://localhost:8081' });
const id = await registry.getLatestSchemaId('com.paceline.events.v1.Click');
const kafka = new Kafka({ brokers: ['localhost:9092'] });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
await producer.connect();
const click = {
  event_id: randomBytes(16),
  org_id: 'acme',
  campaign_id: 'spring-sale',
  event_time: Date.now(),
  source: 'adserver',
  currency: 'EUR',
  cost_micros: 350_000,
};
await producer.send({ topic: 'ads.events.v1', messages: [{ key: 'acme', value: await registry.encode(id, click) }] });
await producer.disconnect();
