import type { Material } from './quiz-model.js';

/** As many questions as were asked for, all to be answered in one's own words. */
export function quizOn({ passages, question_count }: Material): string {
  const questions = Array.from({ length: question_count }, (_, i) => ({
    type: 'reading_comprehension',
    skill: 'reading',
    prompt: `Question ${i + 1}: what does the passage say, and where does it say so?`,
    options: null,
    answer: `It says what it says (${i + 1}).`,
    explanation: 'The second sentence of the passage has it.',
    passage_id: passages[0]?.id,
  }));
  return JSON.stringify({ questions });
}

/** An evaluation that lets every question pass. */
export function acceptAll({ questions }: Material): string {
  const verdicts = questions.map(({ index }) => ({ index, level_ok: true, correct: true, grounded: true, reason: 'It fits the passage.' }));
  return JSON.stringify({ verdicts });
}
