import { z } from 'zod';
import { storableText } from '../problems/index.js';

/** What is to be done about one resource, as the model must say it. */
export const recommendation = z.object({
  action: storableText.min(1).max(200).describe('a short verb phrase, such as keep, resize to 2 vCPU, stop'),
  reason: storableText.min(1).max(2000),
  confidence: z.number().min(0).max(1),
  estimated_saving: z
    .number()
    .nullable()
    .describe("per month, in the currency of the resource's own cost; 0 if nothing is saved, null if it cannot be told"),
});
export type Recommendation = z.infer<typeof recommendation>;

/** What all recommendations of an analysis come to, as the model must say it. */
export const analysisSummary = z.object({
  summary: storableText.min(1).max(4000),
  highlights: z.array(storableText.min(1).max(500)).max(10),
});
export type AnalysisSummary = z.infer<typeof analysisSummary>;

export interface AnalysedResource {
  readonly id: string;
  readonly name: string;
  readonly recommendation: Recommendation;
}

/** What code counts, so that no model has to. */
export interface AnalysisTotals {
  /** Resources that have a recommendation. */
  readonly analysed: number;
  readonly failed: number;
  /** By the first word of the action, the most frequent first; those of the rarest together as `other`. */
  readonly by_action: Readonly<Record<string, number>>;
  /** The sum per month of all that have an estimate, to two places; null where none has. Currencies are not told apart. */
  readonly estimated_saving: number | null;
}

const MOST_ACTIONS = 12;

/** Counts the recommendations. `failed` is the number of resources that got none. */
export function totalsOf(analysed: readonly AnalysedResource[], failed = 0): AnalysisTotals {
  const savings = analysed.map(({ recommendation: { estimated_saving } }) => estimated_saving).filter((saving) => saving !== null);
  return {
    analysed: analysed.length,
    failed,
    by_action: countActions(analysed),
    estimated_saving: savings.length === 0 ? null : Math.round(savings.reduce((sum, saving) => sum + saving, 0) * 100) / 100,
  };
}

function countActions(analysed: readonly AnalysedResource[]): Record<string, number> {
  const groups = Object.groupBy(analysed, ({ recommendation: { action } }) => verbOf(action));
  const counts = Object.entries(groups)
    .map(([verb, of]): [string, number] => [verb, of?.length ?? 0])
    .toSorted(([, a], [, b]) => b - a);
  const rest = counts.slice(MOST_ACTIONS).reduce((sum, [, count]) => sum + count, 0);
  return Object.fromEntries([...counts.slice(0, MOST_ACTIONS), ...(rest > 0 ? [['other', rest] as const] : [])]);
}

function verbOf(action: string): string {
  return /[\p{L}\p{N}-]+/u.exec(action)?.[0].toLowerCase() ?? action;
}
