import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** What a Java application sends that has set its batches large: arguments are broker, topic, codec, records and their size. */
public class LargeBatches {
  public static void main(String[] arguments) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", arguments[0]);
    settings.put("compression.type", arguments[2]);
    settings.put("batch.size", 96 * 1024 * 1024);
    settings.put("buffer.memory", 512L * 1024 * 1024);
    settings.put("max.request.size", 128 * 1024 * 1024);
    settings.put("linger.ms", 60_000);
    settings.put("delivery.timeout.ms", 180_000);
    int size = Integer.parseInt(arguments[4]);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < Integer.parseInt(arguments[3]); i++) {
        byte[] value = new byte[size];
        byte[] number = Integer.toString(i).getBytes();
        java.util.Arrays.fill(value, (byte) 'x');
        System.arraycopy(number, 0, value, 0, number.length);
        producer.send(new ProducerRecord<>(arguments[1], null, value));
      }
      producer.flush();
    }
  }
}
