import { clip } from './split-text.js';
import type { SummariseAnalysisTask } from './tasks.js';

export interface Summary {
  readonly summary: string;
  readonly highlights: readonly string[];
}

const MOST_HIGHLIGHTS = 10;
const LONGEST_HIGHLIGHT = 300;

/** The totals in sentences, and what saves most: nothing that was not counted before. */
export function summariseAnalysis({ totals, recommendations }: SummariseAnalysisTask): Summary {
  const { analysed, failed, by_action, estimated_saving } = totals;
  const actions = Object.entries(by_action).map(([action, count]) => `${action} ${count}`);
  const sentences = [
    `${analysed} ${analysed === 1 ? 'resource has' : 'resources have'} a recommendation${failed > 0 ? `, ${failed} could not be analysed` : ''}.`,
    actions.length > 0 ? `By action: ${actions.join(', ')}.` : '',
    estimated_saving === null ? 'No saving could be estimated.' : `The estimated saving is ${estimated_saving} a month in all.`,
    'These sentences were put together by a fixed rule, not by a model.',
  ];
  return { summary: sentences.filter(Boolean).join(' '), highlights: highlightsOf(recommendations) };
}

function highlightsOf(recommendations: SummariseAnalysisTask['recommendations']): string[] {
  return recommendations
    .filter(({ estimated_saving }) => (estimated_saving ?? 0) > 0)
    .slice(0, MOST_HIGHLIGHTS)
    .map(({ name, action, estimated_saving }) =>
      clip(`${name}: ${action}, saves an estimated ${estimated_saving ?? 0} a month.`, LONGEST_HIGHLIGHT),
    );
}
