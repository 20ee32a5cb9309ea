import type * as z from 'zod';

const shapes: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys',
  record: 'a mapping of names',
};

/**
 * What a value must be, in our words: the schema's own are for programmers. `inMs` says that the number
 * is a time, as files write it.
 */
export function wishOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.message.endsWith('received undefined')) return 'is missing';
      return `must be ${shapes[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return `must be ${amount(issue.origin, Number(issue.minimum))} at least`;
    case 'too_big':
      return `must be ${amount(issue.origin, Number(issue.maximum))} at most`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_key':
      return `has a name that is none: ${issue.issues.map(({ message }) => message).join('; ')}`;
    case 'invalid_union':
      return issue.errors
        .flat()
        .map(wishOf)
        .filter((wish, at, all) => all.indexOf(wish) === at)
        .join(', or ');
    case 'invalid_format':
      if (issue.format === 'datetime') return 'must be an instant with its zone, such as 2026-03-01T08:00:00Z';
      if (issue.format === 'uuid' || issue.format === 'guid') return 'must be a UUID';
      if (issue.format === 'date') return 'must be a date, such as 2026-03-01';
      if (issue.format === 'url') return 'must be a URL that begins with http:// or https://';
      return issue.message.startsWith('Invalid') ? `must look like ${issue.pattern ?? issue.format}` : issue.message;
    case 'unrecognized_keys':
      return `has no place for ${issue.keys.map((key) => `"${key.slice(0, 64)}"`).join(', ')}`;
    default:
      return issue.message;
  }
}

function amount(origin: string, value: number): string {
  if (origin === 'string') return `${value} characters long`;
  return origin === 'array' || origin === 'map' || origin === 'set' ? `${value} entries long` : String(value);
}
