import { Terminal } from '../../src/cli/terminal.ts';

/** A terminal that remembers; not a TTY unless told. */
export function fakeTerminal(options: { isTTY?: boolean; env?: Record<string, string> } = {}) {
  const texts = { out: '', notes: '' };
  const isTTY = options.isTTY ?? false;
  const terminal = new Terminal(
    { write: (text) => (texts.out += text), isTTY, columns: 100 },
    { write: (text) => (texts.notes += text), isTTY, columns: 100 },
    options.env ?? {},
  );
  return { terminal, texts };
}
