"""Sends events with confluent-kafka (librdkafka) and its Avro serializer, in every way that it has:
all kinds, each codec in large batches, and a transaction that is aborted before one that is committed.
"""
import json
import sys
import uuid

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

brokers, registry_url, topic, events_path = sys.argv[1:]
registry = SchemaRegistryClient({"url": registry_url})
settings = {"auto.register.schemas": False, "subject.name.strategy": record_subject_name_strategy}
context = SerializationContext(topic, MessageField.VALUE)
serializers = {}
refused = []


def serialize(kind, fields):
    if kind not in serializers:
        name = "".join(word.capitalize() for word in kind.split("_"))
        schema = registry.get_latest_version(f"com.paceline.events.v1.{name}").schema
        serializers[kind] = AvroSerializer(registry, schema, conf=settings)
    return serializers[kind]({**fields, "event_id": bytes.fromhex(fields["event_id"])}, context)


def delivered(error, _message):
    if error is not None:
        refused.append(str(error))


def open_producer(**more):
    return Producer({
        "bootstrap.servers": brokers,
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "linger.ms": 200,
        "batch.num.messages": 5_000,
        **more,
    })


def send(producer, kind, fields):
    producer.produce(topic, key=fields["org_id"].encode(), value=serialize(kind, fields), on_delivery=delivered)
    producer.poll(0)


def send_impressions(producer, impression, count):
    for _ in range(count):
        send(producer, "impression", {**impression, "event_id": uuid.uuid4().hex})


with open(events_path, encoding="utf-8") as file:
    job = json.load(file)
for codec in job["codecs"]:
    producer = open_producer(**{"compression.type": codec})
    send_impressions(producer, job["impression"], job["each"])
    assert producer.flush(60) == 0, f"{codec} was not delivered"
producer = open_producer()
for event in job["events"]:
    send(producer, event["kind"], event["fields"])
assert producer.flush(60) == 0, "an event was not delivered"
transactional = open_producer(**{"transactional.id": topic})
transactional.init_transactions(60)
for end in [transactional.abort_transaction, transactional.commit_transaction]:
    transactional.begin_transaction()
    send_impressions(transactional, job["impression"], job["each"])
    assert transactional.flush(60) == 0, "a transaction was not delivered"
    end(60)
assert refused == [], refused
