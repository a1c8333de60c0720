import { includesPhrase, phraseOf } from './phrases.js';
import type { EvaluateQuizTask, Passage, Verdict } from './tasks.js';

type Question = EvaluateQuizTask['questions'][number];

const LONGEST_PROMPT = 600;

/** Judges each question by rule: short enough, answerable as it stands, and borne out by the passage that it names. */
export function evaluateQuiz({ questions, passages }: EvaluateQuizTask): { verdicts: Verdict[] } {
  return { verdicts: questions.map((question) => judge(question, passages)) };
}

function judge(question: Question, passages: readonly Passage[]): Verdict {
  const levelOk = question.prompt.length < LONGEST_PROMPT;
  const flaw = flawOf(question);
  const grounded = isGrounded(question, passages);
  const faults = [
    levelOk ? undefined : `The prompt is longer than ${LONGEST_PROMPT} characters.`,
    flaw,
    grounded ? undefined : `The answer does not occur in passage ${question.passage_id ?? '(none)'}.`,
  ];
  const reason = faults.find((fault) => fault !== undefined) ?? `Passage ${question.passage_id ?? ''} contains the answer.`;
  return { index: question.index, level_ok: levelOk, correct: flaw === undefined, grounded, reason };
}

function flawOf({ options, answer }: Question): string | undefined {
  if (phraseOf(answer) === '') return 'The question has no answer.';
  if (!options) return undefined;
  const phrases = options.map(phraseOf);
  if (new Set(phrases).size < phrases.length) return 'Two of the options are the same.';
  return phrases.includes(phraseOf(answer)) ? undefined : 'The answer is not among the options.';
}

function isGrounded({ answer, passage_id }: Question, passages: readonly Passage[]): boolean {
  const passage = passages.find(({ id }) => String(id) === String(passage_id));
  return passage !== undefined && includesPhrase(phraseOf(passage.text), phraseOf(answer));
}
