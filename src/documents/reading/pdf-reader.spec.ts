import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { AbortContext, CancelledError, type AbortReport } from '../../abort/index.js';
import { DomainError } from '../../problems/index.js';
import { RecordingLogger } from '../../../test/support/abort-log.js';
import {
  chinesePdf,
  circularPdf,
  columnsPdf,
  emptyFile,
  encryptedPdf,
  flateBombPdf,
  layeredPdf,
  lateHeaderPdf,
  longPdf,
  nestedPdf,
  ownerLockedPdf,
  scannedPdf,
  slowPdf,
  textFile,
  textPdf,
  truncatedPdf,
  unstorablePdf,
} from '../../../test/support/pdfs.js';
import { abortListenersOf, expectNoAbortListeners } from '../../testing/index.js';
import { PdfReader, READING_LIMITS, type PageImage, type ReadingLimits, type ReadPart } from './index.js';

const reason = new CancelledError('user');
const MEBIBYTE = 1024 * 1024;
let log: RecordingLogger;
let context: AbortContext;
let controller: AbortController;

beforeEach(() => {
  log = RecordingLogger.install();
  context = new AbortContext();
  controller = new AbortController();
});

afterEach(() => {
  expectNoAbortListeners(controller.signal);
  jest.useRealTimers();
  expect(threads()).toBe(0);
  Logger.overrideLogger(false);
});

/** The threads of documents: each has ports, and nothing else here has. */
function threads(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'MessagePort').length;
}

function readerWith(limits: Partial<ReadingLimits> = {}): PdfReader {
  return new PdfReader(context, limits);
}

async function readAll(bytes: Uint8Array, limits?: Partial<ReadingLimits>, options?: { from: number }): Promise<ReadPart[]> {
  return await context.run(controller.signal, async () => {
    const parts: ReadPart[] = [];
    for await (const part of readerWith(limits).read(bytes, options)) parts.push(part);
    return parts;
  });
}

async function renderAll(bytes: Uint8Array, pages: readonly number[], limits?: Partial<ReadingLimits>): Promise<PageImage[]> {
  return await context.run(controller.signal, async () => {
    const images: PageImage[] = [];
    for await (const image of readerWith(limits).render(bytes, pages)) images.push(image);
    return images;
  });
}

async function textOf(bytes: Uint8Array): Promise<string[]> {
  return (await readAll(bytes)).flatMap((part) => (part.type === 'page' ? [part.text] : []));
}

async function failureOf(bytes: Uint8Array, limits?: Partial<ReadingLimits>): Promise<unknown> {
  const error = await readAll(bytes, limits).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(DomainError);
  return (error as DomainError).code;
}

