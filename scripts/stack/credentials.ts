/**
 * Names and passwords of the local stack. They are no secrets: the stack holds scratch data and listens on
 * loopback alone. They exist so that tests can prove authentication, the refusal of a wrong password included.
 */
export const credentials = {
  redis: { user: 'paceline', password: 'paceline-local' },
  postgres: { user: 'paceline', password: 'paceline-local', database: 'paceline' },
  /** SCRAM-SHA-256 and -512 on the SASL listener; SCRAM-SHA-512, PLAIN and OAUTHBEARER (any unsigned, valid token) with TLS. */
  kafkaScram: { user: 'paceline', password: 'paceline-local' },
  s3: { accessKeyId: 'paceline', secretAccessKey: 'paceline-local' },
  kafkaPlain: { user: 'paceline-plain', password: 'paceline-local' },
} as const;
