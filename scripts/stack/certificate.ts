import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Makes a self-signed certificate for loopback.
 * `serverPath` gets the key (PKCS#8) followed by the certificate, `authorityPath` the certificate to trust.
 */
export function makeCertificate(serverPath: string, authorityPath: string): void {
  const scratch = mkdtempSync(join(tmpdir(), 'stack-certificate-'));
  try {
    const [key, certificate] = [join(scratch, 'key.pem'), join(scratch, 'certificate.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const form = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '365'];
    execFileSync('openssl', ['req', ...form, ...subject, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
    writeFileSync(serverPath, readFileSync(key, 'utf8') + readFileSync(certificate, 'utf8'), { mode: 0o600 });
    writeFileSync(authorityPath, readFileSync(certificate));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
