import { createSecureContext } from 'node:tls';
import { EngineError } from '../../model/errors.ts';
import type { TlsFiles } from '../../serving/http/listener.ts';
import { readPem } from '../servers/pem.ts';
import type { Config } from '../settings.ts';

/** Reads certificate and key each time that it is called; null where none are set. Throws CONFIG_INVALID. */
export function openTls({ cert_file, key_file }: Config['serving']['tls']): (() => TlsFiles) | null {
  if (cert_file === null && key_file === null) return null;
  if (cert_file === null || key_file === null)
    throw new EngineError('CONFIG_INVALID', 'serving.tls needs both cert_file and key_file');
  return () => {
    const files = { cert: readPem(cert_file, 'serving.tls.cert_file'), key: readPem(key_file, 'serving.tls.key_file') };
    try {
      createSecureContext(files);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new EngineError('CONFIG_INVALID', `serving.tls: ${cert_file} and ${key_file} do not fit: ${why}`, {
        cause,
      });
    }
    return files;
  };
}
