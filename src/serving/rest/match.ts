import { HttpRefusal } from '../http/door.ts';
import type { OperationName } from '../operations.ts';
import { type Route, restRoot, routes } from './routes.ts';

export interface Matched {
  readonly name: OperationName;
  /** Values of the members in braces, unescaped. */
  readonly members: Readonly<Record<string, string>>;
}

interface Entry {
  readonly name: OperationName;
  readonly route: Route;
  readonly segments: readonly string[];
}

const entries: readonly Entry[] = Object.entries(routes).map(([name, route]) => ({
  name: name as OperationName,
  route,
  segments: route.path.split('/').slice(1),
}));

/** The operation of a call. Throws HttpRefusal 404, or 405 with what the path takes. */
export function matchRoute(method: string, path: string): Matched {
  const segments = path.slice(restRoot.length + 1).split('/');
  const fitting = entries.filter((entry) => fits(entry, segments));
  if (fitting.length === 0)
    throw new HttpRefusal(404, `${path.slice(0, 200)} is no path of this API; ${restRoot}/openapi.json lists them`);
  const asked = method === 'HEAD' ? 'GET' : method;
  const found = fitting.find(({ route }) => route.method === asked);
  if (found === undefined) throw wrongMethod(fitting.map(({ route }) => route.method));
  const members = found.segments.flatMap((segment, index) => {
    const name = nameOf(segment);
    return name === null ? [] : [[name, unescaped(segments[index])] as const];
  });
  return { name: found.name, members: Object.fromEntries(members) };
}

export function wrongMethod(methods: readonly string[]): HttpRefusal {
  const taken = [...new Set(methods.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])))].join(', ');
  return new HttpRefusal(405, `this path takes ${taken}`, { Allow: taken });
}

/** Fixed words come before members of the same place, as they stand earlier or later in the table alike. */
function fits({ segments }: Entry, given: readonly string[]): boolean {
  if (segments.length !== given.length) return false;
  return segments.every((segment, index) =>
    nameOf(segment) === null ? segment === given[index] : given[index] !== '',
  );
}

function nameOf(segment: string): string | null {
  return /^\{(\w+)\}$/.exec(segment)?.[1] ?? null;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new HttpRefusal(400, 'the path has an escape that is none');
    throw error;
  }
}
