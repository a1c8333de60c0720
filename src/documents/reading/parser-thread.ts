import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import type { ParserInput, ParserQuestions, ParserReply } from './parser-messages.js';
import type { ReadingLimits } from './reading-limits.js';
import { toReadingProblem } from './reading-problem.js';

const LOOK_EVERY_MS = 50;
const MEBIBYTE = 1024 * 1024;
/** Compiled by the build, and as it is written under a runtime that strips types. */
const EXTENSION = import.meta.url.slice(-3);

/**
 * A thread of its own for one document, so that whatever the document does to its parser, the server goes on. It works only while a
 * question is open, and is ended when it takes longer or more memory than `limits` allow. It sees no environment and prints nowhere.
 */
export class ParserThread {
  /** Resolves when the thread is really gone. */
  readonly gone: Promise<void>;
  readonly #worker: Worker;
  readonly #limits: ReadingLimits;
  readonly #mostMemory: number;
  #open?: PromiseWithResolvers<unknown>;
  #end?: { readonly reason: unknown };
  #isReady = false;
  #spentMs = 0;

  constructor(bytes: Uint8Array, limits: ReadingLimits) {
    this.#limits = limits;
    this.#mostMemory = limits.memoryBytes + 3 * bytes.byteLength;
    this.#worker = start(bytes, limits);
    this.gone = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', (reply: ParserReply) => this.#hear(reply));
    this.#worker.on('error', (error) => this.end(this.#reasonOf(error)));
    void this.gone.then(() => this.end(toReadingProblem('damaged', new Error('The parser left without an answer.'))));
  }

  /** The answer, or a `DomainError` of the document, which is also the end of the thread. After `end` it rejects with its reason. */
  async ask<K extends keyof ParserQuestions>(what: K, question: ParserQuestions[K]['ask']): Promise<ParserQuestions[K]['answer']> {
    if (this.#end) throw this.#end.reason;
    const open = (this.#open = Promise.withResolvers<unknown>());
    const stop = this.#watch();
    try {
      this.#worker.postMessage({ what, ...question });
      return (await open.promise) as ParserQuestions[K]['answer'];
    } catch (error) {
      this.end(error);
      throw error;
    } finally {
      stop();
    }
  }

  /** Ends the thread in the middle of whatever it does. The first reason stays. */
  end(reason: unknown): void {
    if (this.#end) return;
    this.#end = { reason };
    this.#open?.reject(reason);
    void this.#worker.terminate();
  }

  #hear(reply: ParserReply): void {
    if ('isReady' in reply) this.#isReady = true;
    else if ('answer' in reply) this.#open?.resolve(reply.answer);
    else this.#open?.reject(toReadingProblem(reply.failure, new Error(reply.message)));
  }

  /** A thread that could not even start is a defect of ours and keeps its own error. */
  #reasonOf(error: unknown): unknown {
    const { code } = error as { code?: unknown };
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') return toReadingProblem('too_complex', error);
    return this.#isReady ? toReadingProblem('damaged', error) : error;
  }

  /**
   * Looks at the working thread until the returned function is called. Its time is counted by these looks, so that a server that is
   * itself held up holds it against no document.
   */
  #watch(): () => void {
    const startedAt = performance.now();
    const mostMs = Math.min(this.#limits.pageMs, this.#limits.documentMs - this.#spentMs);
    let looks = 0;
    const timer = setInterval(() => {
      looks += 1;
      if (looks * LOOK_EVERY_MS >= mostMs) this.end(toReadingProblem('too_complex', new Error(`It worked for ${Math.round(mostMs)} ms.`)));
      else void this.#weigh();
    }, LOOK_EVERY_MS);
    return () => {
      clearInterval(timer);
      this.#spentMs += Math.min(performance.now() - startedAt, (looks + 1) * LOOK_EVERY_MS);
    };
  }

  /** What V8 limits by itself is the heap alone: what a stream inflates to lies outside of it. */
  async #weigh(): Promise<void> {
    const bytes = await this.#worker.getHeapStatistics().then(
      ({ total_heap_size, external_memory }) => total_heap_size + external_memory,
      // It has just ended, and says so itself.
      () => 0,
    );
    if (bytes > this.#mostMemory) this.end(toReadingProblem('too_complex', new Error(`It took ${Math.round(bytes / MEBIBYTE)} MiB.`)));
  }
}

function start(bytes: Uint8Array, { pageCharacters, imagePixels, memoryBytes }: ReadingLimits): Worker {
  const input: ParserInput = { bytes: new Uint8Array(bytes), pageCharacters, imagePixels, canvasBytes: memoryBytes / 2 };
  const worker = new Worker(new URL(`./pdf.worker${EXTENSION}`, import.meta.url), {
    workerData: input,
    transferList: [input.bytes.buffer],
    resourceLimits: { maxOldGenerationSizeMb: Math.ceil(memoryBytes / MEBIBYTE), stackSizeMb: 4 },
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
  });
  // Nobody reads what a parser prints, and unread it would pile up.
  worker.stdout.resume();
  worker.stderr.resume();
  return worker;
}
