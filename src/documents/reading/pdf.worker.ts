import { registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { getDocument, VerbosityLevel, type PDFDocumentProxy, type PDFPageProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';
import type { TextRun } from './layout/index.js';
import type { ParserFailure, ParserInput, ParserQuestion, ParserReply } from './parser-messages.js';

// The thread of a document. It is also run as it is written, by Node itself: only syntax that can be erased, and no import of a value
// from a file of ours before this hook, which finds sources where the build would find what it made of them.
if (import.meta.url.endsWith('.ts')) {
  registerHooks({
    resolve: (name, context, next) => next(context.parentURL?.endsWith('.ts') ? name.replace(/^(\..*)\.js$/, '$1.ts') : name, context),
  });
}
const { layOutPage } = await import('./layout/index.js');
const { meteredCanvases } = await import('./metered-canvases.js');

const MOST_IMAGE_PIXELS = 40_000_000;
const MOST_TITLE_CHARACTERS = 500;
const { bytes, pageCharacters, imagePixels, canvasBytes } = workerData as ParserInput;
const CanvasFactory = meteredCanvases(canvasBytes);
const canvases = new CanvasFactory();
let document: PDFDocumentProxy | undefined;

class TooLongError extends Error {}

parentPort?.on('message', (question: ParserQuestion) => void answer(question).then(reply));
reply({ isReady: true });

function reply(message: ParserReply): void {
  parentPort?.postMessage(message);
}

async function answer(question: ParserQuestion): Promise<ParserReply> {
  try {
    return { answer: await work(question) };
  } catch (error) {
    return { failure: failureOf(error), message: String(error) };
  }
}

async function work(question: ParserQuestion): Promise<unknown> {
  document ??= await open();
  if (question.what === 'open') return { pages: document.numPages, title: await titleOf(document) };
  const page = await document.getPage(question.page);
  try {
    return await (question.what === 'read' ? read(page) : render(page));
  } finally {
    page.cleanup();
  }
}

function open(): Promise<PDFDocumentProxy> {
  const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.resolve('pdfjs-dist/legacy/build/pdf.mjs')))));
  const folder = (name: string): string => `${join(packageRoot, name)}/`;
  return getDocument({
    data: bytes,
    verbosity: VerbosityLevel.ERRORS,
    cMapUrl: folder('cmaps'),
    standardFontDataUrl: folder('standard_fonts'),
    wasmUrl: folder('wasm'),
    iccUrl: folder('iccs'),
    maxImageSize: MOST_IMAGE_PIXELS,
    useSystemFonts: false,
    CanvasFactory,
  }).promise;
}

async function titleOf(of: PDFDocumentProxy): Promise<string | undefined> {
  const { info } = await of.getMetadata();
  const { Title: title } = info as { Title?: unknown };
  if (typeof title !== 'string') return undefined;
  const words = title.replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ').trim();
  return words.slice(0, MOST_TITLE_CHARACTERS).replace(/\p{Cs}/u, '') || undefined;
}

/** Leaves the page as soon as it has more text than a page may have. */
async function read(page: PDFPageProxy): Promise<string> {
  const runs: TextRun[] = [];
  let characters = 0;
  for await (const { items, styles } of chunksOf(page)) {
    for (const item of items) {
      characters += 1 + (item.str?.length ?? 0);
      if (characters > 2 * pageCharacters) throw new TooLongError('A page has too much text.');
      if (item.str) runs.push(toRun(item, styles[item.fontName]?.vertical === true));
    }
  }
  const text = layOutPage(runs);
  if (text.length > pageCharacters) throw new TooLongError('A page has too much text.');
  return text;
}

/**
 * A page that is left is not cancelled: pdf.js would still close the stream, which throws by then, and end this thread before it has said
 * why the page was left. The thread ends with that answer anyway.
 */
async function* chunksOf(page: PDFPageProxy): AsyncGenerator<TextChunk> {
  const reader = (page.streamTextContent({ disableNormalization: true }) as ReadableStream<TextChunk>).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

interface TextChunk {
  readonly items: readonly TextItem[];
  readonly styles: Readonly<Record<string, { readonly vertical: boolean } | undefined>>;
}

interface TextItem {
  readonly str?: string;
  readonly dir: string;
  readonly width: number;
  readonly height: number;
  readonly transform: readonly [number, number, number, number, number, number];
  readonly fontName: string;
}

function toRun({ str = '', dir, width, height, transform: [a, b, c, d, x, y] }: TextItem, isVertical: boolean): TextRun {
  const size = Math.hypot(c, d);
  return {
    text: str,
    x,
    y,
    size,
    length: isVertical ? height : width,
    angle: isVertical ? -90 : (Math.atan2(b, a) * 180) / Math.PI,
    isRightToLeft: dir === 'rtl',
  };
}

async function render(page: PDFPageProxy): Promise<Uint8Array> {
  const { width, height } = page.getViewport({ scale: 1 });
  const viewport = page.getViewport({ scale: imagePixels / Math.max(width, height) });
  const entry = canvases.create(Math.max(1, Math.floor(viewport.width)), Math.max(1, Math.floor(viewport.height)));
  try {
    await page.render({ canvas: entry.canvas, viewport }).promise;
    return new Uint8Array((await entry.canvas?.encode('png')) ?? []);
  } finally {
    canvases.destroy(entry);
  }
}

function failureOf(error: unknown): ParserFailure {
  const { name, message } = error as Error;
  if (name === 'PasswordException') return 'encrypted';
  if (error instanceof TooLongError) return 'too_long';
  return name === 'RangeError' || /call stack|allocation failed/i.test(message) ? 'too_complex' : 'damaged';
}
