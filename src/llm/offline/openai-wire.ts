/** A part of a message that has several: texts are read, images are counted, all else is accepted and ignored. */
export interface ContentPart {
  readonly type: string;
  readonly text?: string;
  readonly image_url?: { readonly url: string; readonly detail?: string };
}

export interface ChatMessage {
  readonly role: string;
  readonly content?: string | readonly ContentPart[] | null;
  readonly name?: string;
}

/** What is read of the body of `POST /v1/chat/completions`; every other field is accepted and ignored. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean } | null;
  readonly response_format?: { readonly type: string; readonly json_schema?: { readonly name: string; readonly schema?: unknown } } | null;
}

/** What is read of the body of `POST /v1/embeddings`. The official SDK asks for `base64` unless it is told otherwise. */
export interface EmbeddingsRequest {
  readonly model: string;
  readonly input: string | readonly string[];
  readonly encoding_format?: 'float' | 'base64' | null;
}

/** The text of a message: its string, or its text parts joined. */
export function messageText({ content }: ChatMessage): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('');
}

/** The addresses of the images in a message, data URLs mostly. */
export function messageImages({ content }: ChatMessage): string[] {
  if (typeof content === 'string') return [];
  return (content ?? []).map((part) => part.image_url?.url).filter((url) => url !== undefined);
}

/** The texts of an embeddings request, always as a list. */
export function embeddingsInput({ input }: EmbeddingsRequest): readonly string[] {
  return typeof input === 'string' ? [input] : input;
}

/** A request that is answered with an OpenAI-style error: `{error: {message, type, param, code}}`. */
export class WireError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
  ) {
    super(message);
  }

  get type(): string {
    return this.status < 500 ? 'invalid_request_error' : 'server_error';
  }

  toBody(): object {
    return { error: { message: this.message, type: this.type, param: null, code: this.code } };
  }
}

/** Any failure as an error on the wire: what is not one already is a 500 of this server. */
export function toWireError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  return new WireError(500, error instanceof Error ? error.message : String(error));
}
