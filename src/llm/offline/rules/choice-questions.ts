import { chooseOptions, toQuestion, type Candidate, type QuestionWriter } from './question-writer.js';
import type { Gloss, Material } from './read-material.js';
import type { QuestionType } from './tasks.js';

type Side = 'text' | 'meaning';

interface Manner {
  readonly type: QuestionType;
  readonly glosses: (material: Material) => readonly Gloss[];
  /** Which side of a gloss is the answer: first of every gloss, then of every gloss the other. */
  readonly sides: readonly [Side, Side];
  readonly ask: (gloss: Gloss, side: Side) => string;
}

/** What does the word mean, and which word means this? */
export const writeVocabularyQuestions = choiceWriter({
  type: 'vocabulary',
  glosses: ({ vocabulary }) => vocabulary,
  sides: ['meaning', 'text'],
  ask: (gloss, side) =>
    side === 'meaning' ? `What does “${gloss.text}”${readingOf(gloss)} mean?` : `Which word means “${gloss.meaning}”?`,
});

/** Which sentence says this, and what does the sentence say? */
export const writeGrammarQuestions = choiceWriter({
  type: 'grammar',
  glosses: ({ examples }) => examples,
  sides: ['text', 'meaning'],
  ask: (gloss, side) => (side === 'meaning' ? `What does the sentence “${gloss.text}” mean?` : `Which sentence means “${gloss.meaning}”?`),
});

function choiceWriter({ type, glosses, sides, ask }: Manner): QuestionWriter {
  return (material, all, seed) => {
    const pool = all.flatMap(glosses);
    const candidate = (gloss: Gloss, side: Side, round: number): Candidate => {
      const prompt = ask(gloss, side);
      const write = () => {
        const options = chooseOptions(gloss, pool, side, seed);
        return options && toQuestion(material, gloss.line, { type, prompt, options, answer: gloss[side] });
      };
      return { round, prompt, material, write };
    };
    return glosses(material).flatMap((gloss) => sides.map((side, round) => candidate(gloss, side, round)));
  };
}

function readingOf({ reading }: Gloss): string {
  return reading === undefined ? '' : ` (${reading})`;
}
