/** US dollars per million tokens. */
export interface Price {
  readonly prompt: number;
  readonly completion: number;
}

/** List prices of the providers, as published on this date. */
export const PRICES_AS_OF = '2026-11-01';
export const PRICES: Readonly<Record<string, Price>> = {
  'gpt-4o': { prompt: 2.5, completion: 10 },
  'gpt-4o-mini': { prompt: 0.15, completion: 0.6 },
  'gpt-4.1': { prompt: 2, completion: 8 },
  'gpt-4.1-mini': { prompt: 0.4, completion: 1.6 },
  'text-embedding-3-small': { prompt: 0.02, completion: 0 },
  'text-embedding-3-large': { prompt: 0.13, completion: 0 },
  'hangup-offline': { prompt: 0, completion: 0 },
  'hangup-offline-embedding': { prompt: 0, completion: 0 },
};

export interface TokenCount {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** What tokens of a model cost, in US dollars; `undefined` for a model without a known price. */
export function costOf(model: string, { promptTokens, completionTokens }: TokenCount): number | undefined {
  const price = PRICES[model];
  return price && (promptTokens * price.prompt + completionTokens * price.completion) / 1_000_000;
}
