/** How Node names what OpenSSL finds: an unknown authority, another host's certificate, an end that speaks no TLS. */
const tlsCodes = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH$|ERR_TLS_|ERR_SSL_|EPROTO$)/;
/** Long enough for every wrapping that libraries do. */
const causesMax = 8;

/**
 * True when TLS did not come about: the other end is not whom we trust, or speaks none. A person must
 * mend it, on either side.
 */
export function isTlsRefusal(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < causesMax; at = at.cause, depth += 1)
    if (tlsCodes.test(String((at as NodeJS.ErrnoException).code))) return true;
  return false;
}
