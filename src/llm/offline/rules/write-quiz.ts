import { writeGrammarQuestions, writeVocabularyQuestions } from './choice-questions.js';
import { writeClozeQuestions } from './cloze-questions.js';
import { hashText } from './hash-text.js';
import { includesPhrase, phraseOf } from './phrases.js';
import type { Candidate, QuestionWriter } from './question-writer.js';
import { readMaterial } from './read-material.js';
import { writeReadingQuestions } from './reading-questions.js';
import { QUESTION_TYPES, type QuestionType, type QuizQuestion, type WriteQuizTask } from './tasks.js';

const FALLBACKS: readonly QuestionType[] = ['fill_in_blank', 'vocabulary', 'grammar', 'reading_comprehension'];

/** What is still to be asked of each type, the best first. */
type Queues = Record<QuestionType, Candidate[]>;

/**
 * As many different questions as are asked for, or as the passages allow, none of them `already_asked`. The passages of weak skills
 * come first; a type that the passages have no material for gives way to another. The same task is answered with the same quiz,
 * another one with another.
 */
export function writeQuiz(task: WriteQuizTask): { questions: QuizQuestion[] } {
  const queues = queueCandidates(task);
  const types = task.exercise_type === 'mixed' ? QUESTION_TYPES : [task.exercise_type];
  const asked = new Set(task.already_asked.map(phraseOf));
  const questions: QuizQuestion[] = [];
  while (questions.length < task.question_count) {
    const wanted = types[questions.length % types.length];
    const next = draw(queues, wanted ? [wanted, ...FALLBACKS] : FALLBACKS);
    if (!next) break;
    const key = phraseOf(next.prompt);
    if (!asked.has(key)) questions.push(next);
    asked.add(key);
  }
  return { questions };
}

/** Takes the best of the first type that has one; nothing once all have run out. */
function draw(queues: Queues, types: readonly QuestionType[]): QuizQuestion | undefined {
  for (const type of types) {
    for (let next = queues[type].shift(); next; next = queues[type].shift()) {
      const question = next.write();
      if (question && includesPhrase(next.material.phrase, phraseOf(question.answer))) return question;
    }
  }
  return undefined;
}

function queueCandidates(task: WriteQuizTask): Queues {
  const seed = hashText(JSON.stringify(task));
  const materials = task.passages.map(readMaterial);
  const weakness = weaknessOf(task);
  const queue = (write: QuestionWriter): Candidate[] => {
    const candidates = materials.flatMap((material) => write(material, materials, seed));
    return inOrder(candidates, weakness, seed);
  };
  return {
    vocabulary: queue(writeVocabularyQuestions),
    grammar: queue(writeGrammarQuestions),
    fill_in_blank: queue(writeClozeQuestions),
    reading_comprehension: queue(writeReadingQuestions),
  };
}

function inOrder(candidates: readonly Candidate[], weakness: (skill: string) => number, seed: number): Candidate[] {
  const ranked = candidates.map((candidate) => ({
    candidate,
    ranks: [candidate.round, weakness(candidate.material.passage.skill), hashText(`${seed}:${candidate.prompt}`)],
  }));
  return ranked.sort((a, b) => compare(a.ranks, b.ranks)).map(({ candidate }) => candidate);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const differences = a.map((rank, i) => rank - (b[i] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}

/** The place of a skill among the weak ones, the weakest at 0; all others come after them. */
function weaknessOf({ weak_skills }: WriteQuizTask): (skill: string) => number {
  const skills = weak_skills.toSorted((a, b) => a.accuracy - b.accuracy).map(({ skill }) => skill);
  return (skill) => (skills.includes(skill) ? skills.indexOf(skill) : skills.length);
}
