/** What an error of the system tells beside its code. */
interface SystemError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly path?: string;
}

type Words = string | ((error: SystemError) => string);

const distrust = 'nobody whom we trust vouches for the certificate of the other end';
const noWay = (error: SystemError) => `there is no way to ${placeOf(error)}`;
const silence = (error: SystemError) => `${placeOf(error)} does not answer in time`;

/** What a code of the system, of TLS or of fetch means, to people who run services rather than write them. */
const meaning: Readonly<Record<string, Words>> = {
  ECONNREFUSED: (error) => `nobody listens at ${placeOf(error)}`,
  ECONNRESET: 'the other end cut the connection',
  ECONNABORTED: 'the connection was cut',
  EPIPE: 'the other end has gone',
  ETIMEDOUT: silence,
  UND_ERR_CONNECT_TIMEOUT: silence,
  UND_ERR_HEADERS_TIMEOUT: silence,
  UND_ERR_BODY_TIMEOUT: silence,
  UND_ERR_SOCKET: 'the other end cut the connection',
  EHOSTUNREACH: noWay,
  ENETUNREACH: noWay,
  EHOSTDOWN: noWay,
  ENOTFOUND: (error) => `no host is called ${error.hostname ?? placeOf(error)}`,
  EAI_AGAIN: (error) => `the name server does not answer for ${error.hostname ?? placeOf(error)}`,
  EADDRINUSE: (error) => `${placeOf(error)} is taken by another process`,
  EADDRNOTAVAIL: (error) => `this machine has no address ${error.address ?? placeOf(error)}`,
  EMFILE: 'this process has no file left to open; raise "ulimit -n"',
  ENFILE: 'this machine has no file left to open',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EROFS: 'the disk is read-only',
  EIO: 'the disk fails',
  EACCES: (error) => `we may not use ${placeOf(error)}`,
  EPERM: (error) => `we may not use ${placeOf(error)}`,
  ENOENT: (error) => `there is no ${placeOf(error)}`,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the other end signed its certificate itself',
  SELF_SIGNED_CERT_IN_CHAIN: distrust,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: distrust,
  UNABLE_TO_GET_ISSUER_CERT: distrust,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: distrust,
  CERT_HAS_EXPIRED: 'the certificate of the other end has expired',
  CERT_NOT_YET_VALID: 'the certificate of the other end is not valid yet, or this clock is slow',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of the other end is for another host',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the other end speaks no TLS',
  EPROTO: 'the other end speaks no TLS that we understand',
};

/**
 * What an error says, in our words first where it has a code of the system, with its own in brackets; the
 * words of all attempts where several addresses were tried.
 */
export function troubleText(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return [...new Set(error.errors.map((each) => troubleText(each)))].join('; ');
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  const words = meaning[String((error as SystemError).code)];
  if (words === undefined) return own;
  return `${typeof words === 'string' ? words : words(error as SystemError)} (${own})`;
}

function placeOf({ address, port, hostname, path }: SystemError): string {
  if (path !== undefined) return path;
  if (address === undefined) return hostname ?? 'the other end';
  const host = address.includes(':') ? `[${address}]` : address;
  return port === undefined ? host : `${host}:${port}`;
}
