import { ChatBody } from './chat-body.js';
import { chunkText } from './chunk-text.js';
import { JSON_HEADERS, type Exchange } from './exchange.js';
import type { LiveCall } from './live-call.js';
import type { ModelServerHooks } from './model-server-hooks.js';
import type { ChatRequest } from './openai-wire.js';
import { askForReply, sendReply } from './reply.js';

const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

/** Answers one chat call, streamed or whole. Both take the same steps through the hooks, and so the same time. */
export class ChatAnswer {
  readonly #exchange: Exchange;
  readonly #call: LiveCall<'chat'>;
  readonly #hooks: ModelServerHooks;
  readonly #body: ChatBody;

  constructor(exchange: Exchange, call: LiveCall<'chat'>, hooks: ModelServerHooks) {
    this.#exchange = exchange;
    this.#call = call;
    this.#hooks = hooks;
    this.#body = new ChatBody(call);
  }

  /** Resolves when the answer has been handed over; rejects with `CallOver` when the call is over before that. */
  async send(answer: (request: ChatRequest) => string): Promise<void> {
    const reply = await askForReply(this.#exchange, this.#call, this.#hooks);
    if (sendReply(this.#exchange, reply)) return;
    const text = reply && 'text' in reply ? reply.text : answer(this.#call.request);
    await (this.#call.request.stream === true ? this.#stream(text) : this.#sendWhole(text));
  }

  async #stream(text: string): Promise<void> {
    this.#exchange.head(200, STREAM_HEADERS);
    await this.#exchange.write(this.#body.delta({ role: 'assistant', content: '' }));
    await this.#step(text, async (chunk) => {
      await this.#exchange.write(this.#body.delta({ content: chunk }));
      this.#sent(chunk);
    });
    this.#exchange.finish(this.#body.tail());
  }

  async #sendWhole(text: string): Promise<void> {
    await this.#step(text);
    this.#exchange.head(200, JSON_HEADERS);
    this.#sent(text);
    this.#exchange.finish(this.#body.whole(text));
  }

  async #step(text: string, write?: (chunk: string) => Promise<void>): Promise<void> {
    const chunks = chunkText(text);
    for (const [index, chunk] of chunks.entries()) {
      await this.#beforeChunk(index);
      await write?.(chunk);
    }
    await this.#beforeChunk(chunks.length);
  }

  async #beforeChunk(index: number): Promise<void> {
    const exchange = this.#exchange;
    const step = await exchange.within(this.#hooks.beforeChunk?.(this.#call, index, exchange.signal));
    if (step === 'reset') exchange.reset();
    exchange.signal.throwIfAborted();
  }

  #sent(text: string): void {
    this.#call.sent(text);
    this.#hooks.onChunk?.(this.#call);
  }
}
