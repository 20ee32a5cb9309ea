import { readFileSync } from 'node:fs';
import { EngineError } from '../../model/errors.ts';
import { fileTrouble } from '../../model/file-trouble.ts';

/** Reads a PEM file that a setting names; throws CONFIG_INVALID with the setting's name. */
export function readPem(path: string, setting: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EngineError('CONFIG_INVALID', `${setting}: ${fileTrouble(cause, path)}`, { cause });
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new EngineError('CONFIG_INVALID', `${setting}: ${path} holds no PEM`);
}
