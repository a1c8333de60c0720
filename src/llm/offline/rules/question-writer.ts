import { hashText, shuffle } from './hash-text.js';
import { phraseOf } from './phrases.js';
import type { Gloss, Material } from './read-material.js';
import { clip } from './split-text.js';
import type { QuizQuestion } from './tasks.js';

/** A question that could be asked. Those of a lower `round` are asked first: the better ones, and one of each sentence. */
export interface Candidate {
  readonly round: number;
  readonly prompt: string;
  readonly material: Material;
  /** The question itself, or nothing if the material is not enough for it. Put off until it is wanted: most never are. */
  readonly write: () => QuizQuestion | undefined;
}

/** Everything that may be asked of one passage in one manner. The other passages lend wrong options. */
export type QuestionWriter = (material: Material, all: readonly Material[], seed: number) => Candidate[];

type Draft = Pick<QuizQuestion, 'type' | 'prompt' | 'options' | 'answer'>;

/** A question of a passage: with its skill, its id and the line that bears the answer out. */
export function toQuestion({ passage }: Material, line: string, draft: Draft): QuizQuestion {
  const source = passage.title === '' ? 'The passage' : `The passage “${clip(passage.title, 80)}”`;
  const explanation = `${source} says: “${clip(line, 200)}”`;
  return { ...draft, skill: passage.skill, explanation, passage_id: passage.id };
}

/**
 * Four options, the right one among them, or nothing if there are not enough others. A gloss that shares either side with the right
 * one could be right as well and is left out; one whose meaning overlaps is taken only if there is no better.
 */
export function chooseOptions(right: Gloss, glosses: readonly Gloss[], side: 'text' | 'meaning', seed: number): string[] | undefined {
  const others = shuffle(glosses, seed ^ hashText(right.line), (gloss) => gloss[side]).filter((gloss) => !isSame(gloss, right));
  const bestFirst = others.map((gloss) => ({ gloss, overlap: overlap(gloss, right) })).sort((a, b) => a.overlap - b.overlap);
  const distinct = new Map(bestFirst.map(({ gloss }) => [phraseOf(gloss[side]), gloss[side]]));
  const wrong = [...distinct.values()].slice(0, 3);
  return wrong.length === 3 ? shuffle([right[side], ...wrong], seed, (option) => option) : undefined;
}

function isSame(a: Gloss, b: Gloss): boolean {
  return phraseOf(a.text) === phraseOf(b.text) || phraseOf(a.meaning) === phraseOf(b.meaning);
}

function overlap(a: Gloss, b: Gloss): number {
  const [one, other] = [phraseOf(a.meaning), phraseOf(b.meaning)];
  return one.includes(other) || other.includes(one) ? 1 : 0;
}
