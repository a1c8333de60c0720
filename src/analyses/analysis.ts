import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AnalysisSummary, AnalysisTotals } from './recommendation.js';
import type { StartAnalysisBody } from './analyses.dto.js';

/** The kind of task that an analysis is. */
export const ANALYSIS = 'analysis';

/** What an analysis is asked for. The resources themselves are its items: as they were when it was made. */
export const analysisInput = z.object({
  project_id: z.string(),
  goal: z.string(),
  /** Tells which resources were asked for from which others were; `null` for all. */
  selection: z.string().nullable(),
});
export type AnalysisInput = z.infer<typeof analysisInput>;

/** What a completed analysis leaves besides its recommendations. */
export interface AnalysisResult {
  readonly project_id: string;
  readonly totals: AnalysisTotals;
  readonly summary: AnalysisSummary;
}

export function toAnalysisInput(project_id: string, { goal, resource_ids }: StartAnalysisBody): AnalysisInput {
  return { project_id, goal, selection: resource_ids ? digestOf(resource_ids) : null };
}

/** The same for the same ids, in whatever order and however often: thousands of them are too many for the row of a task. */
function digestOf(ids: readonly string[]): string {
  const distinct = [...new Set(ids)].toSorted();
  return createHash('sha256').update(JSON.stringify(distinct)).digest('base64url');
}
