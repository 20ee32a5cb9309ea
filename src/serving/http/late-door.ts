import type { Door, HttpCall } from './door.ts';

/** A door whose code is loaded at its first call: most engines never hear one at every door, and all would pay for it. */
export class LateDoor implements Door {
  readonly name: string;
  readonly takes: (path: string) => boolean;
  readonly #load: () => Promise<Door>;
  #loading: Promise<Door> | null = null;

  constructor(name: string, takes: (path: string) => boolean, load: () => Promise<Door>) {
    this.name = name;
    this.takes = takes;
    this.#load = load;
  }

  async answer(call: HttpCall): Promise<void> {
    this.#loading ??= this.#load();
    const door = await this.#loading;
    await door.answer(call);
  }
}
