import type { Config } from '../settings.ts';
import { directoryPlace } from './directory-place.ts';
import type { LogPlace } from './engine-log.ts';
import { kafkaPlace } from './kafka-place.ts';

/** Kafka where the configuration names brokers, else the data directory: decided here and nowhere else. */
export function logPlaceOf(config: Config): LogPlace {
  return config.kafka.brokers.length > 0 ? kafkaPlace(config) : directoryPlace(config);
}
