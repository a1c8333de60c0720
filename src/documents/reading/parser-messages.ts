/** What the thread is started with. The bytes are its own. */
export interface ParserInput {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pageCharacters: number;
  readonly imagePixels: number;
  /** Most memory of all canvases together. */
  readonly canvasBytes: number;
}

/** What can be asked of the thread, and what it answers. One question at a time. */
export interface ParserQuestions {
  readonly open: { readonly ask: object; readonly answer: { readonly pages: number; readonly title?: string } };
  readonly read: { readonly ask: { readonly page: number }; readonly answer: string };
  readonly render: { readonly ask: { readonly page: number }; readonly answer: Uint8Array };
}

export type ParserQuestion = { [K in keyof ParserQuestions]: { readonly what: K } & ParserQuestions[K]['ask'] }[keyof ParserQuestions];

/** Why a document cannot be read. */
export type ParserFailure = 'encrypted' | 'damaged' | 'too_complex' | 'too_long';

/** `isReady` comes once, when the thread has loaded what it works with: whatever ends it after that lies with the document. */
export type ParserReply =
  { readonly isReady: true } | { readonly answer: unknown } | { readonly failure: ParserFailure; readonly message: string };
