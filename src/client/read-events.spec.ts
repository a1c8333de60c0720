import { describe, expect, it } from '@jest/globals';
import { ConnectionLostError } from './errors.js';
import { readEvents } from './read-events.js';
import type { SseEvent } from './sse-parser.js';

const EXPECTED = { url: 'http://hangup.test' };

/** An answer whose body comes in these pieces, and then ends or stands still. */
function answerOf(pieces: readonly Uint8Array[], stands = false): { answer: Response; isLeft: () => boolean } {
  let left = false;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      if (!stands) controller.close();
    },
    cancel: () => void (left = true),
  });
  return { answer: new Response(body), isLeft: () => left };
}

async function all(answer: Response, ms = 1000): Promise<SseEvent[]> {
  const events: SseEvent[] = [];
  for await (const piece of readEvents(answer, EXPECTED, { ms })) events.push(...piece);
  return events;
}

describe('reading the events of an answer', () => {
  it('puts together what was cut inside of a character', async () => {
    const bytes = new TextEncoder().encode('data: 谢谢 😀\r\n\r\n');
    for (let at = 0; at <= bytes.length; at += 1) {
      const { answer } = answerOf([bytes.slice(0, at), bytes.slice(at)]);
      expect(await all(answer)).toEqual([{ id: '', type: 'message', data: '谢谢 😀' }]);
    }
  });

  it('takes silence for a broken connection, and leaves it', async () => {
    const { answer, isLeft } = answerOf([new TextEncoder().encode('data: a\n\n')], true);
    await expect(all(answer, 30)).rejects.toBeInstanceOf(ConnectionLostError);
    expect(isLeft()).toBe(true);
  });

  it('closes the connection of one who leaves early', async () => {
    const { answer, isLeft } = answerOf([new TextEncoder().encode('data: a\n\n')], true);
    for await (const events of readEvents(answer, EXPECTED, { ms: 60_000 })) if (events.length > 0) break;
    expect(isLeft()).toBe(true);
  });
});
