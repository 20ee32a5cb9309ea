import { fileTrouble } from '../../model/file-trouble.ts';

/** The outside world as references see it; tests bring their own. */
export interface ReferenceWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of a file; throws when it cannot be read. */
  readFile(path: string): string;
}

const reference = /\$\{(env|file):([^}]*)\}/g;

export function hasReference(text: string): boolean {
  return /\$\{(env|file):/.test(text);
}

/**
 * What was meant for a reference and is none, as a sentence: `${NAME}` and `~/` of a shell, another word than env and
 * file, one that is never closed. Null where there is no such thing.
 */
export function strayReference(text: string): string | null {
  if (/^~[\w.-]*\//.test(text))
    return `~ is a word of shells and would be a directory of that name: write \${env:HOME}${text.slice(text.indexOf('/'))}, or the whole path`;
  const [stray, word, body] = /\$\{([\w-]*)([^{}$]*\}?)/.exec(text.replace(reference, '')) ?? [];
  if (stray === undefined) return null;
  if (word === 'env' || word === 'file') return `${stray} is never closed: write \${${word}:…}`;
  if (body === '}' && word !== '') return `${stray} is no reference: write \${env:${word}}`;
  return `${stray} is no reference: write \${env:NAME}, \${env:NAME:-default} or \${file:path}`;
}

/**
 * Replaces `${env:NAME}`, `${env:NAME:-default}` and `${file:path}` in one scalar. The trailing line
 * break of a file is dropped, as secret files usually end with one. Throws a plain sentence.
 */
export function expandReferences(text: string, world: ReferenceWorld): string {
  return text.replace(reference, (whole, kind: string, body: string) => {
    if (kind === 'file') return readReferencedFile(body, world);
    const split = body.indexOf(':-');
    const name = split === -1 ? body : body.slice(0, split);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`${whole} does not name an environment variable`);
    const value = world.env[name];
    if (value !== undefined) return value;
    if (split !== -1) return body.slice(split + 2);
    throw new Error(`environment variable ${name} is not set; set it or write \${env:${name}:-default}`);
  });
}

function readReferencedFile(path: string, world: ReferenceWorld): string {
  try {
    return world.readFile(path).replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(fileTrouble(error, path), { cause: error });
  }
}

/** What a plain (unquoted) scalar means in YAML 1.2 once its references are text. */
export function resolvePlain(text: string): unknown {
  if (text === '' || text === 'null' || text === '~') return null;
  if (text === 'true') return true;
  if (text === 'false') return false;
  return /^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : text;
}
