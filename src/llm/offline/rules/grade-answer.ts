import { wordsOf } from './phrases.js';
import { clip } from './split-text.js';
import type { Grade, GradeAnswerTask } from './tasks.js';

const PASS = 0.7;
/** Words at least so alike are one word, spelt wrongly. */
const TYPING_ERROR = 0.75;
/** Characters that are compared of an answer: the time grows with their square. */
const LONGEST = 1000;
/** Two answers that differ in a number or in a "not" are close in letters and far apart in meaning. */
const CONTRADICTION = 0.3;
/** `t` is what is left of "don't" when it is split into words. */
const NEGATIONS = new Set(['not', 'no', 'never', 'nobody', 'nothing', 'cannot', 't', '不', '没']);

/** Compares an answer with the right one word by word (Chinese by character), with some patience for spelling. */
export function gradeAnswer({ answer, correct_answer }: GradeAnswerTask): Grade {
  const score = scoreOf(wordsOf(clip(answer, LONGEST)), wordsOf(clip(correct_answer, LONGEST)));
  const explanation = explain(clip(answer, 200), clip(correct_answer, 200), score);
  return { correct: score >= PASS, score, explanation };
}

function scoreOf(given: readonly string[], right: readonly string[]): number {
  if (given.length === 0 || right.length === 0) return 0;
  if (given.join('') === right.join('')) return 1;
  const likeness = overlap(given, right);
  const score = contradicts(given, right) ? Math.min(likeness, CONTRADICTION) : likeness;
  return Math.round(score * 100) / 100;
}

function explain(answer: string, right: string, score: number): string {
  if (score === 1) return `“${answer}” is the expected answer.`;
  if (score >= PASS) return `“${answer}” is close enough to the expected answer “${right}”.`;
  return answer.trim() === ''
    ? `Nothing was answered; “${right}” was expected.`
    : `“${answer}” does not match the expected answer “${right}”.`;
}

/** F1 over the words. A word counts as often as it occurs, and by its likeness if it is only nearly right. */
function overlap(given: readonly string[], right: readonly string[]): number {
  const left = [...right];
  const shared = given.map((word) => takeNearest(word, left));
  return (2 * shared.reduce((sum, likeness) => sum + likeness, 0)) / (given.length + right.length);
}

/** Takes the word most like this one out of the list and says how like it is; 0 if none is near. */
function takeNearest(word: string, left: string[]): number {
  const likenesses = left.map((other) => spelling(word, other));
  const best = Math.max(0, ...likenesses);
  if (best < TYPING_ERROR) return 0;
  left.splice(likenesses.indexOf(best), 1);
  return best;
}

/** One minus the edit distance (Levenshtein), as a share of the longer word. */
function spelling(given: string, right: string): number {
  if (given === right) return 1;
  const a = Array.from(given);
  const b = Array.from(right);
  const last = a.reduce((row, letter, i) => nextRow(row, letter, i, b), [...b.keys(), b.length]);
  return 1 - (last.at(-1) ?? 0) / Math.max(a.length, b.length);
}

function nextRow(row: readonly number[], letter: string, index: number, other: readonly string[]): number[] {
  const next = [index + 1];
  other.forEach((candidate, j) => {
    const replaced = at(row, j) + (candidate === letter ? 0 : 1);
    next.push(Math.min(replaced, at(row, j + 1) + 1, at(next, j) + 1));
  });
  return next;
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}

function contradicts(given: readonly string[], right: readonly string[]): boolean {
  return numbersIn(given) !== numbersIn(right) || given.some(isNegation) !== right.some(isNegation);
}

function numbersIn(words: readonly string[]): string {
  return words.filter((word) => /^\p{N}+$/u.test(word)).join(' ');
}

function isNegation(word: string): boolean {
  return NEGATIONS.has(word);
}
