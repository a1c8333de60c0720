import { z } from 'zod';
import { storableText } from '../problems/index.js';
import { taskEvent } from '../tasks/index.js';
import { EXERCISE_TYPES, QUESTION_TYPES } from './exercise.js';

const databaseId = z.int().min(1).max(2_147_483_647);

export const bookIdParam = z.coerce.number<string>().pipe(databaseId);
/** In one spelling, so that it can be compared. */
export const uuidParam = z.uuid().toLowerCase();

export const generateQuizBody = z
  .object({
    book_id: databaseId,
    chapter_id: databaseId,
    exercise_type: z.enum(EXERCISE_TYPES),
    question_count: z.int().min(1).max(20).default(5),
  })
  .meta({ id: 'GenerateQuiz' });
export type GenerateQuizBody = z.infer<typeof generateQuizBody>;

export const validateAnswerBody = z
  .object({ quiz_id: uuidParam, question_id: uuidParam, answer: storableText.trim().min(1).max(4000) })
  .meta({ id: 'ValidateAnswer' });
export type ValidateAnswerBody = z.infer<typeof validateAnswerBody>;

export const listQuizzesQuery = z.object({
  limit: z.coerce.number<string>().int().min(1).max(100).default(20),
  cursor: z.string().optional(),
});
export type ListQuizzesQuery = z.infer<typeof listQuizzesQuery>;

/** A question as a learner sees it: without its answer. */
export const questionView = z
  .object({
    id: z.uuid(),
    type: z.enum(QUESTION_TYPES),
    skill: z.string(),
    prompt: z.string(),
    options: z.array(z.string()).nullable(),
  })
  .meta({ id: 'Question' });

export const quizView = z
  .object({
    id: z.uuid(),
    task_id: z.uuid(),
    book_id: z.int(),
    chapter_id: z.int(),
    exercise_type: z.enum(EXERCISE_TYPES),
    created_at: z.iso.datetime(),
    evaluation: z.object({ attempts: z.int(), rejected: z.int(), reasons: z.array(z.string()) }),
    questions: z.array(questionView),
  })
  .meta({ id: 'Quiz' });
export type QuizView = z.infer<typeof quizView>;

export const quizPage = z
  .object({ quizzes: z.array(quizView), next_cursor: z.string().optional().meta({ description: 'absent on the last page' }) })
  .meta({ id: 'QuizPage' });

export const usageView = z
  .object({ prompt_tokens: z.int(), completion_tokens: z.int(), estimated: z.boolean(), cost_usd: z.number() })
  .meta({ id: 'Usage' });

export const generatedQuiz = z.object({ task_id: z.uuid(), quiz: quizView, usage: usageView }).meta({ id: 'GeneratedQuiz' });
export type GeneratedQuiz = z.infer<typeof generatedQuiz>;

/** What a quiz tells while it is made, besides what every task tells. */
export const quizEvent = z
  .discriminatedUnion('type', [
    ...taskEvent.options,
    z.object({
      type: z.literal('question'),
      data: z
        .object({ attempt: z.int(), question: questionView })
        .meta({ description: 'as soon as the model has written it; the evaluation may still refuse it' }),
    }),
    z.object({
      type: z.literal('evaluation'),
      data: z.object({
        attempt: z.int(),
        accepted: z.array(z.uuid()),
        rejected: z.array(z.object({ id: z.uuid(), reason: z.string() })),
      }),
    }),
  ])
  .meta({ id: 'QuizEvent' });

export const answerVerdict = z
  .object({
    task_id: z.uuid(),
    correct: z.boolean(),
    score: z.number().meta({ description: '0 to 1' }),
    explanation: z.string(),
    correct_answer: z.string(),
  })
  .meta({ id: 'AnswerVerdict' });
export type AnswerVerdict = z.infer<typeof answerVerdict>;

export const bookView = z
  .object({
    id: z.int(),
    title: z.string(),
    language: z.string(),
    level: z.string().nullable(),
    subject: z.string().nullable(),
    chapters: z.int(),
    is_private: z.boolean().meta({ description: 'made of documents, and its owner’s alone' }),
  })
  .meta({ id: 'Book' });
export const chapterView = z.object({ id: z.int(), title: z.string(), level: z.string(), passages: z.int() }).meta({ id: 'Chapter' });

export const bookList = z.object({ books: z.array(bookView) }).meta({ id: 'BookList' });
export const deletedBook = z
  .object({ id: z.int(), cancelled_task_ids: z.array(z.uuid()).meta({ description: 'tasks that used it' }) })
  .meta({ id: 'DeletedBook' });
export const chapterList = z.object({ book_id: z.int(), chapters: z.array(chapterView) }).meta({ id: 'ChapterList' });
