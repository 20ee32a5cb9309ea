import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Notification } from '../../../src/sinks/alertmanager/notification.ts';

/** An Alertmanager that writes down what it is told, and fails as a test says. */
export interface Recorder {
  readonly url: string;
  readonly posts: Notification[][];
  readonly authorizations: (string | undefined)[];
  /** Status of the next answers; null = as it should be. */
  trouble: number | null;
  close(): Promise<void>;
}

export async function startRecorder(): Promise<Recorder> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      recorder.authorizations.push(request.headers.authorization);
      if (recorder.trouble !== null) {
        response.writeHead(recorder.trouble).end('"as the test says"');
        return;
      }
      if (request.method === 'POST') recorder.posts.push(JSON.parse(body) as Notification[]);
      response.writeHead(200).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const recorder: Recorder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts: [],
    authorizations: [],
    trouble: null,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return recorder;
}
