const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Whether a call may name this host. A page of anybody can make a browser call a name that it lets point at this
 * machine; so where we listen on loopback alone, only the names of loopback are ours.
 */
export function isAllowedHost(
  given: string | undefined,
  { host, hosts }: { readonly host: string; readonly hosts: readonly string[] },
): boolean {
  const name = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i.exec(given ?? '')?.[1]?.toLowerCase();
  if (name === undefined) return false;
  const isLoopback = host === '127.0.0.1' || host === '::1' || host === 'localhost';
  if (hosts.length === 0 && !isLoopback) return true;
  return hosts.includes(name) || (isLoopback && loopbackNames.includes(name));
}