describe('a PDF', () => {
  it('is read page by page, its title first', async () => {
    expect(await readAll(await textPdf(['First page.', 'Second page.'], { title: 'Two pages' }))).toEqual([
      { type: 'document', pages: 2, title: 'Two pages' },
      { type: 'page', number: 1, text: 'First page.', hasText: true },
      { type: 'page', number: 2, text: 'Second page.', hasText: true },
    ]);
  });

  it('is read from the page on that a resumed job asks for, also if there is none', async () => {
    const bytes = await longPdf(4);
    expect((await readAll(bytes, {}, { from: 3 })).map((part) => part.type === 'page' && part.number)).toEqual([false, 3, 4]);
    expect(await readAll(bytes, {}, { from: 5 })).toEqual([{ type: 'document', pages: 4 }]);
  });

  it('keeps the bytes that it was given', async () => {
    const bytes = await longPdf(1);
    const before = bytes.slice();
    await readAll(bytes);
    expect(bytes).toEqual(before);
  });

  it('has a blank line between paragraphs and whole words where a line end had cut them', async () => {
    const bytes = await textPdf(['Plants turn light into energy by photo-\nsynthesis, all day.\n\nAnimals eat them.']);
    expect(await textOf(bytes)).toEqual(['Plants turn light into energy by photosynthesis, all day.\n\nAnimals eat them.']);
  });

  it.each(['by-column', 'by-line'] as const)('is read column after column when it was written %s', async (order) => {
    const left = [
      'The left column begins up here',
      'and it goes on for several lines',
      'until it has come to its end and',
      'the right one follows.',
    ];
    const right = [
      'The right column is read second',
      'although it stands beside the left',
      'one, and its last line is the end',
      'of the page.',
    ];
    const [text = ''] = await textOf(await columnsPdf('A heading that reaches across', left, right, order));
    expect(text.split(/\n+/)).toEqual(['A heading that reaches across', ...left, ...right]);
  });

  it('is read row by row where it is a table', async () => {
    const rows = [
      ['apple', 'píngguǒ'],
      ['pear', 'lí'],
      ['plum', 'lǐzi'],
      ['peach', 'táozi'],
    ].map(([a = '', b = '']) => [a, b.normalize('NFD').replace(/\p{M}/gu, '')]);
    const bytes = await columnsPdf(
      'Fruit',
      rows.map(([a = '']) => a),
      rows.map(([, b = '']) => b),
      'by-column',
    );
    const [text = ''] = await textOf(bytes);
    expect(text.split(/\n+/)).toEqual(['Fruit', ...rows.map((row) => row.join(' '))]);
  });

  it('is read in Chinese, also where its font is not embedded', async () => {
    expect(await textOf(chinesePdf(['光合作用是植物利用光能的过程。', '它在叶绿体中进行。']))).toEqual([
      '光合作用是植物利用光能的过程。\n它在叶绿体中进行。',
    ]);
  });

  it('that shows only a picture has no text', async () => {
    expect(await readAll(await scannedPdf())).toEqual([
      { type: 'document', pages: 1 },
      { type: 'page', number: 1, text: '', hasText: false },
    ]);
  });

  it('that only its owner may change is read', async () => {
    expect(await textOf(await ownerLockedPdf('Open to all.'))).toEqual(['Open to all.']);
  });

  it('is read behind what somebody has put before its header', async () => {
    expect(await textOf(lateHeaderPdf(await textPdf(['Late.'])))).toEqual(['Late.']);
  });

  it('that says a NUL and half a character gives a text that a database takes', async () => {
    const [text = ''] = await textOf(unstorablePdf());
    expect(text).toMatch(/^a.?b$/u);
    expect(text.isWellFormed() && !text.includes('\0')).toBe(true);
  });

  it('is shown as images of the pages asked for', async () => {
    const images = await renderAll(await scannedPdf(3), [3, 1, 9], { imagePixels: 800 });
    expect(images.map(({ number }) => number)).toEqual([3, 1]);
    for (const { png } of images) {
      const header = Buffer.from(png);
      expect(header.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
      expect(Math.max(header.readUInt32BE(16), header.readUInt32BE(20))).toBe(800);
    }
  });
});

describe('a document that cannot be read says why', () => {
  it.each<[string, () => Uint8Array | Promise<Uint8Array>, string]>([
    ['it needs a password', () => encryptedPdf('Secret.', 'sesame'), 'document_encrypted'],
    ['it broke off', truncatedPdf, 'document_damaged'],
    ['it is a text', () => textFile(), 'document_damaged'],
    ['it is empty', emptyFile, 'document_damaged'],
    ['its pages contain themselves', circularPdf, 'document_damaged'],
  ])('because %s', async (_, make, code) => {
    expect(await failureOf(await make())).toBe(code);
  });

  it('because it has too many pages, or too much text on one or on all', async () => {
    const bytes = await longPdf(4);
    expect(await failureOf(bytes, { pages: 3 })).toBe('document_too_long');
    expect(await failureOf(bytes, { pageCharacters: 10 })).toBe('document_too_long');
    expect(await failureOf(bytes, { documentCharacters: 100 })).toBe('document_too_long');
  });
});

describe('a document that means harm', () => {
  it('that takes minutes is stopped when its time is up, on a page or in all', async () => {
    expect(await failureOf(slowPdf(), { pageMs: 400 })).toBe('document_too_complex');
    expect(await failureOf(slowPdf(), { documentMs: 400 })).toBe('document_too_complex');
  });

  it('that inflates to gigabytes is stopped when its memory is used up', async () => {
    expect(await failureOf(flateBombPdf(2048 * MEBIBYTE), { memoryBytes: 200 * MEBIBYTE })).toBe('document_too_complex');
  });

  it('that lays a thousand transparent layers into each other is stopped before they fill the memory', async () => {
    await expect(renderAll(layeredPdf(1000), [1])).rejects.toMatchObject({ code: 'document_too_complex' });
  });

  it('that fills the heap at once ends its own thread alone', async () => {
    const bytes = nestedPdf(1, 'arrays');
    const filled = Buffer.from(bytes)
      .toString('latin1')
      .replace('[ 1 ]\nendobj', `[ ${'<< /A 1 >> '.repeat(3_000_000)} ]\nendobj`);
    expect(await failureOf(Buffer.from(filled, 'latin1'), { memoryBytes: 40 * MEBIBYTE })).toBe('document_too_complex');
  });

  it.each(['arrays', 'dictionaries'] as const)('that nests %s ends as a document, and the server goes on', async (kind) => {
    expect(await failureOf(nestedPdf(50_000, kind))).toBe('document_too_complex');
    expect(await textOf(await textPdf(['Still here.']))).toEqual(['Still here.']);
  });
});

describe('while a document is read', () => {
  it('the server does other work', async () => {
    let turns = 0;
    const failure = failureOf(slowPdf(), { pageMs: 1000 });
    const count = (): void => {
      turns += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    expect(await failure).toBe('document_too_complex');
    clearImmediate(next);
    expect(turns).toBeGreaterThan(100);
  });

  it('the time in which nobody asks for the next page is not held against the document, the time of work is', async () => {
    const bytes = await longPdf(3);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
    await context.run(controller.signal, async () => {
      const parts = readerWith().read(bytes);
      await parts.next();
      jest.advanceTimersByTime(10 * READING_LIMITS.documentMs);
      expect(await parts.next()).toMatchObject({ value: { type: 'page', number: 1 } });
      const page = parts.next();
      jest.advanceTimersByTime(READING_LIMITS.pageMs);
      await expect(page).rejects.toMatchObject({ code: 'document_too_complex' });
    });
  });

  it('nothing is begun for work that nobody wants any more', async () => {
    controller.abort(reason);
    await expect(readAll(await longPdf(1))).rejects.toBe(reason);
  });

  it('a task that reads many files keeps nothing of those it has read', async () => {
    const bytes = await longPdf(1);
    const left = await context.run(controller.signal, async ({ signal }) => {
      const counts: number[] = [];
      for (let file = 0; file < 3; file += 1) {
        for await (const part of readerWith().read(bytes)) expect(part).toBeDefined();
        counts.push(abortListenersOf(signal).length);
      }
      return counts;
    });
    // What follows the layers for the receipt stays for as long as the task, and is there once.
    expect(left).toEqual([left[0], left[0], left[0]]);
  });

  it('an abort ends the thread in the middle of its work, and the receipt names it', async () => {
    const bytes = slowPdf();
    let report: AbortReport | undefined;
    const run = context.run(controller.signal, async (scope) => {
      try {
        for await (const part of readerWith().read(bytes)) if (part.type === 'document') setImmediate(() => controller.abort(reason));
      } finally {
        await scope.settled();
        report = scope.report();
      }
    });
    await expect(run).rejects.toBe(reason);
    expect(report).toMatchObject({
      zombies: [],
      layers: [{ layer: 'parser', operation: 'read pdf', toldMs: expect.any(Number), stoppedMs: expect.any(Number) }],
    });
    expect(log.at('log', 'Abort')).toEqual(['[request] Cancelled by user, stopping parser']);
  });

  it('an abort also stops it between two pages', async () => {
    const bytes = await longPdf(3);
    const run = context.run(controller.signal, async () => {
      for await (const part of readerWith().read(bytes)) if (part.type === 'page' && part.number === 2) controller.abort(reason);
    });
    await expect(run).rejects.toBe(reason);
  });

  it('an abort stops the rendering', async () => {
    const bytes = slowPdf();
    const run = renderAll(bytes, [1]);
    setImmediate(() => controller.abort(reason));
    await expect(run).rejects.toBe(reason);
  });

  it('a reader that leaves takes the thread along', async () => {
    const bytes = await longPdf(50);
    await context.run(controller.signal, async () => {
      for await (const part of readerWith().read(bytes)) {
        expect(threads()).toBeGreaterThan(0);
        if (part.type === 'page') break;
      }
      expect(threads()).toBe(0);
    });
  });
});
