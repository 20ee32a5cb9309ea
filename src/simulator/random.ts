/**
 * Our own generator of chance: sfc32 (Doty-Humphrey, PractRand), seeded through splitmix32. The same
 * seed and label give the same numbers on every machine, which Math.random cannot promise.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Streams with different labels are independent, so adding a draw to one never shifts another. */
  constructor(seed: number, label: string) {
    let state = (seed ^ Math.imul(seed / 4_294_967_296, 0x9e3779b1)) | 0;
    for (let i = 0; i < label.length; i++) state = Math.imul(state ^ label.charCodeAt(i), 0x01000193);
    const mix = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#a = mix();
    this.#b = mix();
    this.#c = mix();
    for (let i = 0; i < 12; i++) this.word();
  }

  /** 32 random bits as a signed integer. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return (this.word() >>> 0) / 4_294_967_296;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** Uniform integer in [low, high]. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.unit() * items.length)];
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit());
  }

  logNormal(mu: number, sigma: number): number {
    return Math.exp(mu + sigma * this.normal());
  }

  /** Gamma(shape, 1) by Marsaglia and Tsang; a shape below 1 is boosted. */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.unit()) ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.unit()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  beta(alpha: number, beta: number): number {
    const x = this.gamma(alpha);
    return x / (x + this.gamma(beta));
  }

  /** Poisson by Knuth's product for small means, by a rounded normal for large ones. */
  poisson(mean: number): number {
    if (mean <= 0) return 0;
    if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()));
    const floor = Math.exp(-mean);
    let count = 0;
    for (let product = this.unit(); product > floor; product *= this.unit()) count += 1;
    return count;
  }

  /** How often a thing repeats, at least once, when each repeat follows with `probability`. */
  repeats(probability: number, max: number): number {
    let count = 1;
    while (count < max && this.chance(probability)) count += 1;
    return count;
  }

  /** 16 random bytes. */
  id(): Uint8Array {
    const words = new Int32Array(4);
    for (let i = 0; i < 4; i++) words[i] = this.word();
    return new Uint8Array(words.buffer);
  }
}
