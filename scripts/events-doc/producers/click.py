import time, uuid
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

registry = SchemaRegistryClient({"url": "http://localhost:8081"})
schema = registry.get_latest_version("com.paceline.events.v1.Click").schema
settings = {"auto.register.schemas": False, "subject.name.strategy": record_subject_name_strategy}
serialize = AvroSerializer(registry, schema, conf=settings)
producer = Producer({"bootstrap.servers": "localhost:9092", "partitioner": "murmur2_random", "enable.idempotence": True})
click = {"event_id": uuid.uuid4().bytes, "org_id": "acme", "campaign_id": "spring-sale", "event_time": int(time.time() * 1000),
         "source": "adserver", "currency": "EUR", "cost_micros": 350_000}
producer.produce("ads.events.v1", key=b"acme", value=serialize(click, SerializationContext("ads.events.v1", MessageField.VALUE)))
producer.flush()
