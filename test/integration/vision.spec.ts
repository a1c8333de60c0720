import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AbortContext, CancelledError } from '../../src/abort/index.js';
import { Llm, Models, type ChatCall, type ChatMessage } from '../../src/llm/index.js';
import { countPromptTokens, countTokens, type ChatCall as SeenCall } from '../../src/llm/offline/index.js';
import { LedgerReader } from '../support/ledger.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

/** One white pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const PAGE: ChatMessage[] = [
  { role: 'system', content: 'Write down what stands on the page.' },
  {
    role: 'user',
    content: [
      { type: 'text', text: '{"task":"transcribe_page","number":3}' },
      { type: 'image', mediaType: 'image/png', bytes: Buffer.from(PIXEL, 'base64') },
    ],
  },
];
const SENT = [
  PAGE[0],
  {
    role: 'user',
    content: [
      { type: 'text', text: '{"task":"transcribe_page","number":3}' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
    ],
  },
];

/** The whole answer, read within a scope as the work of a task is. */
function readAll({ app }: TestApp, call: ChatCall, signal = new AbortController().signal, id = randomUUID()): Promise<string> {
  const llm = app.get(Llm, { strict: false });
  return app.get(AbortContext).run(signal, async () => (await Array.fromAsync(llm.stream(call))).join(''), { id });
}

describe('a model that sees', () => {
  let app: TestApp;
  let llm: Llm;

  beforeAll(async () => {
    app = await startTestApp({ env: { VISION_MODEL: 'openai:gpt-4o' } });
    llm = app.app.get(Llm, { strict: false });
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  /** Looks at the page as a task. Gives what it reads, and the task's row in the ledger. */
  function look(controller = new AbortController()) {
    const id = randomUUID();
    const read = readAll(app, { messages: PAGE, model: 'vision' }, controller.signal, id);
    return { read, row: async () => (await LedgerReader.of(app).callsOf(id))[0] };
  }

  it('is there when it is named, and says so', () => {
    expect(llm.canSee).toBe(true);
    expect(app.app.get(Models, { strict: false }).description).toMatch(/^openai:gpt-4o-mini at \S+; images: openai:gpt-4o at \S+$/);
  });

  it('gets the image as it stands, and is booked under its own name', async () => {
    app.model.script('chat', { text: 'Lesson 3: 你好' });
    const { read, row } = look();
    expect(await read).toBe('Lesson 3: 你好');
    const [call] = app.model.journal as SeenCall[];
    expect(call).toMatchObject({ model: 'gpt-4o', request: { messages: SENT } });
    const prompt_tokens = countPromptTokens(call!.request.messages, 'gpt-4o');
    expect(await row()).toMatchObject({ model: 'gpt-4o', kind: 'chat', outcome: 'completed', is_exact: true, prompt_tokens });
  });

  it('is cut off in flight, and the image is in the estimate of what it cost', async () => {
    app.model.script('chat', { text: 'one two three four five six', stallAfter: 3 });
    const controller = new AbortController();
    const { read, row } = look(controller);
    const stopped = expect(read).rejects.toBeInstanceOf(CancelledError);
    const call = (await app.model.called('chat')) as SeenCall;
    await app.model.sent(call, 3);
    controller.abort(new CancelledError());
    await stopped;
    expect((await app.model.ended(call)).outcome).toBe('client_closed');
    const wordsOfPage = countPromptTokens([
      { role: 'system', content: 'Write down what stands on the page.' },
      { role: 'user', content: '{"task":"transcribe_page","number":3}' },
    ]);
    expect(await row()).toMatchObject({ model: 'gpt-4o', outcome: 'aborted', is_exact: false, prompt_tokens: wordsOfPage + 85 + 170 });
    expect((await row())!.completion_tokens).toBeLessThanOrEqual(countTokens(call.textSent));
  });

  it('is not asked where the words go', async () => {
    await readAll(app, { messages: [{ role: 'user', content: 'Hello?' }] });
    expect(app.model.journal.map(({ model }) => model)).toEqual(['gpt-4o-mini']);
  });
});

describe('without a model that sees', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp();
  }, 60_000);
  afterAll(() => app.close());

  it('nobody can look at an image: the call is an error of the program, and nothing is sent', () => {
    const llm = app.app.get(Llm, { strict: false });
    expect(llm.canSee).toBe(false);
    expect(() => llm.stream({ messages: PAGE, model: 'vision' })).toThrow(/^No model is configured that sees: .*VISION_MODEL/);
    expect(app.model.journal).toEqual([]);
  });

  it('the built-in model says of an image that it cannot see', async () => {
    expect(await readAll(app, { messages: PAGE })).toMatch(/cannot see/);
  });
});
