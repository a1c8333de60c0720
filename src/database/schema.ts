import type { ColumnType, Generated, GeneratedAlways, JSONColumnType, Selectable } from 'kysely';

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

type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>;
type Json = ColumnType<unknown, string | null | undefined, string | null>;

export interface Tasks {
  owner: string;
  id: string;
  kind: string;
  scopes: ColumnType<string[], string[] | undefined, string[]>;
  state: string;
  /** Runs in the background: whoever is free may go on with it. */
  is_job: Generated<boolean>;
  /** 0 while nobody has begun. */
  attempt: Generated<number>;
  input: Json;
  /** Tells whether a request that comes again is the same one. */
  input_hash: Optional<string>;
  done: Generated<number>;
  total: Optional<number>;
  /** LLM calls on the straight path, without retries. */
  planned_calls: Generated<number>;
  result: Json;
  error: Json;
  stage: Optional<string>;
  cancel: Json;
  receipt: Json;
  client_id: Optional<string>;
  /** Milliseconds since 1970 by the client's clock; PostgreSQL gives `bigint` as text. */
  issued_at: ColumnType<string | null, number | null | undefined, number | null>;
  created_at: Timestamp;
  started_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
  finished_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
  instance_id: Optional<string>;
  lease_until: ColumnType<Date | null, Date | null | undefined, Date | null>;
  attached_until: ColumnType<Date | null, Date | null | undefined, Date | null>;
  resumed_from: Optional<string>;
}

export interface CancelMarks {
  id: GeneratedAlways<string>;
  owner: string;
  scope: string;
  /** Stops tasks of this kind alone; of any kind where it is `null`. */
  kind: Optional<string>;
  client_id: Optional<string>;
  issued_at: ColumnType<string | null, number | null | undefined, number | null>;
  reason: Optional<string>;
  requested_by: string;
  created_at: Timestamp;
  expires_at: ColumnType<Date, Date, Date>;
  /** It has stopped the one task without an issue time that it may stop. */
  is_blind_spent: Generated<boolean>;
}

export interface ChatMessages {
  owner: string;
  id: string;
  session_id: string;
  /** Counts the messages of a session, from 1. */
  ordinal: number;
  role: string;
  content: string;
  state: string;
  /** The task that answers: a message and its reply have the same. */
  task_id: string;
  created_at: Timestamp;
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
  tasks: Tasks;
  cancel_marks: CancelMarks;
  chat_messages: ChatMessages;
}

/** A row as it is read. */
export type Row<Table extends keyof Schema> = Selectable<Schema[Table]>;
