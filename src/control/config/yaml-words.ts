import type { ErrorCode } from 'yaml';

/** What is wrong with a text that is no YAML, in our words: by the code of the parser, whose own words are for its authors. */
const words: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) stands for itself alone: take the anchor or tag beside it away',
  BAD_ALIAS: 'an alias needs a name, as in *name',
  BAD_COLLECTION_TYPE: 'the tag says another kind of value than stands here',
  BAD_DIRECTIVE: 'a line that starts with % is an instruction to YAML readers, and this is none that we know',
  BAD_DQ_ESCAPE:
    'between double quotes a backslash begins an escape, and this is none: write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines before: line up with its neighbours',
  BAD_PROP_ORDER: 'an anchor or a tag must stand right before its value',
  BAD_SCALAR_START: 'a text cannot start with this character unless it is quoted',
  BLOCK_AS_IMPLICIT_KEY: 'a second "key:" stands on the line of a first: begin a new line, or quote the value',
  BLOCK_IN_FLOW: 'inside { } and [ ] write everything with { }, [ ] and commas',
  DUPLICATE_KEY: 'this key stands here twice',
  IMPOSSIBLE: 'this cannot be read as YAML',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters: is a quote or a line break missing?',
  MISSING_CHAR: 'something is missing here: a closing quote or bracket, a comma, a colon, or a space after the colon',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line: is the colon missing, or a quote?',
  MULTIPLE_ANCHORS: 'a value can have one anchor (&name) only',
  MULTIPLE_DOCS: 'a second document begins here (---): one file holds one',
  MULTIPLE_TAGS: 'a value can have one tag only',
  NON_STRING_KEY: 'a key must be a text',
  RESOURCE_EXHAUSTION: 'it nests too deep to be meant',
  TAB_AS_INDENT: 'YAML indents with spaces: replace the tab',
  TAG_RESOLVE_FAILED: 'tags (!name) mean nothing here: write the value without it',
  UNEXPECTED_TOKEN: 'this is not expected here: is something before it not closed, or not quoted?',
};

/** One sentence for what a parser found. */
export function yamlWords({ code, message }: { readonly code: ErrorCode; readonly message: string }): string {
  // The parser has one code for both.
  if (code === 'BAD_INDENT' && message.startsWith('Flow '))
    return 'a { or [ before this is not closed, or what stands in it is not indented more than its line';
  return words[code];
}
