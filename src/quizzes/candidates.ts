import { randomUUID } from 'node:crypto';
import { draftQuestion, type Candidate } from './exercise.js';
import { missingQuestions, type QuizState } from './quiz-state.js';

/** The questions of one attempt that are of use, as they come. */
export class Candidates {
  readonly #passages: ReadonlySet<number>;
  readonly #asked: Set<string>;
  readonly #missing: number;
  readonly #onCandidate: (candidate: Candidate) => void;
  readonly #found: Candidate[] = [];
  /** How many questions have been looked at. */
  #seen = 0;

  constructor(state: QuizState, onCandidate: (candidate: Candidate) => void) {
    this.#passages = new Set(state.passages.map(({ id }) => id));
    this.#asked = new Set(state.accepted.map(({ prompt }) => prompt));
    this.#missing = missingQuestions(state);
    this.#onCandidate = onCandidate;
  }

  /** Looks at the question at a place, once. Of use is what fits, rests on a passage that was given, was not asked before, and is still missing. */
  offer(value: unknown, index: number): void {
    if (index < this.#seen) return;
    this.#seen = index + 1;
    const { data: question } = draftQuestion.safeParse(value);
    if (!question || this.#found.length >= this.#missing) return;
    if (!this.#passages.has(question.passage_id) || this.#asked.has(question.prompt)) return;
    this.#asked.add(question.prompt);
    const candidate = { ...question, id: randomUUID() };
    this.#found.push(candidate);
    this.#onCandidate(candidate);
  }

  get found(): readonly Candidate[] {
    return this.#found;
  }
}
