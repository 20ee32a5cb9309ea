import { BoundedMap } from '../../model/bounded-map.ts';
import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import { troubleText } from '../../model/system-trouble.ts';
import type { Clock } from '../../model/time.ts';
import { isTlsRefusal } from '../../model/tls-refusal.ts';
import type { SchemaRegistry, WriterSchema } from '../decoder.ts';
import { releasedSchemas } from '../event-schemas.ts';
import { callRegistry, type RegistryAnswer, type RegistryEndpoint } from './registry-http.ts';

/** How a new version of a schema must fit those before it. */
type Compatibility = 'BACKWARD' | 'BACKWARD_TRANSITIVE' | 'FORWARD' | 'FULL' | 'FULL_TRANSITIVE' | 'NONE';

/** The ids under which a registry holds our schemas. */
interface RegisteredIds {
  /** Of the newest schema of each kind: what our own producers write with. */
  readonly byKind: ReadonlyMap<string, number>;
  /** By the id that the schema was released under with us: what a recorded log says. */
  readonly byReleased: ReadonlyMap<number, number>;
}

/** Error codes of the Confluent API that say "there is no such thing", as against an address that leads nowhere. */
const notFoundCodes = new Set([40401, 40402, 40403]);
/** Bounds on what one schema refers to. */
const referencesMax = 64;
const referenceDepthMax = 16;
/** An id that was not known is asked for again after this long, doubling. */
const unknownMs = { first: 1_000, most: 60_000 } as const;

/**
 * Writer schemas from a registry with the Confluent API. An id means one schema for ever, so answers
 * are kept; an id that is not known is asked for again, ever more rarely.
 */
export class ConfluentRegistry implements SchemaRegistry {
  readonly #endpoint: RegistryEndpoint;
  readonly #clock: Clock;
  readonly #known = new BoundedMap<number, Promise<WriterSchema | null>>(limits.schemasKeptMax);
  readonly #unknown = new BoundedMap<number, { untilMs: number; waitMs: number }>(limits.schemasKeptMax);

  constructor(endpoint: RegistryEndpoint, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
  }

