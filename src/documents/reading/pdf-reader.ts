import { Inject, Injectable, Optional } from '@nestjs/common';
import { AbortContext } from '../../abort/index.js';
import { ParserThread } from './parser-thread.js';
import { READING_LIMITS, READING_OPTIONS, type ReadingLimits } from './reading-limits.js';
import { toReadingProblem } from './reading-problem.js';

/** What `PdfReader.read` hands over: the document first, then its pages in order. */
export type ReadPart =
  | { readonly type: 'document'; readonly pages: number; readonly title?: string }
  | { readonly type: 'page'; readonly number: number; readonly text: string; readonly hasText: boolean };

export interface PageImage {
  readonly number: number;
  readonly png: Uint8Array;
}

const STOPPING = 'stopping parser';

/**
 * Reads PDFs in threads of their own, a page whenever the next is asked for. The thread is ended when the ambient signal aborts, also
 * in the middle of a page, and the loop then throws the signal's own reason; likewise when its reader leaves the loop. A stopped task
 * shows it as the layer `parser`. Whatever a document cannot be read for is a `DomainError`: `document_encrypted` where it needs a
 * password, `document_damaged`, `document_too_complex` where it takes too much time or memory, `document_too_long`.
 */
@Injectable()
export class PdfReader {
  readonly #limits: ReadingLimits;

  constructor(
    private readonly context: AbortContext,
    @Optional() @Inject(READING_OPTIONS) limits: Partial<ReadingLimits> = {},
  ) {
    this.#limits = { ...READING_LIMITS, ...limits };
  }

  /**
   * The document, then the text of its pages from the number `from` on. `hasText` is false for a page that shows only pictures. The
   * text is fit for PostgreSQL: paragraphs stand apart by a blank line, columns one after the other.
   */
  read(bytes: Uint8Array, { from = 1 }: { readonly from?: number } = {}): AsyncGenerator<ReadPart> {
    return this.#inThread('read pdf', bytes, (thread) => this.#read(thread, from));
  }

  /** Images of the pages with these numbers, in that order, for a model that sees. Numbers that the document does not have are left out. */
  render(bytes: Uint8Array, pages: readonly number[]): AsyncGenerator<PageImage> {
    return this.#inThread('render pdf', bytes, (thread) => this.#render(thread, pages));
  }

  async *#read(thread: ParserThread, from: number): AsyncGenerator<ReadPart> {
    const document = await this.#open(thread);
    yield { type: 'document', ...document };
    let characters = 0;
    for (let number = from; number <= document.pages; number++) {
      const text = await this.#ask(() => thread.ask('read', { page: number }));
      characters += text.length;
      if (characters > this.#limits.documentCharacters) throw toReadingProblem('too_long');
      yield { type: 'page', number, text, hasText: text !== '' };
    }
  }

  async *#render(thread: ParserThread, pages: readonly number[]): AsyncGenerator<PageImage> {
    const { pages: count } = await this.#open(thread);
    for (const number of pages.filter((each) => each >= 1 && each <= count)) {
      yield { number, png: await this.#ask(() => thread.ask('render', { page: number })) };
    }
  }

  async #open(thread: ParserThread): Promise<{ readonly pages: number; readonly title?: string }> {
    const document = await this.#ask(() => thread.ask('open', {}));
    if (document.pages > this.#limits.pages) throw toReadingProblem('too_long');
    return document;
  }

  #ask<T>(question: () => Promise<T>): Promise<T> {
    this.context.checkpoint(undefined, STOPPING);
    return question();
  }

  /** From the start of the thread until it is gone, whichever way the work ends. */
  async *#inThread<T>(operation: string, bytes: Uint8Array, work: (thread: ParserThread) => AsyncGenerator<T>): AsyncGenerator<T> {
    this.context.checkpoint(undefined, STOPPING);
    const frame = this.context.require('PdfReader');
    const { signal } = frame.scope;
    const thread = new ParserThread(bytes, this.#limits);
    const gone = frame.scope.track('parser', operation, frame.stage, thread.gone);
    // It rejects for a thread that outlives its abort: that one is named where it is found, and holds nobody any longer.
    const released = gone.catch(() => undefined);
    const onAbort = (): void => {
      this.context.announce(STOPPING, undefined, frame);
      thread.end(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      yield* work(thread);
    } finally {
      signal.removeEventListener('abort', onAbort);
      thread.end(new Error('The reader has left.'));
      await released;
    }
  }
}
