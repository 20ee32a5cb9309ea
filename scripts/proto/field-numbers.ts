/** Numbers of fields by message: once given, a number is its field's for good. */
export type FieldNumbers = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** The numbers of a message's fields: those that it had, and the next free ones for what is new. */
export function numbersFor(held: Readonly<Record<string, number>>, fields: readonly string[]): Record<string, number> {
  const numbers = { ...held };
  let next = Math.max(0, ...Object.values(held)) + 1;
  for (const field of fields) numbers[field] ??= next++;
  return numbers;
}

/** `reserved` lines for fields that are gone, whose numbers nobody may take again. */
export function reservedLines(numbers: Readonly<Record<string, number>>, fields: readonly string[]): string[] {
  const gone = Object.entries(numbers).filter(([field]) => !fields.includes(field));
  if (gone.length === 0) return [];
  const words = gone.map(([field]) => `"${field}"`).join(', ');
  return [`  reserved ${gone.map(([, number]) => number).join(', ')};`, `  reserved ${words};`];
}
