import type { ColumnType, Generated, GeneratedAlways, JSONColumnType, Selectable } from 'kysely';

type Timestamp = ColumnType<Date, Date | string | undefined, Date | string>;

type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>;
type OptionalTimestamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
type Json = ColumnType<unknown, string | null | undefined, string | null>;

export interface Books {
  id: Generated<number>;
  title: string;
  language: string;
  /** Whose it is alone; `null` where it is everybody's. */
  owner: Optional<string>;
  level: Optional<string>;
  subject: Optional<string>;
  created_at: Timestamp;
}

export interface Chapters {
  id: Generated<number>;
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
  /** What it was read from, and on which page. */
  document_id: Optional<string>;
  page: Optional<number>;
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
  /** The kind and the attempt of the task that it was made for. */
  task_kind: Optional<string>;
  task_attempt: Optional<number>;
  /** The date of the prices that it was booked at; `null` while it is open, and where its model has none. */
  prices_as_of: Optional<string>;
  /** What of its owner's budget is kept for it while it is open. */
  reserved_usd: ColumnType<string, string | number | undefined, string | number>;
}

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
  /** The same, by stage. */
  planned_stages: Json;
  /** Those that were still ahead when the task was stopped, by stage. */
  avoided_stages: Json;
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
  /** What is worked on at present, where the task has items. */
  item: Optional<string>;
  /** What one item takes, as its owner has measured it. */
  ms_per_item: Optional<number>;
  /** How often an instance vanished that worked on it. */
  losses: Generated<number>;
  deadline_at: OptionalTimestamp;
  /** What a disconnect of its client does: `cancel`, `continue` or `grace`. */
  on_disconnect: Generated<string>;
  grace_ms: Optional<number>;
  /** How many events its last attempt has told. */
  told: Generated<number>;
}

/** Unlogged: a crash of the server empties it. */
export interface TaskEvents {
  owner: string;
  task_id: string;
  attempt: number;
  /** Counts the events of an attempt, from 1. */
  sequence: number;
  type: string;
  data: string;
  created_at: Timestamp;
}

export interface TaskItems {
  owner: string;
  task_id: string;
  /** From 1. */
  ordinal: number;
  /** Tells the item from the others of its task. */
  key: string;
  name: string;
  state: Generated<string>;
  /** How often somebody has begun it. */
  attempts: Generated<number>;
  input: Json;
  result: Json;
  error: Json;
  started_at: OptionalTimestamp;
  finished_at: OptionalTimestamp;
}

export interface Blobs {
  id: string;
  owner: string;
  /** Which store holds the bytes. */
  place: string;
  /** `null` while they are still coming in. PostgreSQL gives `bigint` as text. */
  bytes: ColumnType<string | null, number | null | undefined, number | null>;
  sha256: Optional<string>;
  created_at: Timestamp;
  /** When it may be removed: soon, unless somebody keeps it; `null` while it is kept. */
  expires_at: OptionalTimestamp;
}

export interface BlobChunks {
  blob_id: string;
  ordinal: number;
  bytes: Buffer;
}

export interface Documents {
  id: string;
  owner: string;
  /** The task that reads it, or did so last. */
  task_id: string;
  ordinal: number;
  name: string;
  media_type: string;
  bytes: ColumnType<string, number, number>;
  sha256: string;
  /** `null` once it has been read. */
  blob_id: Optional<string>;
  state: Generated<string>;
  pages: Optional<number>;
  title: Optional<string>;
  language: Optional<string>;
  level: Optional<string>;
  subject: Optional<string>;
  chapters: Json;
  book_id: Optional<number>;
  error: Json;
  created_at: Timestamp;
}

export interface DocumentPages {
  document_id: string;
  /** From 1. */
  number: number;
  text: string;
  source: string;
}

export interface DocumentChunks {
  document_id: string;
  ordinal: number;
  page: number;
  text: string;
  embedding: ColumnType<string | null, string | null | undefined, string | null>;
  embedding_model: Optional<string>;
}

export interface Resources {
  owner: string;
  project_id: string;
  id: string;
  ordinal: number;
  name: string;
  data: ColumnType<unknown, string, string>;
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
  task_items: TaskItems;
  task_events: TaskEvents;
  blobs: Blobs;
  blob_chunks: BlobChunks;
  documents: Documents;
  document_pages: DocumentPages;
  document_chunks: DocumentChunks;
  resources: Resources;
}

/** A row as it is read. */
export type Row<Table extends keyof Schema> = Selectable<Schema[Table]>;
