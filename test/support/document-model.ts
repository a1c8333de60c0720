import type { ChatRequest, ModelCall } from '../../src/llm/offline/index.js';
import type { SentFile } from './document-client.js';
import { materialOf } from './quiz-model.js';
import { textPdf } from './pdfs.js';
import type { TestApp } from './test-app.js';

interface Page {
  readonly number: number;
  readonly text: string;
}

const HEADING = /^Chapter \w+: ([^.\n]+)/;

/** What a document is by its headings: `Chapter one: Tea` at the top of a page begins a chapter. */
export function classifier({ level = 'A2', prefix = '' }: { level?: string; prefix?: string } = {}) {
  return {
    text: (request: ChatRequest): string => {
      const { name, pages } = materialOf(request) as unknown as { name: string; pages: Page[] };
      const chapters = pages.flatMap(({ number, text }) => {
        const [, title] = HEADING.exec(text) ?? [];
        return title === undefined ? [] : [{ title: `${prefix}${title}`, first_page: number }];
      });
      const all = chapters.length > 0 ? chapters : [{ title: `${prefix}${name}`, first_page: 1 }];
      return JSON.stringify({ title: name, language: 'en', level, subject: 'English for travellers', chapters: all });
    },
  };
}

/** A book of all documents, the last first. */
export function cataloguer({ title = 'The travel book' }: { title?: string } = {}) {
  return {
    text: (request: ChatRequest): string => {
      const { documents } = materialOf(request) as unknown as { documents: { index: number }[] };
      const order = documents.map(({ index }) => index).toReversed();
      return JSON.stringify({ title, language: 'en', level: 'A2', subject: 'English for travellers', order });
    },
  };
}

/** From now on the model answers as these two do. */
export function scriptBooks({ model }: TestApp): void {
  model.script('document_classification', classifier());
  model.script('book_catalogue', cataloguer());
}

/** Which document a call classifies, by the name of its file. */
export function classifies(name: string) {
  return (call: ModelCall): boolean =>
    call.kind === 'chat' && call.purpose === 'document_classification' && materialOf(call.request).name === name;
}

/** What was asked of the model, in order: its purposes. */
export function purposesOf({ model }: TestApp): string[] {
  return model.journal.map(({ purpose }) => purpose);
}

/** A file of one page for each text. */
export async function pdfFile(name: string, pages: readonly string[]): Promise<SentFile> {
  return { name, bytes: await textPdf(pages) };
}

/** A file with a chapter on each page. */
export async function chaptersFile(name: string, titles: readonly string[]): Promise<SentFile> {
  return await pdfFile(
    name,
    titles.map((title, index) => `Chapter ${index + 1}: ${title}.\n\n${sentencesAbout(title)}`),
  );
}

function sentencesAbout(title: string): string {
  const thing = title.toLowerCase();
  return `The traveller asks about ${thing} at the station. The answer is simple, and ${thing} is easy to find in this town. `.repeat(4);
}
