import kafkajs, { type AuthenticationProviderArgs, type Mechanism } from 'kafkajs';

/** Its types forget the message. */
const Refusal = kafkajs.KafkaJSSASLAuthenticationError as unknown as new (message: string) => Error;

/** SASL bytes travel behind their length. */
const lengthBytes = 4;
/** RFC 7628, 3.2.3: a client that was refused says this, and is told the failure. */
const acknowledgement = '\u0001';

/**
 * OAUTHBEARER (RFC 7628). kafkajs has one, which never looks at the answer: a broker that refuses the
 * token answers without an error code, so the refusal passed for a login, and what came after it for
 * a broker that is away. The token is asked for again for each connection.
 */
export function bearerToken(token: () => Promise<string>): Mechanism {
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: (broker) => ({
      authenticate: async () => {
        const answer = await say(broker, `n,,\u0001auth=Bearer ${await token()}\u0001\u0001`);
        if (answer === '') return;
        // The broker hangs up after it, and says no more than it has said.
        await say(broker, acknowledgement).catch(() => undefined);
        throw new Refusal(
          `${broker.host}:${broker.port} refuses the token (${reasonOf(answer)}): is what kafka.sasl.token_file holds still valid?`,
        );
      },
    }),
  };
}

async function say({ saslAuthenticate }: AuthenticationProviderArgs, message: string): Promise<string> {
  const answer = await saslAuthenticate({
    request: { encode: () => withLength(Buffer.from(message)) },
    // Asked for with `await` by kafkajs, whatever they return.
    response: { decode: (bytes) => bytes.subarray(lengthBytes), parse: (bytes) => bytes.toString('utf8') },
  });
  return answer ?? '';
}

function withLength(bytes: Buffer): Buffer {
  const framed = Buffer.alloc(lengthBytes + bytes.length);
  framed.writeInt32BE(bytes.length);
  bytes.copy(framed, lengthBytes);
  return framed;
}

/** `{"status":"invalid_token",…}`; shown as it came when it is something else. */
function reasonOf(answer: string): string {
  try {
    const { status } = JSON.parse(answer) as { status?: unknown };
    if (typeof status === 'string') return status;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return answer.slice(0, 200);
}
