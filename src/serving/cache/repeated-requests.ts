import { Kept } from './kept.ts';

/** An operation that a request asked for, and what it was given. */
interface Given<Asked> {
  readonly asked: Asked;
  readonly answer: Uint8Array;
}

/** The operations of one request. Each is asked once, whether it is asked ahead or by what answers the request. */
export class RequestCalls<Asked> {
  readonly #run: (asked: Asked) => Promise<Uint8Array>;
  readonly #ahead: { readonly spelt: string; readonly answer: Promise<Uint8Array> }[] = [];
  readonly given: Given<Asked>[] = [];

  constructor(run: (asked: Asked) => Promise<Uint8Array>) {
    this.#run = run;
  }

  /** Asks what is sure to be asked; null where one is refused, which who asks for it then hears. */
  async ahead(all: readonly Asked[]): Promise<readonly Uint8Array[] | null> {
    const answers = all.map((asked) => this.#run(asked));
    for (const [at, answer] of answers.entries()) this.#ahead.push({ spelt: JSON.stringify(all[at]), answer });
    const settled = await Promise.allSettled(answers);
    return settled.every((each) => each.status === 'fulfilled') ? settled.map(({ value }) => value) : null;
  }

  async call(asked: Asked): Promise<Uint8Array> {
    const answer = await (this.#takeAhead(asked) ?? this.#run(asked));
    this.given.push({ asked, answer });
    return answer;
  }

  #takeAhead(asked: Asked): Promise<Uint8Array> | undefined {
    if (this.#ahead.length === 0) return undefined;
    const spelt = JSON.stringify(asked);
    const at = this.#ahead.findIndex((each) => each.spelt === spelt);
    return at < 0 ? undefined : this.#ahead.splice(at, 1)[0].answer;
  }
}

interface Known<Asked, Made> {
  readonly given: readonly Given<Asked>[];
  readonly made: Made;
}

/**
 * What doors made of answers, by what was requested. The operations of a request are asked again each time, so that its
 * caller is let in, counted and told of as ever; only where they give the very bytes that they gave before (which kept
 * answers do as long as the data are the same), what was made of them need not be made again.
 */
export class RepeatedRequests<Asked, Made> {
  readonly #kept: Kept<Known<Asked, Made>>;

  constructor(bytesMax: number) {
    this.#kept = new Kept(bytesMax);
  }

  /** What was made of this request; null where it is to be made, of what `calls` may have been given by now. */
  async find(request: string, calls: RequestCalls<Asked>): Promise<Made | null> {
    const known = this.#kept.get(request);
    if (known === null) return null;
    const answers = await calls.ahead(known.given.map(({ asked }) => asked));
    const isSame = answers?.every((answer, at) => answer === known.given[at].answer) ?? false;
    return isSame ? known.made : null;
  }

  /** `bytes` = the size of what was made. Who asked for nothing was let in by nobody: that is not kept. */
  keep(request: string, { given }: RequestCalls<Asked>, made: Made, bytes: number): void {
    if (given.length === 0) return;
    const held = given.reduce((sum, { answer }) => sum + answer.length, 2 * request.length + bytes);
    this.#kept.keep(request, { given, made }, held);
  }
}
