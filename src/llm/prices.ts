import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../config/index.js';

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

const perMillion = z.number().nonnegative().max(1_000_000);
const priceFile = z.strictObject({
  date: z.iso.date(),
  models: z.record(z.string().min(1), z.strictObject({ input: perMillion, output: perMillion })),
});

/** The prices in force, and the day they are of. */
export class PriceTable {
  readonly #prices: ReadonlyMap<string, Price>;

  constructor(
    /** `YYYY-MM-DD`. */
    readonly date: string,
    prices: Readonly<Record<string, Price>>,
  ) {
    this.#prices = new Map(Object.entries(prices));
  }

  /**
   * The prices of a JSON file, in place of all built-in ones: `{date, models: {name: {input, output}}}`, in US dollars per million
   * tokens. Throws a `ConfigError` of one line for a file that cannot be read, or is not of this shape.
   */
  static async read(path: string): Promise<PriceTable> {
    const parsed = priceFile.safeParse(await jsonOf(path));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw unusable(path, `/${(issue?.path ?? []).join('/')}: ${issue?.message ?? 'does not fit'}`);
    }
    const { date, models } = parsed.data;
    const prices = Object.entries(models).map(([name, { input, output }]) => [name, { prompt: input, completion: output }] as const);
    return new PriceTable(date, Object.fromEntries(prices));
  }

  /** What tokens of a model cost, in US dollars; `undefined` for a model without a known price. */
  costOf(model: string, { promptTokens, completionTokens }: TokenCount): number | undefined {
    const price = this.#prices.get(model);
    return price && (promptTokens * price.prompt + completionTokens * price.completion) / 1_000_000;
  }
}

export const BUILT_IN_PRICES = new PriceTable(PRICES_AS_OF, PRICES);

/** What tokens of a model cost at the built-in prices, in US dollars; `undefined` for a model without one. */
export function costOf(model: string, tokens: TokenCount): number | undefined {
  return BUILT_IN_PRICES.costOf(model, tokens);
}

async function jsonOf(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw unusable(path, `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, error);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unusable(path, 'it is not JSON', error);
  }
}

function unusable(path: string, why: string, cause?: unknown): ConfigError {
  const shape = '{"date": "YYYY-MM-DD", "models": {"name": {"input": 1, "output": 2}}}';
  return new ConfigError(`PRICES_FILE must name a file like ${shape}: ${why} (it is ${JSON.stringify(path)})`, { cause });
}
