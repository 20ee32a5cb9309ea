/** The two pages where people come in. Served as it stands here; no build. */

const byId = (id) => document.getElementById(id);
const tell = (message) => {
  byId('trouble').textContent = message;
};

/** Answers the JSON, or throws with the words that the server has for people. */
async function call(method, path, body) {
  const response = await fetch(`/auth${path}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = response.headers.get('content-type')?.includes('json') ? await response.json() : {};
  if (!response.ok) throw new Error(answer.detail ?? `the server answered ${response.status}`);
  return answer;
}

/** Runs `work`, with the form locked meanwhile; trouble is told below it. */
async function whileLocked(form, work) {
  const button = form.querySelector('button');
  button.disabled = true;
  tell('');
  try {
    await work(Object.fromEntries(new FormData(form)));
  } catch (error) {
    tell(error.message);
  } finally {
    button.disabled = false;
  }
}

async function openLogin(methods) {
  const form = byId('login');
  const wanted = new URLSearchParams(location.search).get('return') ?? '/';
  // Where the server would not send anybody, neither do we.
  const home = /^\/(?![/\\])/.test(wanted) ? wanted : '/';
  form.hidden = !methods.passwords;
  if (methods.oidc !== null) {
    const link = byId('oidc');
    link.textContent = `Log in with ${methods.oidc.name}`;
    link.href = `/auth/oidc/start?return=${encodeURIComponent(home)}`;
    link.hidden = false;
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    whileLocked(form, async ({ email, password }) => {
      await call('POST', '/login', { email, password });
      location.assign(home);
    });
  });
}

async function openInvitation(methods) {
  // Behind the #, so that no server and no log ever sees it in an address.
  const token = location.hash.slice(1);
  const invitation = await call('POST', '/invitations/show', { token });
  const form = byId('invitation');
  byId('invited').textContent = `You are invited to ${invitation.organization} as ${invitation.role}.`;
  form.elements.email.value = invitation.email;
  if (invitation.has_account) {
    byId('invited').textContent += ' Your password shows that it is you.';
    form.elements.name.value = invitation.email;
    form.elements.name.closest('label').hidden = true;
    form.elements.password.autocomplete = 'current-password';
    form.elements.password.removeAttribute('minlength');
  }
  form.hidden = !methods.passwords;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    whileLocked(form, async ({ name, password }) => {
      await call('POST', '/invitations/accept', { token, name, password });
      location.assign('/');
    });
  });
  if (methods.oidc === null || invitation.has_account) return;
  const button = byId('oidc-join');
  button.textContent = `Join with ${methods.oidc.name}`;
  button.hidden = false;
  button.addEventListener('click', async () => {
    try {
      location.assign((await call('POST', '/oidc/start', { invitation: token })).url);
    } catch (error) {
      tell(error.message);
    }
  });
}

try {
  const methods = await call('GET', '/methods');
  await (byId('login') === null ? openInvitation(methods) : openLogin(methods));
} catch (error) {
  tell(error.message);
}
