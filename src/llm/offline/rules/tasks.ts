import { z } from 'zod';

export const QUESTION_TYPES = ['vocabulary', 'grammar', 'fill_in_blank', 'reading_comprehension'] as const;
export type QuestionType = (typeof QUESTION_TYPES)[number];

const text = z.string().catch('');
const id = z.union([z.string(), z.number()]);

const passage = z.object({ id, kind: text, skill: text, title: text, text });
export type Passage = z.infer<typeof passage>;
const passages = z.array(passage).catch([]);

const question = z.object({
  index: z.number(),
  prompt: text,
  options: z.array(z.string()).nullable().catch(null),
  answer: text,
  passage_id: id.nullable().catch(null),
});

/** Keeps the fields that it does not read, such as the feedback on an earlier quiz: they vary the quiz. */
const writeQuiz = z.looseObject({
  task: z.literal('write_quiz'),
  exercise_type: z.enum([...QUESTION_TYPES, 'mixed']).catch('mixed'),
  question_count: z.number().int().nonnegative().catch(5),
  already_asked: z.array(z.string()).catch([]),
  weak_skills: z.array(z.object({ skill: z.string(), accuracy: z.number().catch(0) })).catch([]),
  passages,
});

const evaluateQuiz = z.object({ task: z.literal('evaluate_quiz'), passages, questions: z.array(question).catch([]) });

const gradeAnswer = z.object({ task: z.literal('grade_answer'), correct_answer: text, answer: text });

const pageText = z.object({ number: z.int(), text });

const classifyDocument = z.object({
  task: z.literal('classify_document'),
  name: text,
  page_count: z.int().catch(0),
  pages: z.array(pageText).catch([]),
});

const catalogued = z.object({ title: text, language: text, level: text, subject: text });

const catalogueBook = z.object({ task: z.literal('catalogue_book'), documents: z.array(catalogued).catch([]) });

const analyseResource = z.object({ task: z.literal('analyse_resource'), resource: z.record(z.string(), z.unknown()).catch({}) });

const advice = z.object({ name: text, action: text, estimated_saving: z.number().nullable().catch(null) });

const totals = z.object({
  analysed: z.number().catch(0),
  failed: z.number().catch(0),
  by_action: z.record(z.string(), z.number()).catch({}),
  estimated_saving: z.number().nullable().catch(null),
});

const summariseAnalysis = z.object({
  task: z.literal('summarise_analysis'),
  totals,
  recommendations: z.array(advice).catch([]),
});

const task = z.discriminatedUnion('task', [
  writeQuiz,
  evaluateQuiz,
  gradeAnswer,
  classifyDocument,
  catalogueBook,
  analyseResource,
  summariseAnalysis,
]);
export type Task = z.infer<typeof task>;
export type WriteQuizTask = z.infer<typeof writeQuiz>;
export type EvaluateQuizTask = z.infer<typeof evaluateQuiz>;
export type GradeAnswerTask = z.infer<typeof gradeAnswer>;
export type ClassifyDocumentTask = z.infer<typeof classifyDocument>;
export type CatalogueBookTask = z.infer<typeof catalogueBook>;
export type AnalyseResourceTask = z.infer<typeof analyseResource>;
export type SummariseAnalysisTask = z.infer<typeof summariseAnalysis>;

/** One question as `write_quiz` answers it. `options` is null where the answer is written freely. */
export interface QuizQuestion {
  readonly type: QuestionType;
  readonly skill: string;
  readonly prompt: string;
  readonly options: readonly string[] | null;
  readonly answer: string;
  readonly explanation: string;
  readonly passage_id: Passage['id'];
}

/** What `evaluate_quiz` says of one question. */
export interface Verdict {
  readonly index: number;
  readonly level_ok: boolean;
  readonly correct: boolean;
  readonly grounded: boolean;
  readonly reason: string;
}

/** What `grade_answer` says of an answer; `score` runs from 0 to 1. */
export interface Grade {
  readonly correct: boolean;
  readonly score: number;
  readonly explanation: string;
}

/** The task that a message holds, with defaults for what it leaves out; nothing if it is not one of ours. */
export function readTask(document: unknown): Task | undefined {
  return task.safeParse(document).data;
}

/** The passages that a document of any shape holds under `passages`. */
export function readPassages(document: unknown): Passage[] {
  return z.object({ passages }).safeParse(document).data?.passages ?? [];
}
