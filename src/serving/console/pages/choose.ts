import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import type { Shown } from './api.ts';
import { Answered, Heading, Nothing } from './parts.ts';
import { go, hrefOf } from './route.ts';

interface Organization {
  readonly organization: string;
}

/** Where an address names no organization: all of them for the operator, one's own for everybody else. */
export function Choose({ organizations }: { organizations: Shown<Organization[]> }) {
  const [own, setOwn] = useState<Shown<Organization[]> | null>(null);
  const isMember = organizations.problem?.status === 403;
  useEffect(() => {
    // The refusal stays in sight where a session cannot tell either.
    if (isMember) ownOrganizations().then(setOwn, () => setOwn(null));
  }, [isMember]);
  const shown = own ?? organizations;
  const only = shown.answer?.data.length === 1 ? shown.answer.data[0].organization : null;
  useEffect(() => {
    if (only !== null) go(hrefOf(only, 'board'), true);
  }, [only]);
  return html`<${Heading} title="Organizations" />
    <${Answered} shown=${shown}>${(data: Organization[]) =>
      data.length === 0
        ? html`<${Nothing} title="No organization has any data yet">Send events, or watch <code>npm run demo</code>.<//>`
        : html`<ul class="choices">${data.map(
            ({ organization }) => html`<li><a href=${hrefOf(organization, 'board')}>${organization}</a></li>`,
          )}</ul>`}<//>`;
}

async function ownOrganizations(): Promise<Shown<Organization[]>> {
  const response = await fetch('/auth/session');
  if (!response.ok) throw new Error(`the session answers ${response.status}`);
  const { organizations } = (await response.json()) as { organizations: { id: string }[] };
  const rest = { next_cursor: null, data_version: null, complete_through: null, as_of: null };
  return { answer: { data: organizations.map(({ id }) => ({ organization: id })), ...rest }, problem: null };
}
