import { materialPrompt, type TextMessage } from '../llm/index.js';
import { analysisSummary, recommendation, type AnalysedResource, type AnalysisTotals } from './recommendation.js';
import type { Resource } from './resources.dto.js';

/** The strongest recommendations that go along to the summary, and how much of each. */
const MOST_RECOMMENDATIONS = 20;
const LONGEST_REASON = 300;

const ANALYSE_RESOURCE = `You advise on one resource of a project, towards the goal given: what should be done about it?
Judge from the data of the resource alone. If the data does not carry a judgement, say so: action "review", low confidence, estimated_saving null. Never invent numbers.
Give the reason in one or two sentences that name the figures they rest on. confidence is 0 to 1.`;

/** What is to be done about one resource. */
export function analyseResourcePrompt(goal: string, resource: Resource): TextMessage[] {
  return materialPrompt(ANALYSE_RESOURCE, recommendation, { task: 'analyse_resource', goal, resource });
}

const SUMMARISE_ANALYSIS = `You sum up an analysis of a project's resources for the person who asked for it, towards the goal given.
The totals are counted and right: repeat them, never count again. The recommendations are the strongest of all, not all of them.
Give a summary of two to five sentences and up to ten highlights, each one sentence about one resource or one kind of action.`;

/** What an analysis comes to. Of the recommendations only the strongest go along, so that the prompt is as short for a thousand. */
export function summariseAnalysisPrompt(goal: string, totals: AnalysisTotals, analysed: readonly AnalysedResource[]): TextMessage[] {
  const recommendations = strongestOf(analysed).map(({ id, name, recommendation: { reason, ...advice } }) => ({
    id: id.slice(0, LONGEST_REASON),
    name: name.slice(0, LONGEST_REASON),
    ...advice,
    reason: reason.slice(0, LONGEST_REASON),
  }));
  return materialPrompt(SUMMARISE_ANALYSIS, analysisSummary, { task: 'summarise_analysis', goal, totals, recommendations });
}

/** Those that save most, weighed by how sure they are; then the surest. */
function strongestOf(analysed: readonly AnalysedResource[]): AnalysedResource[] {
  const weight = ({ recommendation: { estimated_saving, confidence } }: AnalysedResource): number => (estimated_saving ?? 0) * confidence;
  return analysed
    .toSorted((a, b) => weight(b) - weight(a) || b.recommendation.confidence - a.recommendation.confidence)
    .slice(0, MOST_RECOMMENDATIONS);
}
