import { EngineError } from '../../model/errors.ts';
import { fileTrouble } from '../../model/file-trouble.ts';
import { readTextFile } from '../../model/read-text.ts';

/** Reads a PEM file that a setting names; throws CONFIG_INVALID with the setting's name. */
export function readPem(path: string, setting: string): string {
  let text: string;
  try {
    text = readTextFile(path);
  } catch (cause) {
    throw new EngineError('CONFIG_INVALID', `${setting}: ${fileTrouble(cause, path)}`, { cause });
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new EngineError('CONFIG_INVALID', `${setting}: ${path} holds no PEM`);
}
