import { EngineError } from '../../src/model/errors.ts';
import type { OutputChunk, Sink } from '../../src/sinks/sink.ts';
import type { Mutant } from './mutants.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** A server that keeps, for each key, the row with the highest version, as the tables do. */
export class SinkServer {
  readonly name: string;
  readonly streams: readonly string[];
  readonly #onRows: (sink: string, chunk: OutputChunk) => void;
  isDown = false;

  constructor(name: string, streams: readonly string[], onRows: (sink: string, chunk: OutputChunk) => void) {
    this.name = name;
    this.streams = streams;
    this.#onRows = onRows;
  }

  deliver(chunks: readonly OutputChunk[]): void {
    if (this.isDown) throw unavailable(this.name);
    for (const chunk of chunks) this.#onRows(this.name, chunk);
  }
}

export class SimulatedSink implements Sink {
  readonly #server: SinkServer;
  readonly #process: SimulatedProcess;
  readonly #mutant: Mutant | null;

  constructor(server: SinkServer, process: SimulatedProcess, mutant: Mutant | null) {
    this.#server = server;
    this.#process = process;
    this.#mutant = mutant;
  }

  get name(): string {
    return this.#server.name;
  }
  get streams(): readonly string[] {
    return this.#server.streams;
  }

  async deliver(chunks: readonly OutputChunk[]): Promise<void> {
    const answer = this.#process.call(
      () => this.#server.deliver(chunks),
      () => unavailable(this.name),
    );
    if (this.#mutant !== 'acknowledge_before_delivery') return await answer;
    answer.catch(() => undefined);
  }

  async check(): Promise<void> {}
  async close(): Promise<void> {}
}

function unavailable(name: string): EngineError {
  return new EngineError('SINK_UNAVAILABLE', `simulated: no answer from ${name}`);
}
