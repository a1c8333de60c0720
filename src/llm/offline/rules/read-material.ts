import { phraseOf } from './phrases.js';
import { splitSentences } from './split-text.js';
import type { Passage } from './tasks.js';

/** A word or a sentence with what it means, and the line that says so. */
export interface Gloss {
  readonly text: string;
  readonly reading: string | undefined;
  readonly meaning: string;
  readonly line: string;
}

export interface ReadingQuestion {
  readonly question: string;
  readonly answer: string;
  readonly line: string;
}

/** What questions can be made of: everything that a passage says in one of the known forms, and its plain sentences. */
export interface Material {
  readonly passage: Passage;
  readonly phrase: string;
  readonly vocabulary: readonly Gloss[];
  readonly examples: readonly Gloss[];
  readonly questions: readonly ReadingQuestion[];
  readonly prose: readonly string[];
}

const GLOSSED = /^(?<text>.{1,250}?)\s*[(（](?<reading>[^()（）]+)[)）]\s*[—–-]\s*(?<meaning>.{1,250})$/u;
const SPOKEN = /^\p{L}[\p{L}\p{N} .]{0,20}[:：]\s*(?<text>.{1,250}?)\s*[—–]\s*(?<meaning>.{1,250})$/u;
const ASKED = /^Q[:：]\s*(?<question>.{1,250}?)\s*\bA[:：]\s*(?<answer>.+)$/u;
const TRANSLATION = /^English[:：]/iu;
const SENTENCE_END = /[.!?。！？…]["'”’」』]?$/u;
const QUESTION_OVER_TWO_LINES = /^(Q[:：].*)\n\s*(?=A[:：])/gmu;

/** Reads a passage line by line. A line of no known form is prose, so any text gives at least its sentences. */
export function readMaterial(passage: Passage): Material {
  const lines = linesOf(passage.text);
  const glosses = lines.map(glossOf).filter((gloss) => gloss !== undefined);
  return {
    passage,
    phrase: phraseOf(passage.text),
    vocabulary: glosses.filter((gloss) => !isSentence(gloss)),
    examples: glosses.filter(isSentence),
    questions: lines.map(readingQuestionOf).filter((question) => question !== undefined),
    prose: splitSentences(lines.map((line) => (isProse(line) ? line : '\n')).join(' ')),
  };
}

function linesOf(text: string): string[] {
  const joined = text.replace(QUESTION_OVER_TWO_LINES, '$1 ');
  return joined.split('\n').map((line) => line.trim());
}

function glossOf(line: string): Gloss | undefined {
  const { text, reading, meaning } = (GLOSSED.exec(line) ?? SPOKEN.exec(line))?.groups ?? {};
  return text === undefined || meaning === undefined ? undefined : { text, reading, meaning, line };
}

function readingQuestionOf(line: string): ReadingQuestion | undefined {
  const { question, answer } = ASKED.exec(line)?.groups ?? {};
  return question === undefined || answer === undefined ? undefined : { question, answer, line };
}

function isSentence({ text }: Gloss): boolean {
  return SENTENCE_END.test(text);
}

function isProse(line: string): boolean {
  return line !== '' && !glossOf(line) && !readingQuestionOf(line) && !TRANSLATION.test(line);
}
