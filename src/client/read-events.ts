import { textOf, type Answer, type Expected } from './answers.js';
import { ConnectionLostError } from './errors.js';
import { SseParser, type SseEvent } from './sse-parser.js';

/** How long a stream may be silent, heartbeats included, before it is taken for broken. May be changed while it is read. */
export interface Silence {
  ms: number;
}

/**
 * The events of a streamed answer as they come, those of each piece together. Where the platform gives no body to read, as React
 * Native's `fetch` does not, all of them at the end. Throws `ConnectionLostError`. Whoever leaves early closes the connection.
 */
export async function* readEvents(answer: Answer, expected: Expected, silence: Silence): AsyncGenerator<readonly SseEvent[], void> {
  const parser = new SseParser();
  if (!answer.body) {
    yield parser.push(await textOf(answer, expected));
    return;
  }
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await heard(reader, silence.ms, expected);
      if (done) return;
      yield parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Says only what whoever reads has been told already.
    reader.cancel().catch(() => undefined);
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Piece = Awaited<ReturnType<Reader['read']>>;

async function heard(reader: Reader, silenceMs: number, { url, taskId }: Expected): Promise<Piece> {
  return await new Promise((resolve, reject) => {
    const lose = (cause: unknown): void => reject(new ConnectionLostError(`The stream of ${url} broke off.`, { taskId, cause }));
    const timer = setTimeout(() => lose(new Error(`Nothing was heard for ${silenceMs} ms.`)), silenceMs);
    reader
      .read()
      .then(resolve, lose)
      .finally(() => clearTimeout(timer));
  });
}
