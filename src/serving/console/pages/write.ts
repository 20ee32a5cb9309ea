import { type Answer, credentials, Problem } from './api.ts';

/** Asks for something to be done, with the headers that it needs beside. Throws what the API says against it. */
export async function write<Data>(
  method: 'PUT' | 'DELETE' | 'POST',
  path: string,
  more: Record<string, string>,
  body: object | null,
): Promise<Answer<Data> | null> {
  const headers = { ...credentials(), ...more, ...(body === null ? {} : { 'Content-Type': 'application/json' }) };
  const init = { method, headers, cache: 'no-store' as const, body: body === null ? null : JSON.stringify(body) };
  const response = await fetch(path, init).catch(() => {
    throw new Problem(0, { next: 'Nothing was changed here; try again.' });
  });
  if (response.status === 204) return null;
  const told: unknown = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, told as object);
  return told as Answer<Data>;
}
