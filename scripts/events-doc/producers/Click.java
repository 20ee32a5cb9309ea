var settings = new Properties();
settings.put("bootstrap.servers", "localhost:9092");
settings.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
settings.put("value.serializer", "io.confluent.kafka.serializers.KafkaAvroSerializer");
settings.put("schema.registry.url", "http://localhost:8081");
settings.put("value.subject.name.strategy", "io.confluent.kafka.serializers.subject.RecordNameStrategy");
settings.put("auto.register.schemas", false);
var schema = new Schema.Parser().parse(new File("schemas/avro/click.avsc"));
var eventId = new GenericData.Fixed(schema.getField("event_id").schema(), ByteBuffer.allocate(16).putLong(high).putLong(low).array());
var click = new GenericRecordBuilder(schema).set("event_id", eventId).set("org_id", "acme").set("campaign_id", "spring-sale")
    .set("event_time", System.currentTimeMillis()).set("source", "adserver").set("currency", "EUR").set("cost_micros", 350_000L).build();
try (var producer = new KafkaProducer<String, Object>(settings)) {
  producer.send(new ProducerRecord<>("ads.events.v1", "acme", click)).get();
}
