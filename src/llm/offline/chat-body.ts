import type { ChatCall } from './model-call.js';

interface Delta {
  readonly role?: 'assistant';
  readonly content?: string;
}

interface Envelope {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
}

/** Writes the JSON bodies of one chat completion: its chunks when it is streamed, else the one answer. */
export class ChatBody {
  readonly #call: ChatCall;
  readonly #created = Math.floor(Date.now() / 1000);

  constructor(call: ChatCall) {
    this.#call = call;
  }

  delta(delta: Delta): string {
    return event({ ...this.#chunk(), choices: [{ index: 0, delta, logprobs: null, finish_reason: null }] });
  }

  /** The chunk with the finish reason, the usage if it was asked for, and `[DONE]`. */
  tail(): string {
    const finish = event({ ...this.#chunk(), choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }] });
    return `${finish}${this.#usageEvent()}data: [DONE]\n\n`;
  }

  whole(content: string): string {
    const message = { role: 'assistant', content, refusal: null };
    const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }];
    return JSON.stringify({ ...this.#envelope('chat.completion'), choices, usage: this.#usage() });
  }

  #usageEvent(): string {
    if (this.#call.request.stream_options?.include_usage !== true) return '';
    return event({ ...this.#chunk(), choices: [], usage: this.#usage() });
  }

  #usage(): object {
    const { promptTokens, completionTokens } = this.#call;
    return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens };
  }

  #chunk(): Envelope {
    return this.#envelope('chat.completion.chunk');
  }

  #envelope(object: string): Envelope {
    return { id: `chatcmpl-${this.#call.id}`, object, created: this.#created, model: this.#call.model };
  }
}

function event(body: object): string {
  return `data: ${JSON.stringify(body)}\n\n`;
}
