import type { ServerResponse } from 'node:http';
import { type Door, type HttpCall, HttpRefusal } from '../http/door.ts';
import { sendBytes } from '../http/problem.ts';
import { assetRoot, type ConsoleFile, type ConsoleFiles } from './console-files.ts';

const root = '/console';

/** The console: one page for every view, and the files that it is made of. What it shows comes from the REST door. */
export class ConsoleDoor implements Door {
  readonly name = 'console';
  readonly #files: ConsoleFiles;

  constructor(files: ConsoleFiles) {
    this.#files = files;
  }

  takes(path: string): boolean {
    return path === '/' || isUnder(root, path) || isUnder(assetRoot, path);
  }

  async answer(call: HttpCall): Promise<void> {
    const { path, method, response, facts } = call;
    if (method !== 'GET' && method !== 'HEAD')
      throw new HttpRefusal(405, 'this path takes GET, HEAD', { Allow: 'GET, HEAD' });
    facts.operation = isUnder(assetRoot, path) ? 'consoleFile' : 'consolePage';
    if (path === '/') return sendElsewhere(response, root);
    if (isUnder(root, path)) {
      response.setHeader('Content-Security-Policy', this.#files.policy);
      return sendFile(call, this.#files.page);
    }
    const file = this.#files.byPath.get(path);
    if (file === undefined) throw new HttpRefusal(404, 'this release of the console has no such file');
    // Its address has the hash of what it says.
    response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    sendFile(call, file);
  }
}

function isUnder(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function sendFile({ request, response }: HttpCall, { type, bytes, gzipped }: ConsoleFile): void {
  response.setHeader('Vary', 'Accept-Encoding');
  const isGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(String(request.headers['accept-encoding'] ?? ''));
  if (isGzip) response.setHeader('Content-Encoding', 'gzip');
  sendBytes(response, 200, type, isGzip ? gzipped : bytes);
}

function sendElsewhere(response: ServerResponse, path: string): void {
  response.setHeader('Location', path);
  sendBytes(response, 302, 'text/plain; charset=utf-8', Buffer.from('see Location\n'));
}
