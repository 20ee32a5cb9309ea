import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

export const clientId = 'paceline';
export const clientSecret = 'a-secret-of-the-client-in-tests';

export interface OpenIdServer extends AsyncDisposable {
  readonly issuer: string;
  /** Who is logged in there: the next visitor. */
  account: string;
}

/** A real OpenID provider in this process, at which whoever `account` names says yes to everything. */
export async function startOpenIdServer(redirectUrl: string): Promise<OpenIdServer> {
  let listener: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUrl] }],
    pkce: { required: () => true },
    claims: { openid: ['sub'], profile: ['name'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['of a test'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id, name: `Person ${id}` }) }),
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
  });
  const handle = provider.callback();
  const openid = {
    issuer,
    account: 'one',
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const agree = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login')
      return await provider.interactionFinished(request, response, { login: { accountId: openid.account } });
    const grant = new provider.Grant({ accountId: session!.accountId, clientId: params.client_id });
    grant.addOIDCScope('openid profile');
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  };
  listener = (request, response) => {
    if (!request.url?.startsWith('/interaction/')) handle(request, response);
    else agree(request, response).catch((error: unknown) => response.destroy(error as Error));
  };
  return openid;
}

/** Walks from `url` as a browser with cookies of its own does, until it is sent to `home`; the address there. */
export async function walk(url: string, home: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let at = new URL(url);
  for (let step = 0; step < 20; step++) {
    if (at.href.startsWith(home)) return at;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(at, { redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      cookies.set(name, value);
    }
    const next = response.headers.get('location');
    if (next === null) throw new Error(`${response.status} at ${at.pathname}: ${await response.text()}`);
    at = new URL(next, at);
  }
  throw new Error('the way never came home');
}
