import type { ModelCall } from '../../src/llm/offline/index.js';
import type { DatabaseWatch } from './locks.js';

/** Lessons lie behind the chapters of the sample book. */
const FIRST_CHAPTER = 100_000;
const MARK = /⟦lesson (\d+)⟧/;

/** What each quiz is asked from: a chapter of its own, so that a call at the model tells which quiz it is for. */
export const LESSON = { book_id: 1, exercise_type: 'vocabulary', question_count: 1 };

/** Adds so many chapters of one passage each, embedded already, and marked so that every prompt made from one can be told. */
export async function addLessons(database: DatabaseWatch, count: number): Promise<void> {
  await database.rows(
    `insert into chapters (id, book_id, title, level)
     select $1::int + n, 1, format('⟦lesson %s⟧', n), 'A1' from generate_series(0, $2::int - 1) n`,
    [FIRST_CHAPTER, count],
  );
  await database.rows(
    `insert into passages (chapter_id, ordinal, kind, skill, title, text, embedding, embedding_model)
     select $1::int + n, 0, kind, skill, format('⟦lesson %s⟧', n), text, embedding, embedding_model
     from generate_series(0, $2::int - 1) n, passages where chapter_id = 101 and ordinal = 0`,
    [FIRST_CHAPTER, count],
  );
  await database.rows('analyze chapters, passages');
}

/** What a client posts for a quiz of a lesson. */
export function quizOf(lesson: number, over: object = {}): object {
  return { ...LESSON, chapter_id: FIRST_CHAPTER + lesson, ...over };
}

/** The lesson that a quiz was asked from. */
export function lessonOfChapter(chapter: number): number {
  return chapter - FIRST_CHAPTER;
}

/** The lesson that a call is about, `undefined` for one that is about none. */
export function lessonOf(call: ModelCall): number | undefined {
  if (!known.has(call)) known.set(call, readLesson(call));
  return known.get(call);
}

/** Everybody who waits for a call asks again whenever anything has happened. */
const known = new WeakMap<ModelCall, number | undefined>();

function readLesson(call: ModelCall): number | undefined {
  const found = MARK.exec(call.kind === 'chat' ? textOf(call.request.messages.at(-1)?.content) : textOf(call.request.input));
  return found ? Number(found[1]) : undefined;
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content);
}
