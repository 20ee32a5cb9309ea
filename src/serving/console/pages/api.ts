import { useEffect, useState } from 'preact/hooks';

/** What every answer of the API says, beside its data. */
export interface Answer<Data> {
  readonly data: Data;
  readonly next_cursor: string | null;
  readonly data_version: string | null;
  readonly complete_through: string | null;
  readonly as_of: string | null;
}

/** A refusal in the API's own words. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly next: string | null;
  readonly requestId: string | null;
  constructor(status: number, told: { code?: string; detail?: string; next?: string; request_id?: string }) {
    super(told.detail ?? 'The server does not answer.');
    this.status = status;
    this.code = told.code ?? 'NO_ANSWER';
    this.next = told.next ?? null;
    this.requestId = told.request_id ?? null;
  }
}

const tokenName = 'paceline.token';
/** On this machine the token lies in a file of the same person anyway; elsewhere it goes with the tab. */
const store = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(location.hostname) ? localStorage : sessionStorage;

/** Takes the token out of `#token=…`: what stands behind the hash was never sent to anybody. */
export function takeTokenFromAddress(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  keepToken(token);
  history.replaceState(null, '', `${location.pathname}${location.search}`);
}

export function keepToken(token: string): void {
  if (token === '') store.removeItem(tokenName);
  else store.setItem(tokenName, token);
}

export function hasToken(): boolean {
  return store.getItem(tokenName) !== null;
}

type Members = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The path of a call. */
export function pathOf(parts: readonly string[], members: Members = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(members))
    for (const each of value === undefined ? [] : [value].flat()) if (each !== '') query.append(name, each);
  const text = query.toString();
  return `/api/v1/${parts.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

interface Asked<Data> {
  /** Null where `tag` is still right. */
  readonly answer: Answer<Data> | null;
  readonly tag: string;
}

/** Whom the calls of this page are by. */
export function credentials(): Record<string, string> {
  const token = store.getItem(tokenName);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

async function askOnce<Data>(path: string, tag: string, signal: AbortSignal): Promise<Asked<Data>> {
  const headers = {
    Accept: 'application/json',
    ...credentials(),
    ...(tag === '' ? {} : { 'If-None-Match': tag }),
  };
  const response = await fetch(path, { headers, signal, cache: 'no-store' }).catch((cause: unknown) => {
    if (signal.aborted) throw cause;
    throw new Problem(0, { next: 'Is the engine running? We keep trying.' });
  });
  if (response.status === 304) return { answer: null, tag };
  const body: unknown = await response.json().catch(() => ({}));
  // An answer that nobody waits for any more may have ended in its middle.
  signal.throwIfAborted();
  if (!response.ok) throw new Problem(response.status, body as object);
  return { answer: body as Answer<Data>, tag: response.headers.get('etag') ?? '' };
}

export interface Shown<Data> {
  readonly answer: Answer<Data> | null;
  /** Set while the last call failed; an older answer stays beside it. */
  readonly problem: Problem | null;
}

const patienceMs = [2_000, 4_000, 8_000, 15_000];

/**
 * The answer of a path, asked again every `everyMs` while the page is looked at (0 = once). Equal answers cost a
 * 304 and draw nothing. Null = ask nothing yet.
 */
export function useAnswer<Data>(path: string | null, everyMs = 2_000): Shown<Data> {
  const [shown, setShown] = useState<Shown<Data> & { path: string | null }>({ path, answer: null, problem: null });
  useEffect(() => {
    if (path === null) return;
    const gone = new AbortController();
    let tag = '';
    let failures = 0;
    let timer = 0;
    const look = async (): Promise<void> => {
      try {
        const asked = await askOnce<Data>(path, tag, gone.signal);
        tag = asked.tag;
        const { answer } = asked;
        if (answer !== null) {
          setShown({ path, answer, problem: null });
          see(answer.as_of);
        } else if (failures > 0) setShown((before) => ({ ...before, problem: null }));
        failures = 0;
      } catch (error) {
        if (gone.signal.aborted) return;
        if (!(error instanceof Problem)) throw error;
        setShown((before) => ({ path, answer: before.path === path ? before.answer : null, problem: error }));
        failures += 1;
        if (error.status === 401) return;
      }
      const wait = failures === 0 ? everyMs : (patienceMs[failures - 1] ?? 15_000);
      if (wait > 0) timer = window.setTimeout(() => void lookWhenSeen(), wait);
    };
    const lookWhenSeen = (): Promise<void> | void => {
      if (!document.hidden) return look();
      document.addEventListener('visibilitychange', () => void lookWhenSeen(), { once: true, signal: gone.signal });
    };
    void look();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs]);
  return shown.path === path ? shown : { answer: null, problem: null };
}

/** The newest moment of the log that any answer told of: the "now" of what is shown. A replayed log has its own. */
let seenMs = 0;
const watchers = new Set<(ms: number) => void>();

function see(asOf: string | null): void {
  const ms = asOf === null ? 0 : Date.parse(asOf);
  if (!(ms > seenMs)) return;
  seenMs = ms;
  for (const watcher of watchers) watcher(ms);
}

export function forgetSeen(): void {
  seenMs = 0;
  for (const watcher of watchers) watcher(0);
}

/** 0 = nothing was seen yet. */
export function useSeen(): number {
  const [ms, setMs] = useState(seenMs);
  useEffect(() => {
    watchers.add(setMs);
    setMs(seenMs);
    return () => void watchers.delete(setMs);
  }, []);
  return ms;
}
