import { z } from 'zod';
import { storableText } from '../problems/index.js';

/** CEFR, and `none` for what is no course of a language. */
export const LEVELS = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2', 'none'] as const;

/** More chapters than this make no table of contents that anybody reads. */
export const MOST_CHAPTERS = 60;

const LANGUAGE_TAG = /^[a-z]{2,3}(?:-[a-z0-9]{2,8})*$/i;

// A refinement and no pattern: what it says is not in the JSON Schema, because not every provider's strict mode takes patterns.
const language = z
  .string()
  .refine((tag) => LANGUAGE_TAG.test(tag), 'must be a BCP 47 language tag')
  .describe('the BCP 47 tag of the language that the text is about or, if it is about none, written in: en, zh, pt-BR; und if unclear');
const title = storableText.min(1).max(300);
const subject = storableText.min(1).max(200).describe('in a few words, such as Chinese for beginners');

export const chapterStart = z.object({ title, first_page: z.int().min(1) });
export type ChapterStart = z.infer<typeof chapterStart>;

/** What a document is, as the model must say it. */
export const documentClassification = z.object({
  title,
  language,
  level: z.enum(LEVELS),
  subject,
  chapters: z.array(chapterStart).min(1).max(MOST_CHAPTERS),
});
export type DocumentClassification = z.infer<typeof documentClassification>;

/** What several documents are together, as the model must say it. */
export const bookCatalogue = z.object({
  title,
  language,
  level: z.enum(LEVELS),
  subject,
  order: z.array(z.int().min(0)).describe('the indices of the documents, in reading order'),
});
export type BookCatalogue = z.infer<typeof bookCatalogue>;

/**
 * The same, with chapters that cover the document whatever the model said: in order of their pages, each on a page of its own that
 * exists, the first on page 1. Of several on a page the first named stays; a title that follows itself is one chapter.
 */
export function tidyClassification(classification: DocumentClassification, pageCount: number): DocumentClassification {
  const inOrder = classification.chapters
    .filter(({ first_page }) => first_page <= pageCount)
    .toSorted((a, b) => a.first_page - b.first_page);
  const [first = { title: classification.title, first_page: 1 }, ...others] = inOrder;
  const chapters = [{ ...first, first_page: 1 }];
  let last = first;
  for (const chapter of others) {
    if (chapter.first_page === last.first_page || chapter.title === last.title) continue;
    chapters.push(chapter);
    last = chapter;
  }
  return { ...classification, chapters };
}

/** The same, with an order in which each of the documents stands once: those that the model left out come last, as they came. */
export function tidyCatalogue(catalogue: BookCatalogue, documentCount: number): BookCatalogue {
  const all = Array.from({ length: documentCount }, (_, index) => index);
  const order = [...new Set([...catalogue.order.filter((index) => index < documentCount), ...all])];
  return { ...catalogue, order };
}
