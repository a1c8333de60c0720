import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessageChunk, type UsageMetadata } from '@langchain/core/messages';
import { ChatGenerationChunk } from '@langchain/core/outputs';
import { AbortContext, CancelledError } from '../../src/abort/index.js';
import { Llm, type ChatMessage } from '../../src/llm/index.js';
import { countPromptTokens, countTokens } from '../../src/llm/offline/index.js';
import { LedgerReader } from '../support/ledger.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

type Counts = Omit<UsageMetadata, 'total_tokens'>;

const MESSAGES: ChatMessage[] = [{ role: 'user', content: 'What does 你好 mean?' }];

/** As Anthropic tells it: the prompt at the head of the answer, what was written at its end. */
const PIECES: readonly (readonly [text: string, usage?: Counts])[] = [
  ['', { input_tokens: 25, output_tokens: 1 }],
  ['It is'],
  [' a greeting.'],
  ['', { input_tokens: 0, output_tokens: 12 }],
];

class PiecewiseChatModel extends BaseChatModel {
  override _llmType(): string {
    return 'piecewise';
  }

  override _generate(): never {
    throw new Error('This model only streams.');
  }

  override async *_streamResponseChunks(): AsyncGenerator<ChatGenerationChunk> {
    for (const [text, usage] of PIECES) {
      await setImmediate();
      yield toChunk(text, usage);
    }
  }
}

function toChunk(text: string, usage?: Counts): ChatGenerationChunk {
  const usage_metadata = usage && { ...usage, total_tokens: usage.input_tokens + usage.output_tokens };
  return new ChatGenerationChunk({ text, message: new AIMessageChunk({ content: text, usage_metadata }) });
}

// The package is not installed here: this class stands where langchain looks for the provider's own.
jest.unstable_mockModule('@langchain/anthropic', () => ({ ChatAnthropic: PiecewiseChatModel }), { virtual: true });

function cutOff(controller: AbortController): 'stay' {
  controller.abort(new CancelledError());
  return 'stay';
}

describe('a provider that tells its usage in pieces', () => {
  let app: TestApp;
  let llm: Llm;
  let context: AbortContext;

  beforeAll(async () => {
    app = await startTestApp({ env: { LLM_MODEL: 'anthropic:claude-of-this-test' } });
    llm = app.app.get(Llm, { strict: false });
    context = app.app.get(AbortContext);
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  /** Reads an answer as a task whose reader does something with each piece. Gives the row in the ledger, and what was read. */
  async function read(onPiece: (controller: AbortController) => 'stay' | 'leave') {
    const id = randomUUID();
    const controller = new AbortController();
    let text = '';
    const reading = context.run(controller.signal, () => readPieces(), { id });
    await reading.catch((error: unknown) => expect(error).toBe(controller.signal.reason));
    const [row] = await LedgerReader.of(app).callsOf(id);
    return { row, text };

    async function readPieces(): Promise<void> {
      for await (const piece of llm.stream({ messages: MESSAGES })) {
        text += piece;
        if (onPiece(controller) === 'leave') break;
      }
    }
  }

  it('is booked with the sum of them', async () => {
    const { row, text } = await read(() => 'stay');
    expect(text).toBe('It is a greeting.');
    expect(row).toMatchObject({ outcome: 'completed', is_exact: true, prompt_tokens: 25, completion_tokens: 13 });
  });

  it.each([
    ['left', () => 'leave' as const],
    ['was cut off', cutOff],
  ])('is not taken at its word before the last of them: what a reader got who %s is an estimate', async (_, stop) => {
    const { row, text } = await read(stop);
    expect(text).toMatch(/^It is/);
    const [prompt_tokens, completion_tokens] = [countPromptTokens(MESSAGES), countTokens(text)];
    expect(row).toMatchObject({ outcome: 'aborted', is_exact: false, prompt_tokens, completion_tokens });
  });
});
