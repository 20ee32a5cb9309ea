import { operationOf } from '../../../src/serving/operations.ts';
import { Random } from '../../simulation/random.ts';
import { call, type Question, questions, type Told } from './questions.ts';
import {
  markOf,
  type OrgId,
  openSoakStage,
  organizations,
  type Part,
  type SoakCaller,
  type SoakStage,
} from './stage.ts';

export interface SoakOptions {
  readonly requests: number;
  readonly seed: number;
  readonly callers?: number;
  readonly tell?: (line: string) => void;
}

export interface SoakReport {
  readonly seed: number;
  readonly requests: number;
  readonly seconds: number;
  readonly right: number;
  readonly refused: number;
  readonly unavailable: number;
  /** Each with its number, so that the seed tells it again. */
  readonly wrong: readonly string[];
  readonly faults: number;
  /** The longest time until all was well after a server came back, ms. */
  readonly recoveryMsMax: number;
  /** Documents written and read back, keys ended, roles changed. */
  readonly writes: number;
}

const wrongMax = 20;
const recoverMsMax = 60_000;

/**
 * So many requests over all doors and roles, while Redis, PostgreSQL and ClickHouse die, hang and come back. Each
 * answer is right (the very one that the operator got in peace), refused to whom it must be, or unavailable. What an
 * answered write says holds from then on at both servers.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const tell = options.tell ?? (() => undefined);
  await using stage = await openSoakStage(tell);
  const run = new Soak(stage, options);
  await run.learn();
  return await run.go(tell);
}

class Soak {
  readonly #stage: SoakStage;
  readonly #options: SoakOptions;
  readonly #random: Random;
  readonly #known = new Map<string, string>();
  readonly #counts = { right: 0, refused: 0, unavailable: 0, writes: 0, faults: 0 };
  readonly #wrong: string[] = [];
  readonly #documents = new Map<OrgId, Document>(organizations.map((org) => [org, new Document()]));
  readonly #busy = new Set<string>();
  #done = 0;
  #recoveryMsMax = 0;

  constructor(stage: SoakStage, options: SoakOptions) {
    this.#stage = stage;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  /** What is right, as the operator is told in peace by both servers. */
  async learn(): Promise<void> {
    for (const question of questions)
      for (const org of organizations) {
        const told = await Promise.all(
          this.#stage.servers.map((server) => question.ask(server, org, this.#stage.operator.headers)),
        );
        for (const { kind, status, text } of told)
          if (kind !== 'right')
            throw new Error(`${question.name} of ${org} is ${status} in peace: ${text.slice(0, 300)}`);
        if (!question.isSteady) continue;
        if (told[0].text !== told[1].text) throw new Error(`${question.name} of ${org} differs in peace`);
        this.#known.set(`${question.name} ${org}`, told[0].text);
      }
    const marked = [...this.#known.values()].filter((text) => text.includes('-secret')).length;
    if (marked < this.#known.size / 2) throw new Error(`${marked} of ${this.#known.size} answers show whose they are`);
  }

  async go(tell: (line: string) => void): Promise<SoakReport> {
    const { requests, seed, callers = 16 } = this.#options;
    const beganMs = performance.now();
    const everySome = Math.max(150, Math.floor(requests / 60));
    let nextFault = everySome;
    let hurting: Promise<void> | null = null;
    const work = async (): Promise<void> => {
      while (this.#done < requests && this.#wrong.length < wrongMax) {
        const number = ++this.#done;
        if (number >= nextFault && hurting === null) {
          nextFault = number + everySome;
          hurting = this.#hurt(number).finally(() => {
            hurting = null;
          });
        }
        await this.#one(number).catch((error: unknown) => this.#note(number, `threw ${String(error)}`));
        if (number % 10_000 === 0) tell(`${number} requests: ${JSON.stringify(this.#counts)}`);
      }
    };
    await Promise.all(Array.from({ length: callers }, work));
    await hurting;
    for (const line of this.#stage.troubles) if (line.includes('serving.failed')) this.#judgeTrouble(line);
    const { right, refused, unavailable, writes, faults } = this.#counts;
    const seconds = (performance.now() - beganMs) / 1_000;
    return {
      ...{ seed, requests: this.#done, seconds, right, refused, unavailable, writes, faults },
      ...{ wrong: this.#wrong, recoveryMsMax: this.#recoveryMsMax },
    };
  }

  #countUnavailable(): void {
    this.#counts.unavailable += 1;
  }

  #note(number: number, what: string): void {
    if (this.#wrong.length < wrongMax) this.#wrong.push(`request ${number}: ${what}`);
  }

  /** The log tells of what is unavailable too; a failure without a code of ours is a bug. */
  #judgeTrouble(line: string): void {
    if (!/"code":"[A-Z_]+_(UNAVAILABLE|OVERLOADED|TIMEOUT)"/.test(line)) this.#note(0, `the log says ${line}`);
  }

  async #one(number: number): Promise<void> {
    const draw = this.#random.next();
    if (draw < 0.02) return await this.#document(number, this.#random.pick(organizations));
    if (draw < 0.025) return await this.#endKey(number, this.#random.pick(organizations));
    if (draw < 0.03) return await this.#changeRole(number);
    const question = this.#random.pick(questions);
    const caller = this.#random.pick(this.#stage.callers);
    const isOwn = caller.org !== null && caller.org !== '*' && this.#random.chance(0.75);
    const org = isOwn ? (caller.org as OrgId) : this.#random.pick(organizations);
    const told = await question.ask(this.#random.pick(this.#stage.servers), org, caller.headers);
    this.#judge(number, { question, caller, org, told });
  }

  #judge(
    number: number,
    { question, caller, org, told }: { question: Question; caller: SoakCaller; org: OrgId; told: Told },
  ) {
    const { kind, status, text } = told;
    const { permission } = operationOf(question.operation);
    const isMember = caller.org === '*' || caller.org === org;
    const isAllowed = isMember && (permission === null || caller.permissions.has(permission));
    const what = `${caller.name} asks ${question.name} of ${org}: ${status} ${text.slice(0, 200)}`;
    for (const other of organizations)
      if ((other !== org || !isAllowed) && text.includes(markOf(other))) return this.#note(number, `SHOWN ${what}`);
    if (kind === 'unavailable') this.#counts.unavailable += 1;
    else if (kind !== (isAllowed ? 'right' : 'refused')) this.#note(number, what);
    else if (kind === 'refused') this.#counts.refused += 1;
    else {
      const known = this.#known.get(`${question.name} ${org}`);
      if (known !== undefined && known !== text) this.#note(number, `other than in peace: ${what}`);
      this.#counts.right += 1;
    }
  }

  /** A document that one person at a time writes: who reads sees what was answered for, or something newer that was sent. */
  async #document(number: number, org: OrgId): Promise<void> {
    const held = this.#documents.get(org)!;
    const { headers } = this.#stage.adminOf.get(org)!;
    const url = `${this.#random.pick(this.#stage.servers)}/api/v1/organizations/${org}/configurations/soak`;
    const isWriter = this.#random.chance(0.4) && !this.#busy.has(org);
    const floor = held.answered;
    if (!isWriter) {
      const told = await call(url, headers);
      if (told.kind === 'unavailable') this.#counts.unavailable += 1;
      else if (told.status === '404' && floor === 0) this.#counts.right += 1;
      else this.#read(number, { held, floor, told });
      return;
    }
    this.#busy.add(org);
    try {
      if (!held.isSure) await this.#catchUp(held, url, headers);
      if (!held.isSure) return;
      held.sent += 1;
      const condition: Record<string, string> =
        held.etag === null ? { 'if-none-match': '*' } : { 'if-match': held.etag };
      held.isSure = false;
      const body = { document: { count: held.sent, mark: markOf(org) } };
      const told = await call(url, { ...headers, ...condition }, { method: 'PUT', body });
      if (told.kind === 'unavailable') this.#counts.unavailable += 1;
      else if (told.kind !== 'right') this.#note(number, `a document is not taken: ${told.status} ${told.text}`);
      else {
        held.wrote(told.etag);
        this.#counts.writes += 1;
      }
    } finally {
      this.#busy.delete(org);
    }
  }

  #read(number: number, { held, floor, told }: { held: Document; floor: number; told: Told }): void {
    const count = Number(/"count":(\d+)/.exec(told.text)?.[1] ?? Number.NaN);
    if (told.kind === 'right' && count >= floor && count <= held.sent) this.#counts.right += 1;
    else this.#note(number, `a document is ${told.status} ${told.text.slice(0, 200)}, and ${floor} was answered for`);
  }

  /** After a write of which nobody knows: what is there now is what goes on. */
  async #catchUp(held: Document, url: string, headers: Readonly<Record<string, string>>): Promise<void> {
    const told = await call(url, headers);
    if (told.status === '404') held.isSure = held.answered === 0;
    if (told.kind !== 'right') return;
    held.answered = Number(/"count":(\d+)/.exec(told.text)![1]);
    held.etag = told.etag;
    held.isSure = true;
  }

  /** A key is made at one server and ended at it; whoever was told so finds it ended at the other. */
  async #endKey(number: number, org: OrgId): Promise<void> {
    const [one, other] = this.#stage.servers;
    const { headers } = this.#stage.adminOf.get(org)!;
    const keys = `/api/v1/organizations/${org}/keys`;
    const body = { name: `soak ${number}`, scopes: ['pacing.read'], expires_at: null };
    const made = await call(`${one}${keys}`, headers, { method: 'POST', body });
    if (made.kind === 'unavailable') return this.#countUnavailable();
    if (made.kind !== 'right') return this.#note(number, `no key is made: ${made.status} ${made.text}`);
    const { data } = JSON.parse(made.text) as {
      data: { key: string; key_id?: string; id?: string } & Record<string, unknown>;
    };
    const keyId = String(data.key_id ?? data.id ?? (data.made as { key_id?: string } | undefined)?.key_id);
    const withKey = { authorization: `Bearer ${data.key}` };
    const use = async (server: string) => await call(`${server}/api/v1/organizations/${org}/mark`, withKey);
    const used = await use(other);
    if (used.kind === 'refused' || used.kind === 'wrong') this.#note(number, `a new key is refused: ${used.status}`);
    for (let tries = 0; tries < 30; tries += 1) {
      const ended = await call(`${one}${keys}/${keyId}`, headers, { method: 'DELETE' });
      if (ended.kind === 'unavailable') {
        await pause(200);
        continue;
      }
      // A key that is ended already is not found: an answer got lost.
      if (ended.kind !== 'right' && ended.status !== '404')
        return this.#note(number, `a key is not ended: ${ended.status} ${ended.text}`);
      for (const server of [other, one, other]) {
        const told = await use(server);
        if (told.kind === 'right' || told.kind === 'wrong') this.#note(number, `an ended key is good: ${told.status}`);
      }
      this.#counts.writes += 1;
      return;
    }
  }

  /** Somebody is made an admin or a viewer; from the answer on that is so at both servers. */
  async #changeRole(number: number): Promise<void> {
    if (this.#busy.has('wanderer')) return;
    this.#busy.add('wanderer');
    try {
      const { wanderer, servers, adminOf } = this.#stage;
      const path = `/api/v1/organizations/${wanderer.org}/members`;
      const role = this.#random.pick(['viewer', 'admin'] as const);
      const admin = adminOf.get(wanderer.org)!.headers;
      const put = { method: 'PUT', body: { role } };
      const set = await call(`${servers[number % 2]}${path}/${wanderer.id}`, admin, put);
      if (set.kind === 'unavailable') return this.#countUnavailable();
      if (set.kind !== 'right') return this.#note(number, `a role is not set: ${set.status} ${set.text}`);
      for (const server of servers) {
        const told = await call(`${server}${path}`, wanderer.headers);
        const expected = role === 'admin' ? 'right' : 'refused';
        if (told.kind !== 'unavailable' && told.kind !== expected)
          this.#note(number, `one who is ${role} now is told ${told.status} ${told.text.slice(0, 200)}`);
      }
      this.#counts.writes += 1;
    } finally {
      this.#busy.delete('wanderer');
    }
  }

  async #hurt(number: number): Promise<void> {
    const part = this.#random.pick(['redis', 'postgres', 'clickhouse'] as const satisfies readonly Part[]);
    const isKill = this.#random.chance(0.6);
    const forMs = this.#random.between(300, 3_000);
    await (isKill ? this.#stage.kill(part) : this.#stage.pause(part));
    this.#counts.faults += 1;
    await pause(forMs);
    await (isKill ? this.#stage.start(part) : this.#stage.resume(part));
    const backMs = performance.now();
    while (!(await this.#isWell())) {
      if (performance.now() - backMs > recoverMsMax)
        return this.#note(number, `${part} is back, and not all is well after ${recoverMsMax / 1_000} s`);
      await pause(50);
    }
    this.#recoveryMsMax = Math.max(this.#recoveryMsMax, Math.round(performance.now() - backMs));
  }

  /** Accounts, tables and rules answer at both servers. */
  async #isWell(): Promise<boolean> {
    const { servers, callers } = this.#stage;
    const person = callers.find(({ name }) => name === 'admin of acme')!;
    const paths = ['/organizations/acme/flights', '/organizations/acme/members', '/organizations/acme/rules'];
    const told = await Promise.all(
      servers.flatMap((server) => paths.map((path) => call(`${server}/api/v1${path}`, person.headers))),
    );
    return told.every(({ kind }) => kind === 'right');
  }
}

class Document {
  sent = 0;
  answered = 0;
  etag: string | null = null;
  /** Nobody knows what became of the last write. */
  isSure = true;

  wrote(etag: string | null): void {
    this.answered = this.sent;
    this.etag = etag;
    this.isSure = true;
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
