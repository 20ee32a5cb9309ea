/** An unsigned token (RFC 7519, `alg: none`) that ends in so many seconds; the local stack takes any that is valid. */
export function bearer(subject: string, endsInSeconds: number): string {
  const nowSeconds = Date.now() / 1_000;
  const claims = { sub: subject, iat: nowSeconds - 3_600, exp: nowSeconds + endsInSeconds };
  return `${[{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
}
