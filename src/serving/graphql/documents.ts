import { createHash } from 'node:crypto';
import { EngineError } from '../../model/errors.ts';
import { KeptAnswers } from '../cache/kept-answers.ts';
import { HttpRefusal } from '../http/door.ts';

const keptBytesMax = 4 * 1_048_576;
const documentBytesMax = 16 * 1_024;

/** What a request says of its document: the text, its hash, or both. */
export interface DocumentAsked {
  readonly text: string | null;
  readonly hash: string | null;
}

/** Documents that requests may name by their SHA-256. */
export interface Documents {
  /** The text. Throws PERSISTED_QUERY_NOT_FOUND for an unknown hash, REQUEST_INVALID for a text that is not taken. */
  textOf(asked: DocumentAsked): string;
}

/** Any document is taken, and known by its hash from then on, as Apollo's clients have it; bounded, in this process. */
export class SentDocuments implements Documents {
  readonly #kept = new KeptAnswers(keptBytesMax);

  textOf({ text, hash }: DocumentAsked): string {
    if (text === null) {
      if (hash === null) throw new HttpRefusal(400, 'the request has no query');
      const kept = this.#kept.get(hash);
      if (kept === null) throw unknown();
      return Buffer.from(kept).toString('utf8');
    }
    if (Buffer.byteLength(text) > documentBytesMax)
      throw new EngineError('REQUEST_INVALID', `query: has at most ${documentBytesMax} bytes`);
    if (hash !== null) {
      // Else one could put a text of theirs under the hash of somebody else's.
      if (hashOf(text) !== hash) throw new EngineError('REQUEST_INVALID', 'sha256Hash: is not that of the query');
      this.#kept.keep(hash, Buffer.from(text));
    }
    return text;
  }
}

/** Only the documents of a list, by hash or by their whole text. */
export class ListedDocuments implements Documents {
  readonly #byHash: ReadonlyMap<string, string>;

  constructor(byHash: ReadonlyMap<string, string>) {
    this.#byHash = byHash;
  }

  textOf({ text, hash }: DocumentAsked): string {
    if (text === null && hash === null) throw new HttpRefusal(400, 'the request has no query');
    const found = this.#byHash.get(hash ?? hashOf(text!));
    if (found === undefined && text !== null)
      throw new EngineError(
        'REQUEST_INVALID',
        'query: is none of those that are taken here (serving.graphql.documents)',
      );
    if (found === undefined) throw unknown();
    if (text !== null && text !== found)
      throw new EngineError('REQUEST_INVALID', 'sha256Hash: is not that of the query');
    return found;
  }
}

/** A list as generators of clients write it. Throws CONFIG_INVALID. */
export function readDocumentList(json: string, file: string): ReadonlyMap<string, string> {
  const wrong = (why: string, cause?: unknown) =>
    new EngineError('CONFIG_INVALID', `serving.graphql.documents: ${file} ${why}`, { cause });
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch (cause) {
    throw wrong('is no JSON', cause);
  }
  if (typeof list !== 'object' || list === null || Array.isArray(list)) throw wrong('is no JSON object');
  for (const [hash, text] of Object.entries(list)) {
    if (typeof text !== 'string') throw wrong(`has no text under ${hash.slice(0, 80)}`);
    if (hashOf(text) !== hash.replace(/^sha256:/, ''))
      throw wrong(`names under ${hash.slice(0, 80)} a text whose SHA-256 is ${hashOf(text)}`);
  }
  return new Map(
    Object.entries(list as Record<string, string>).map(([hash, text]) => [hash.replace(/^sha256:/, ''), text]),
  );
}

function unknown(): EngineError {
  return new EngineError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound');
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
