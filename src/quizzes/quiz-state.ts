import { Annotation } from '@langchain/langgraph';
import type { ChapterContext, Passage } from '../content/index.js';
import type { Candidate, ExerciseType } from './exercise.js';
import type { SkillAccuracy } from './question-results.repository.js';

/** What a quiz is to be made of. */
export interface QuizRequest {
  readonly owner: string;
  readonly bookId: number;
  readonly chapterId: number;
  readonly chapter: ChapterContext;
  readonly exerciseType: ExerciseType;
  readonly questionCount: number;
}

/** What the nodes of the quiz graph read and write. Each field is replaced by what a node returns. */
export const QuizState = Annotation.Root({
  request: Annotation<QuizRequest>,
  /** The skills this learner does worst at. */
  weakSkills: Annotation<readonly SkillAccuracy[]>,
  passages: Annotation<readonly Passage[]>,
  /** Written and not yet evaluated. */
  draft: Annotation<readonly Candidate[]>,
  /** Passed the evaluation. */
  accepted: Annotation<readonly Candidate[]>,
  /** Why questions were refused, for the next attempt and for the learner's app. */
  feedback: Annotation<readonly string[]>,
  rejected: Annotation<number>,
  attempts: Annotation<number>,
});
export type QuizState = typeof QuizState.State;

/** Where a node tells what it has come to, for whoever watches the quiz come into being. */
export type Tell = (type: string, data: object) => void;

/** One attempt and at most two more. */
export const MAX_ATTEMPTS = 3;

export function initialState(request: QuizRequest): QuizState {
  return { request, weakSkills: [], passages: [], draft: [], accepted: [], feedback: [], rejected: 0, attempts: 0 };
}

export function missingQuestions({ request, accepted }: QuizState): number {
  return request.questionCount - accepted.length;
}
