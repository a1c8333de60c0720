import { z } from 'zod';
import { storableText } from '../problems/index.js';
import { TASK_STATES } from '../tasks/index.js';
import { analysisSummary, recommendation } from './recommendation.js';
import { LONGEST_ID, MOST_RESOURCES } from './resources.dto.js';

const LONGEST_GOAL = 2000;

export const startAnalysisBody = z
  .object({
    goal: storableText.trim().min(1).max(LONGEST_GOAL).meta({ description: 'what to look for, in words' }),
    resource_ids: z
      .array(storableText.min(1).max(LONGEST_ID))
      .min(1)
      .max(MOST_RESOURCES)
      .optional()
      .meta({ description: 'which resources of the project; all of them if left out' }),
  })
  .meta({ id: 'StartAnalysis' });
export type StartAnalysisBody = z.infer<typeof startAnalysisBody>;

export const startedAnalysis = z.object({ task_id: z.uuid() }).meta({ id: 'StartedAnalysis' });
export type StartedAnalysis = z.infer<typeof startedAnalysis>;

const ofResource = { resource_id: z.string(), name: z.string() };
const failure = { code: z.string(), message: z.string() };

export const analysisView = z
  .object({
    task_id: z.uuid(),
    project_id: z.string(),
    goal: z.string(),
    state: z.enum(TASK_STATES),
    progress: z.object({ done: z.int(), total: z.int() }),
    partial: z.boolean().meta({ description: 'true unless the task has completed' }),
    recommendations: z.array(z.object({ ...ofResource, ...recommendation.shape })),
    failed: z.array(z.object({ ...ofResource, ...failure })).meta({ description: 'resources of which nothing came' }),
    totals: z.object({
      estimated_saving: z.number().nullable().meta({ description: 'of the recommendations so far; null where none has an estimate' }),
      by_action: z.record(z.string(), z.int()).meta({ description: 'how many, by the first word of their action' }),
    }),
    summary: analysisSummary.nullable().meta({ description: 'null until the task has completed' }),
    error: z.object(failure).nullable().meta({ description: 'why the task failed' }),
    resumed_from: z.uuid().nullable(),
  })
  .meta({ id: 'Analysis' });
export type AnalysisView = z.infer<typeof analysisView>;
