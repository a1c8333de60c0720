/** When a client hangs up: the moments of a quiz's life, in order. */
export const MOMENTS = ['before the first LLM call', 'while generating', 'before evaluation', 'while evaluating'] as const;
export type Moment = (typeof MOMENTS)[number];

export interface HangUp {
  readonly moment: Moment;
  /** How much of the answer has been written by then, 0 to 1: for the moments inside an answer. */
  readonly share: number;
}

export interface PlannedQuiz {
  readonly index: number;
  readonly user: string;
  readonly body: object;
  readonly hangUp?: HangUp;
}

const USERS = 100;
const QUIZZES_PER_WEEK = 10;
const WEEKS = 4;
const HUNG_UP = 0.1;
/** Of a quiz, as in the command that the app prints at its start. */
export const QUESTIONS = 3;
const SEED = 0x5eed;

const CHAPTERS = [101, 102, 103, 104, 105];
const EXERCISE_TYPES = ['vocabulary', 'grammar', 'fill_in_blank', 'reading_comprehension', 'mixed'];

/** The month that is replayed: every user's quizzes in turn, exactly a tenth of them hung up on, moments drawn evenly. Always the same. */
export function planMonth(): PlannedQuiz[] {
  const random = mulberry32(SEED);
  const count = USERS * QUIZZES_PER_WEEK * WEEKS;
  const doomed = new Set(shuffle([...Array(count).keys()], random).slice(0, count * HUNG_UP));
  return Array.from({ length: count }, (_, index) => ({
    index,
    user: `user-${index % USERS}`,
    body: { book_id: 1, chapter_id: pick(CHAPTERS, random), exercise_type: pick(EXERCISE_TYPES, random), question_count: QUESTIONS },
    ...(doomed.has(index) && { hangUp: { moment: pick(MOMENTS, random), share: random() } }),
  }));
}

/** A small seeded generator of numbers from 0 to 1 (Tommy Ettinger, public domain). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}

function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
