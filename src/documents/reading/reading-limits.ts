/** DI token: a `Partial<ReadingLimits>`, for an app that wants other limits than `READING_LIMITS`. */
export const READING_OPTIONS = Symbol('READING_OPTIONS');

/** What reading one document may take. Whatever takes more fails as a document; the server goes on. */
export interface ReadingLimits {
  /** Most pages of a document. */
  readonly pages: number;
  /** Most characters of text on a page. */
  readonly pageCharacters: number;
  /** Most characters of text in a document. */
  readonly documentCharacters: number;
  /** Longest work on a page, in milliseconds. Opening the document counts as one. */
  readonly pageMs: number;
  /** Longest work on a document, in milliseconds. The time in which nobody asks for the next page is not counted. */
  readonly documentMs: number;
  /**
   * Most memory of the thread, its buffers outside the heap included, besides three times the size of the file; half as
   * much again for the canvases of a page.
   */
  readonly memoryBytes: number;
  /** Longest side of a page image. */
  readonly imagePixels: number;
}

export const READING_LIMITS: ReadingLimits = {
  pages: 2000,
  pageCharacters: 200_000,
  documentCharacters: 10_000_000,
  pageMs: 20_000,
  documentMs: 300_000,
  memoryBytes: 512 * 1024 * 1024,
  imagePixels: 1600,
};
