import { publishFact } from '../model/facts.ts';
import type { Whole } from '../model/whole.ts';

/** More currencies than that are told together: producers name them. */
const currenciesMax = 32;
const otherCurrencies = 'other';

/** Money at risk of a lane's flights, as their newest snapshots say, by currency; of flights with none nothing is kept. */
export class RiskTally {
  readonly #byFlight = new Map<object, { readonly currency: string; readonly micros: number }>();
  readonly #told = new Set<string>();
  #hasChanged = false;

  note(flight: object, currency: string, atRisk: Whole | null): void {
    if (atRisk === null || atRisk <= 0) {
      if (this.#byFlight.delete(flight)) this.#hasChanged = true;
      return;
    }
    this.#byFlight.set(flight, { currency, micros: Number(atRisk) });
    this.#hasChanged = true;
  }

  /** Tells whoever listens, where something is another than before. */
  tell(partition: number): void {
    if (!this.#hasChanged) return;
    this.#hasChanged = false;
    const sums = new Map([...this.#told].map((currency) => [currency, 0]));
    for (const { currency, micros } of this.#byFlight.values()) {
      const name = sums.has(currency) || sums.size < currenciesMax ? currency : otherCurrencies;
      sums.set(name, (sums.get(name) ?? 0) + micros);
      this.#told.add(name);
    }
    publishFact('money.at_risk', { partition, amounts: [...sums].map(([currency, micros]) => ({ currency, micros })) });
  }
}
