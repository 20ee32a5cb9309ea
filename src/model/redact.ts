/** What an address may hold before its host, up to the last @: a password may hold one, too. */
const credentials = /\b([a-z][a-z0-9+.-]*:\/{1,2})[^\s/?#"'`<>]*@/gi;
/** Parameters of addresses that open doors. */
const parameters =
  /([?&;](?:[a-z0-9_.-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|signature|credential)[a-z0-9_.-]*|pwd|key|sig)=)[^&\s#"'`<>]+/gi;
/** A private key in PEM, whole or cut. */
const privateKeys = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/**
 * The text without what opens doors: user and password of addresses, secret parameters, private keys.
 * Everything that a person may see of us passes here: errors, findings, log lines, answers of the open
 * port. So no place that names a server has to think of it.
 */
export function redact(text: string): string {
  return text.replace(credentials, '$1***@').replace(parameters, '$1***').replace(privateKeys, '*** private key ***');
}
