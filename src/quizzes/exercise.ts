import { z } from 'zod';
import { storableText } from '../problems/index.js';

export const EXERCISE_TYPES = ['vocabulary', 'grammar', 'fill_in_blank', 'reading_comprehension', 'mixed'] as const;
export type ExerciseType = (typeof EXERCISE_TYPES)[number];

export const QUESTION_TYPES = ['vocabulary', 'grammar', 'fill_in_blank', 'reading_comprehension'] as const;

/** One question as the model must write it. With options it is a choice, and the answer is one of them. */
export const draftQuestion = z
  .object({
    type: z.enum(QUESTION_TYPES),
    skill: storableText.min(1),
    prompt: storableText.min(1),
    options: z.array(storableText.min(1)).min(2).max(6).nullable(),
    answer: storableText.min(1),
    explanation: storableText,
    passage_id: z.int(),
  })
  .refine(({ options, answer }) => options === null || options.includes(answer), { path: ['answer'], message: 'is not among the options' });
export type DraftQuestion = z.infer<typeof draftQuestion>;

/** A question that may become one of the quiz, under the id that it would have there. */
export interface Candidate extends DraftQuestion {
  readonly id: string;
}

export const draftQuiz = z.object({ questions: z.array(draftQuestion).min(1) });

/** The evaluator's word on one question. */
export const verdict = z.object({
  index: z.int().min(0),
  level_ok: z.boolean(),
  correct: z.boolean(),
  grounded: z.boolean(),
  reason: storableText,
});
export type Verdict = z.infer<typeof verdict>;

export const quizEvaluation = z.object({ verdicts: z.array(verdict) });

export const answerGrade = z.object({ correct: z.boolean(), score: z.number().min(0).max(1), explanation: z.string() });
export type AnswerGrade = z.infer<typeof answerGrade>;
