import json
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

registry = SchemaRegistryClient({"url": "http://localhost:8081"})
read_avro = AvroDeserializer(registry, conf={"subject.name.strategy": record_subject_name_strategy})
consumer = Consumer({"bootstrap.servers": "localhost:9092", "group.id": "alert-reader", "auto.offset.reset": "earliest"})
consumer.subscribe(["ads.alerts.v1", "ads.dead-letters.v1"])
while (message := consumer.poll(20)) is not None:
    if message.error():
        raise SystemExit(str(message.error()))
    value, place = message.value(), SerializationContext(message.topic(), MessageField.VALUE)
    record = read_avro(value, place) if value[0] == 0 else json.loads(value)
    print(message.topic(), message.key().decode(), json.dumps(record, default=str), flush=True)
consumer.close()