  /**
   * Throws REGISTRY_UNAVAILABLE for all trouble but an id that the registry does not know. A refusal is
   * such trouble too: whoever asks for a schema is running, and goes on when the registry lets us in again.
   */
  async schema(id: number): Promise<WriterSchema | null> {
    const unknown = this.#unknown.get(id);
    if (unknown !== undefined && this.#clock.steadyMs() < unknown.untilMs) return null;
    let asked = this.#known.get(id);
    if (asked === undefined) {
      asked = this.#ask(id);
      this.#known.set(id, asked);
    }
    try {
      const schema = await asked;
      if (schema === null) this.#noteUnknown(id);
      else this.#unknown.delete(id);
      return schema;
    } catch (error) {
      this.#known.delete(id);
      if (!(error instanceof EngineError) || error.code !== 'REGISTRY_REFUSED') throw error;
      throw new EngineError('REGISTRY_UNAVAILABLE', error.message, { cause: error });
    }
  }

  /** Registers all schemas ever released, oldest first, under their full names; what is there already stays. */
  async register(compatibility: Compatibility): Promise<RegisteredIds> {
    return await this.#eachReleased(async (subject, schema) => {
      const configured = await this.#call('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility });
      if (configured.status !== 200) throw this.#refused(`setting the compatibility of ${subject}`, configured);
      const path = `/subjects/${encodeURIComponent(subject)}/versions`;
      const answer = await this.#call('POST', path, { schema, schemaType: 'AVRO' });
      if (answer.status === 409 || answer.status === 422) throw await this.#incompatible(subject, answer);
      return this.#idOf(answer, `registering ${subject}`);
    });
  }

  /** Ids of our schemas where they were registered. Throws REGISTRY_UNAVAILABLE when some was not, REGISTRY_REFUSED. */
  async lookUp(): Promise<RegisteredIds> {
    return await this.#eachReleased(async (subject, schema) => {
      const answer = await this.#call('POST', `/subjects/${encodeURIComponent(subject)}`, {
        schema,
        schemaType: 'AVRO',
      });
      if (isNotFound(answer))
        throw new EngineError(
          'REGISTRY_UNAVAILABLE',
          `${this.#endpoint.url} does not hold our schema ${subject}; "paceline migrate" registers it`,
        );
      return this.#idOf(answer, `looking up ${subject}`);
    });
  }

  /** Which of our schemas it does not hold, and which of our newest ones do not fit its newest versions. */
  async compare(): Promise<{ missing: string[]; unfit: { subject: string; reason: string }[] }> {
    const missing = new Set<string>();
    const newest = new Map<string, string>();
    for (const { fullName, schema } of releasedSchemas()) {
      const text = JSON.stringify(schema);
      newest.set(fullName, text);
      const path = `/subjects/${encodeURIComponent(fullName)}`;
      const answer = await this.#call('POST', path, { schema: text, schemaType: 'AVRO' });
      if (isNotFound(answer)) missing.add(fullName);
      else this.#idOf(answer, `looking up ${fullName}`);
    }
    const unfit: { subject: string; reason: string }[] = [];
    for (const [subject, schema] of newest) {
      if (missing.has(subject)) continue;
      const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest?verbose=true`;
      const { status, body } = await this.#call('POST', path, { schema, schemaType: 'AVRO' });
      if (status !== 200) throw this.#refused(`comparing ${subject} with its newest version`, { status, body });
      if (body?.is_compatible === true) continue;
      const said = Array.isArray(body?.messages) ? body.messages.map(String).join('; ') : '';
      unfit.push({ subject, reason: said.slice(0, 300) || 'does not fit' });
    }
    return { missing: [...missing], unfit };
  }

  /** Resolves when the registry answers sensibly. Throws REGISTRY_UNAVAILABLE, REGISTRY_REFUSED. */
  async check(): Promise<void> {
    const answer = await this.#call('GET', '/config');
    if (answer.status !== 200) throw this.#refused('asking for its settings', answer);
  }

  async #ask(id: number): Promise<WriterSchema | null> {
    const answer = await this.#call('GET', `/schemas/ids/${id}`);
    if (isNotFound(answer)) return null;
    const doing = `asking for schema id ${id}`;
    const { schema, schemaType = 'AVRO' } = answer.body ?? {};
    if (answer.status !== 200 || typeof schema !== 'string') throw this.#refused(doing, answer);
    // A schema of another kind resolves against none of ours: the decoder says so by its name.
    if (schemaType !== 'AVRO') return { json: String(schemaType), references: [] };
    const references = new Map<string, unknown>();
    await this.#follow(answer, references, doing);
    return { json: parseOrName(schema), references: [...references.values()] };
  }

  /** Schemas that an answer refers to, by subject and version, each behind those that it refers to itself. */
  async #follow({ body }: RegistryAnswer, found: Map<string, unknown>, doing: string, depth = 0): Promise<void> {
    const references = Array.isArray(body?.references) ? body.references.slice(0, referencesMax + 1) : [];
    for (const reference of references) {
      const { subject, version } = (reference ?? {}) as { subject?: unknown; version?: unknown };
      const isNamed = typeof subject === 'string' && Number.isSafeInteger(version);
      const place = `${String(subject)} version ${String(version)}`;
      if (found.has(place)) continue;
      // A registry takes no circle of references; whoever sends more than these sends no event of ours.
      if (!isNamed || depth >= referenceDepthMax || found.size >= referencesMax) {
        found.set(place, `a reference to ${place.slice(0, 128)}, which is not followed`);
        continue;
      }
      const path = `/subjects/${encodeURIComponent(subject)}/versions/${String(version)}`;
      const answer = await this.#call('GET', path);
      const { schema } = answer.body ?? {};
      if (answer.status !== 200 || typeof schema !== 'string')
        throw this.#refused(`${doing}, which refers to ${place}`, answer);
      await this.#follow(answer, found, doing, depth + 1);
      found.set(place, parseOrName(schema));
    }
  }

  #noteUnknown(id: number): void {
    this.#known.delete(id);
    const waitMs = Math.min((this.#unknown.get(id)?.waitMs ?? unknownMs.first / 2) * 2, unknownMs.most);
    this.#unknown.set(id, { untilMs: this.#clock.steadyMs() + waitMs, waitMs });
  }

  async #eachReleased(idOf: (subject: string, schema: string) => Promise<number>): Promise<RegisteredIds> {
    const byKind = new Map<string, number>();
    const byReleased = new Map<number, number>();
    for (const { id, kind, fullName, schema } of releasedSchemas()) {
      const registered = await idOf(fullName, JSON.stringify(schema));
      byReleased.set(id, registered);
      byKind.set(kind, registered);
    }
    return { byKind, byReleased };
  }

  async #call(method: 'GET' | 'POST' | 'PUT', path: string, payload?: unknown): Promise<RegistryAnswer> {
    try {
      return await callRegistry(this.#endpoint, method, path, payload);
    } catch (cause) {
      const reason = troubleText(cause);
      if (isTlsRefusal(cause)) {
        const hint = 'check registry.ca_file, and host and scheme of registry.url';
        throw new EngineError('REGISTRY_REFUSED', `${this.#endpoint.url}: ${reason}; ${hint}`, { cause });
      }
      const message = `waiting for the schema registry at ${this.#endpoint.url}: ${reason}`;
      throw new EngineError('REGISTRY_UNAVAILABLE', message, { cause });
    }
  }

  #idOf(answer: RegistryAnswer, doing: string): number {
    const id = answer.body?.id;
    if (answer.status === 200 && typeof id === 'number' && Number.isSafeInteger(id)) return id;
    throw this.#refused(doing, answer);
  }

  #refused(doing: string, { status, body }: RegistryAnswer): EngineError {
    const said = typeof body?.message === 'string' ? `: ${body.message.slice(0, 500)}` : '';
    const message = `${this.#endpoint.url}, ${doing}: HTTP ${status}${said}`;
    if (status === 401 || status === 403)
      return new EngineError('REGISTRY_REFUSED', `${message}; correct registry.username and registry.password`);
    const hint = status === 404 ? '; does registry.url name the place where the Confluent API begins?' : '';
    return new EngineError('REGISTRY_UNAVAILABLE', message + hint);
  }

  async #incompatible(subject: string, { body }: RegistryAnswer): Promise<EngineError> {
    const newest = await this.#call('GET', `/subjects/${encodeURIComponent(subject)}/versions/latest`);
    const { version, id, schema } = newest.body ?? {};
    return new EngineError(
      'SCHEMA_UNRESOLVABLE',
      `our schema ${subject} does not fit version ${version} (id ${id}) of the registry: ${String(body?.message).slice(0, 500)}; it holds ${String(schema).slice(0, 1_000)}`,
    );
  }
}

function isNotFound({ status, body }: RegistryAnswer): boolean {
  return status === 404 && notFoundCodes.has(Number(body?.error_code));
}

/** Text that is no JSON may still name a type, as in `string`. */
function parseOrName(schema: string): unknown {
  try {
    return JSON.parse(schema) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return schema;
    throw error;
  }
}
