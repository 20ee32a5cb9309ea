import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { keepToken, type Problem } from './api.ts';

/** Shown when nobody is let in: the way through the login pages where there are some, and the token of the engine. */
export function SignIn({ problem }: { problem: Problem }) {
  const [hasLogin, setHasLogin] = useState(false);
  useEffect(() => {
    const find = async (): Promise<void> => {
      const response = await fetch('/auth/methods');
      const methods = response.ok ? ((await response.json()) as { passwords: boolean; oidc: unknown }) : null;
      setHasLogin(methods !== null && (methods.passwords || methods.oidc !== null));
    };
    // A server that cannot be reached has no login either; the token still can be given.
    find().catch(() => setHasLogin(false));
  }, []);
  const enter = (event: SubmitEvent): void => {
    event.preventDefault();
    keepToken(String(new FormData(event.target as HTMLFormElement).get('token') ?? '').trim());
    location.reload();
  };
  const back = encodeURIComponent(`${location.pathname}${location.search}`);
  return html`<section class="sign-in">
    <h1 tabindex="-1">Who are you?</h1>
    <p role="alert">${problem.message} <code>${problem.code}</code></p>
    ${hasLogin ? html`<p><a class="button" href=${`/auth?return=${back}`}>Sign in</a></p>` : null}
    <form onSubmit=${enter}>
      <label for="token">Token of this engine</label>
      <input id="token" name="token" type="password" autocomplete="off" required />
      <button class="button" type="submit">Open the console</button>
    </form>
    <p class="dim">It stands in <code>engine.json</code> of the data directory, under <code>tokens.http</code>. The link that the terminal prints has it already.</p>
  </section>`;
}
