import { Worker } from 'node:worker_threads';
import { describe, expect, it, jest } from '@jest/globals';
import { AbortContext, CancelledError } from '../../abort/index.js';
import { abortListenersOf, expectNoAbortListeners } from '../../testing/index.js';
import { chunkText, type PageText } from './chunk-text.js';
import { TextCutter } from './text-cutter.js';

const SENTENCE = 'The traveller learns one more word each day, and forgets none of them. ';
const book = (pages: number, text: string): PageText[] => Array.from({ length: pages }, (_, index) => ({ number: index + 1, text }));

describe('texts cut in a thread', () => {
  const context = new AbortContext();
  const cutter = new TextCutter(context);

  it('come out as if they had been cut here', async () => {
    const pages = book(5, SENTENCE.repeat(40));
    const chunks = await context.detached('a test', () => cutter.cut(pages));
    expect(chunks).toEqual(chunkText(pages));
    expect(chunks.length).toBeGreaterThan(5);
  });

  it('leave the server free: others have their turn while it works', async () => {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    // Without a full stop anywhere, the whole book is one paragraph.
    await context.detached('a test', () => cutter.cut(book(1500, 'word after word '.repeat(200))));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20);
  });

  it('are let go of at an abort, with its own reason: the thread is ended in its work, and the receipt names it', async () => {
    const terminate = jest.spyOn(Worker.prototype, 'terminate');
    const controller = new AbortController();
    const reason = new CancelledError('user');
    const cut = context.run(controller.signal, async (scope) => {
      const work = cutter.cut(book(2000, 'word after word '.repeat(300)));
      controller.abort(reason);
      await expect(work).rejects.toBe(reason);
      return { report: scope.report(), left: abortListenersOf(scope.signal).length };
    });
    const ended = await cut;
    expect(terminate).toHaveBeenCalledTimes(1);
    terminate.mockRestore();
    expect(ended).toMatchObject({ report: { layers: [{ layer: 'parser', operation: 'cut text', stoppedMs: expect.any(Number) }] } });
    expectNoAbortListeners(controller.signal);
  });

  it('are let go of at whichever look the abort is found', async () => {
    const reason = new CancelledError('user');
    // How many looks are made until it is under way, then an abort at each of them.
    let count = Infinity;
    for (let round = 0; round <= count; round += 1) {
      const controller = new AbortController();
      let looks = 0;
      const look = (): void => {
        looks += 1;
        if (looks === round) controller.abort(reason);
      };
      const cut = (): Promise<unknown> => {
        const work = cutter.cut(book(2000, 'word after word '.repeat(300)));
        if (round > 0) return work;
        count = looks;
        controller.abort(reason);
        return work;
      };
      await expect(context.run(controller.signal, cut, { look })).rejects.toBe(reason);
    }
    expect(count).toBeGreaterThan(2);
  });

  it('that take longer than they may are too complex', async () => {
    const hasty = new TextCutter(context, { documentMs: 1 });
    const cut = context.detached('a test', () => hasty.cut(book(2000, 'word after word '.repeat(300))));
    await expect(cut).rejects.toMatchObject({ code: 'document_too_complex' });
  });

  it('are not begun for work that nobody wants any more', async () => {
    const reason = new CancelledError('user');
    await expect(context.run(AbortSignal.abort(reason), () => cutter.cut(book(1, SENTENCE)))).rejects.toBe(reason);
  });
});
