import type { ColumnType, Generated, GeneratedAlways, JSONColumnType } from 'kysely';

type Timestamp = ColumnType<Date, Date | string | undefined, Date | string>;

export interface Books {
  id: number;
  title: string;
  language: string;
}

export interface Chapters {
  id: number;
  book_id: number;
  title: string;
  level: string;
}

export interface Passages {
  id: GeneratedAlways<number>;
  chapter_id: number;
  ordinal: number;
  kind: string;
  skill: string;
  title: string;
  text: string;
  /** A pgvector literal, `null` until embedded. Vectors of several models may stand beside each other while a change is under way. */
  embedding: ColumnType<string | null, string | null | undefined, string | null>;
  embedding_model: string | null;
}

export interface Quizzes {
  id: string;
  task_id: string;
  owner: string;
  book_id: number;
  chapter_id: number;
  exercise_type: string;
  evaluation: JSONColumnType<object>;
  created_at: Timestamp;
}

export interface Questions {
  id: string;
  quiz_id: string;
  ordinal: number;
  type: string;
  skill: string;
  prompt: string;
  options: JSONColumnType<string[]> | null;
  answer: string;
  explanation: string;
  passage_id: number;
}

export interface QuestionResults {
  id: GeneratedAlways<number>;
  owner: string;
  question_id: string;
  book_id: number;
  skill: string;
  answer: string;
  is_correct: boolean;
  score: number;
  created_at: Timestamp;
}

export interface LlmCalls {
  id: string;
  task_id: string;
  owner: string | null;
  stage: string;
  kind: string;
  model: string;
  outcome: Generated<string>;
  prompt_tokens: Generated<number>;
  completion_tokens: Generated<number>;
  is_exact: Generated<boolean>;
  cost_usd: ColumnType<string, string | number | undefined, string | number>;
  started_at: Timestamp;
  ended_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
}

/** The tables, as Kysely sees them. */
export interface Schema {
  books: Books;
  chapters: Chapters;
  passages: Passages;
  quizzes: Quizzes;
  questions: Questions;
  question_results: QuestionResults;
  llm_calls: LlmCalls;
}
