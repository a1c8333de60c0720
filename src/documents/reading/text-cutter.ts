import { Worker } from 'node:worker_threads';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { AbortContext, deriveSignal, whenAborted } from '../../abort/index.js';
import type { Chunk, PageText } from './chunk-text.js';
import { READING_LIMITS, READING_OPTIONS, type ReadingLimits } from './reading-limits.js';
import { toReadingProblem } from './reading-problem.js';

const STOPPING = 'stopping to cut text';
const EXTENSION = import.meta.url.slice(-3);

/** Cuts texts into passages in a thread of its own: a long one takes longer than others should have to wait. */
@Injectable()
export class TextCutter {
  readonly #limits: ReadingLimits;

  constructor(
    private readonly context: AbortContext,
    @Optional() @Inject(READING_OPTIONS) limits: Partial<ReadingLimits> = {},
  ) {
    this.#limits = { ...READING_LIMITS, ...limits };
  }

  /**
   * What `chunkText` makes of the pages. On abort the thread is ended in the middle of its work, and the signal's own reason thrown; where
   * it takes too long, `document_too_complex`.
   */
  async cut(pages: readonly PageText[]): Promise<Chunk[]> {
    this.context.checkpoint(undefined, STOPPING);
    const frame = this.context.require('TextCutter');
    const { signal } = frame.scope;
    using bounded = deriveSignal([signal], { timeoutMs: this.#limits.documentMs });
    const worker = new Worker(new URL(`./cut.worker${EXTENSION}`, import.meta.url), { workerData: pages, env: {}, execArgv: [] });
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const tracked = frame.scope.track('parser', 'cut text', frame.stage, gone);
    // A thread that outlives its abort is named where it is found, and holds nobody any longer.
    const released = tracked.catch(() => undefined);
    try {
      return await answerOf(worker, bounded.signal);
    } catch (error) {
      if (signal.aborted) this.context.announce(STOPPING, undefined, frame);
      throw bounded.signal.aborted && !signal.aborted ? toReadingProblem('too_complex', error) : error;
    } finally {
      void worker.terminate();
      await released;
    }
  }
}

/** Its only message. Rejects with the signal's reason, or with what ended it. */
function answerOf(worker: Worker, signal: AbortSignal): Promise<Chunk[]> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('The thread that cuts text left without an answer.')));
    whenAborted(signal, () => reject(signal.reason as Error));
  });
}
