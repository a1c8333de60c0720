import type { TaskState } from '../tasks/index.js';
import type { AnalysisView } from './analyses.dto.js';
import type { AnalysisRow } from './analyses.repository.js';
import type { AnalysisInput, AnalysisResult } from './analysis.js';
import type { Analysed } from './analysed-resources.js';
import { totalsOf } from './recommendation.js';

/** An analysis as it goes out: what has come of it so far, whatever becomes of its task. */
export function toAnalysisView(row: AnalysisRow, { recommended, failed }: Analysed): AnalysisView {
  const { project_id, goal } = row.input as AnalysisInput;
  const { estimated_saving, by_action } = totalsOf(recommended, failed.length);
  const done = recommended.length + failed.length;
  return {
    task_id: row.id,
    project_id,
    goal,
    state: row.state as TaskState,
    progress: { done, total: row.total ?? done },
    partial: row.state !== 'completed',
    recommendations: recommended.map(({ id: resource_id, name, recommendation }) => ({ resource_id, name, ...recommendation })),
    failed: failed.map(({ id: resource_id, name, error: { code, message } }) => ({ resource_id, name, code, message })),
    totals: { estimated_saving, by_action: { ...by_action } },
    summary: row.state === 'completed' ? (row.result as AnalysisResult).summary : null,
    error: row.error === null ? null : toErrorView(row.error as { readonly code: string; readonly message: string }),
    resumed_from: row.resumed_from,
  };
}

function toErrorView({ code, message }: { readonly code: string; readonly message: string }): NonNullable<AnalysisView['error']> {
  return { code, message };
}
