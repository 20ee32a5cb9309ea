import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeCertificate } from '../../scripts/stack/certificate.ts';
import { fileProblems } from '../../src/adapters/config-files.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { formatProblem } from '../../src/control/config/problem.ts';
import { makeKeyFile } from '../../src/plans/plan-signer.ts';

const dir = mkdtempSync(join(tmpdir(), 'paceline-files-'));
afterAll(() => rmSync(dir, { recursive: true }));
const [one, two] = ['one', 'two'].map((name) => {
  const files = { cert: join(dir, `${name}-cert.pem`), key: join(dir, `${name}-key.pem`) };
  makeCertificate(files.key, files.cert);
  return files;
});
const key = makeKeyFile(join(dir, 'plans.pem'));
mkdirSync(join(dir, 'a folder'));
for (const [name, text] of [
  ['empty', ''],
  ['text', 'hello'],
  ['broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
]) {
  writeFileSync(join(dir, name), text);
}
writeFileSync(join(dir, 'open.pem'), 'x');
chmodSync(join(dir, 'open.pem'), 0o644);

function lookAt(text: string): { problems: string[]; notes: string[] } {
  const file = join(dir, 'p.yaml');
  writeFileSync(file, text.replaceAll('DIR', dir));
  const { config, origins } = loadConfig([file], { shippedConfigDirectory: dir });
  const { problems, notes } = fileProblems(config, origins);
  const plain = (found: typeof problems) => found.map((each) => formatProblem(each).replaceAll(`${dir}/`, ''));
  return { problems: plain(problems), notes: plain(notes) };
}

const kafka = (more: string) => `kafka: { brokers: ["a:1"], ${more} }`;
const rootKey = `root_key: ${key.publicKey}`;

test.each([
  [kafka('tls: { enabled: true, ca_file: DIR/none.pem }'), 'p.yaml:1:59: kafka.tls.ca_file: there is no none.pem'],
  [kafka('tls: { enabled: true, ca_file: DIR/text }'), 'kafka.tls.ca_file: text holds no PEM'],
  [kafka('tls: { enabled: true, ca_file: DIR/broken.pem }'), 'kafka.tls.ca_file: broken.pem holds no certificate'],
  [kafka(`tls: { enabled: true, cert_file: ${one.cert}, key_file: DIR/none }`), 'kafka.tls.key_file: there is no none'],
  [
    kafka(`tls: { enabled: true, cert_file: ${one.cert}, key_file: ${two.key} }`),
    'kafka.tls.key_file: two-key.pem is not the key of one-cert.pem',
  ],
  [kafka('sasl: { mechanism: oauthbearer, token_file: DIR/none }'), 'kafka.sasl.token_file: there is no none'],
  [kafka('sasl: { mechanism: oauthbearer, token_file: DIR/empty }'), 'kafka.sasl.token_file: empty is empty'],
  [
    kafka('sasl: { mechanism: oauthbearer, token_file: "DIR/a folder" }'),
    'kafka.sasl.token_file: a folder is a folder, not a file',
  ],
  ['registry: { url: "http://r:1", ca_file: DIR/text/ca.pem }', 'there is no text/ca.pem: a part of it is a file'],
  ['alertmanager: { urls: ["http://a:1"], ca_file: none }', 'p.yaml:1:48: alertmanager.ca_file: there is no none'],
  [
    'bronze: { catalog: rest }\niceberg_rest: { url: "http://r:1", ca_file: none }',
    'p.yaml:2:45: iceberg_rest.ca_file:',
  ],
  ['tracing: { endpoint: "http://t:1", ca_file: none }', 'tracing.ca_file: there is no none'],
  ['serving: { enabled: true, graphql: { documents: none.json } }', 'serving.graphql.documents: there is no none.json'],
  ['serving: { enabled: true, access: { oidc_ca_file: none } }', 'serving.access.oidc_ca_file: there is no none'],
  [`plans: { ${rootKey}, key_file: none }`, 'plans.key_file: there is no none'],
  [`plans: { ${rootKey}, key_file: DIR/open.pem }`, 'plans.key_file: others than its owner may read open.pem'],
])('%s is refused', (text, message) => {
  const { problems, notes } = lookAt(text);
  expect(problems).toEqual([expect.stringContaining(message)]);
  expect(notes).toEqual([]);
});

test('a file that nothing reads is a note alone, and what is right is nothing', () => {
  expect(lookAt('registry: { ca_file: none }')).toEqual({
    problems: [],
    notes: ['p.yaml:1:22: registry.ca_file: there is no none; nothing reads it as the settings are now'],
  });
  const whole = `serving: { enabled: true, tls: { cert_file: ${one.cert}, key_file: ${one.key} } }`;
  const signed = `plans: { ${rootKey}, key_file: DIR/plans.pem }`;
  expect(lookAt(`${whole}\n${signed}\n${kafka(`tls: { enabled: true, ca_file: ${one.cert} }`)}`)).toEqual({
    problems: [],
    notes: [],
  });
});
