import { EngineError } from '../model/errors.ts';
import { idPattern } from '../model/ids.ts';

/** Somebody who may read, by a token that outlives restarts. */
export interface NamedReader {
  readonly name: string;
  readonly token: string;
  /** Sees the rows of this organization alone; null = of all. */
  readonly organization: string | null;
}

/** Guessing a shorter one is thinkable. */
const tokenCharactersMin = 20;

/**
 * Lines of `NAME TOKEN [ORGANIZATION]`; blank ones and those that begin with # say nothing. Throws
 * CONFIG_INVALID with the line, and never with a token.
 */
export function parseReaders(text: string, setting: string): NamedReader[] {
  const readers: NamedReader[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === '' || words[0].startsWith('#')) continue;
    const why = whyNoReader(words, readers);
    if (why !== null) throw new EngineError('CONFIG_INVALID', `${setting}, line ${index + 1}: ${why}`);
    const [name, token, organization = null] = words;
    readers.push({ name, token, organization });
  }
  return readers;
}

function whyNoReader(words: readonly string[], before: readonly NamedReader[]): string | null {
  const [name, token, organization] = words;
  if (words.length < 2 || words.length > 3) return 'wants NAME TOKEN, or NAME TOKEN ORGANIZATION';
  if (!idPattern.test(name)) return 'a name has letters, digits and . _ : - only, at most 64';
  if (token.length < tokenCharactersMin) return `the token of ${name} is shorter than ${tokenCharactersMin} characters`;
  if (organization !== undefined && !idPattern.test(organization)) return `${name} is bound to no organization's id`;
  if (before.some((each) => each.name === name)) return `${name} is there already`;
  if (before.some((each) => each.token === token)) return `${name} has the token of another`;
  return null;
}
