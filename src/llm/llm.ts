import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { AbortContext, deriveSignal, isAbortOf, wait, type AbortFrame } from '../abort/index.js';
import { APP_CONFIG, type AppConfig, type LlmConfig } from '../config/index.js';
import { CallLedger, type CallRecord } from './call-record.js';
import { CallSlots, type Release } from './call-slots.js';
import { countPromptTokens, countTokens } from './offline/index.js';
import { JsonElements, type ElementsOf } from './json-elements.js';
import { LlmCallsRepository, type CallOwner, type TaskUsage } from './llm-calls.repository.js';
import { toWireMessage, type ChatMessage, type WireMessage } from './messages.js';
import { Models, type ModelRole } from './models.js';
import { SentRequests } from './sent-requests.js';
import { parseJson, responseFormat } from './structured-output.js';
import { UpstreamClock } from './upstream-clock.js';
import { toUpstreamFailure, type UpstreamFailure } from './upstream-error.js';

export interface ChatCall {
  readonly messages: readonly ChatMessage[];
  /** Which of the configured models is asked; `vision` only where `Llm.canSee`. Default `chat`. */
  readonly model?: ModelRole;
  /** How the log says that this call was not made: `[stage] Client disconnected, <skipping>`. */
  readonly skipping?: string;
}

export interface StructuredCall<S extends z.ZodType> extends ChatCall {
  readonly name: string;
  readonly schema: S;
  /** Told of each element of a list in the answer as soon as it is complete, before the rest of the answer is there. */
  readonly elements?: ElementsOf;
}

/** One attempt at a call: yields what arrives, and notes on the record what the provider counted. */
type Attempt<T> = (signal: AbortSignal, record: CallRecord) => AsyncIterable<T>;

interface Call<T> {
  readonly kind: 'chat' | 'embeddings';
  readonly model: string;
  readonly promptTokens: () => number;
  readonly skipping: string;
  readonly attempt: Attempt<T>;
  /** See `Models.isCutFirst`. */
  readonly isCutFirst: boolean;
}

const IN_FLIGHT = 'aborting LLM call';
const LONGEST_RETRY_WAIT_SECONDS = 5;

/**
 * The only way to the models. Each call looks at the ambient signal first, waits for its slot no longer than it is wanted, streams,
 * and is cut in flight by closing its socket. It leaves a ledger row whichever way it ends. Outside any abort scope it throws
 * `OutsideAbortScopeError`; on abort, the signal's own reason; on a provider's failure a `DomainError` with the code
 * `upstream_error`, `upstream_rate_limited` or `upstream_timeout`.
 */
@Injectable()
export class Llm {
  readonly #config: LlmConfig;
  readonly #apiKeys: readonly string[];
  readonly #slots: CallSlots;

  constructor(
    @Inject(APP_CONFIG) { llm }: AppConfig,
    private readonly models: Models,
    private readonly context: AbortContext,
    private readonly ledger: CallLedger,
    private readonly calls: LlmCallsRepository,
    private readonly sent: SentRequests,
  ) {
    this.#config = llm;
    this.#apiKeys = [llm.apiKey, llm.azure?.apiKey].filter((key) => key !== undefined);
    this.#slots = new CallSlots(llm.maxConcurrency);
  }

  /** The name of the model that `embed` uses: vectors of different models do not compare. */
  get embeddingModel(): string {
    return this.models.embeddingName;
  }

  /** Is there a model that sees? Without one a call of `vision` throws an `Error`: whoever calls has to look here first. */
  get canSee(): boolean {
    return this.models.canSee;
  }

  /** The model's answer, piece by piece. Leaving the loop early cuts the call. */
  stream(call: ChatCall): AsyncGenerator<string> {
    return this.#stream(call);
  }

  /**
   * The model's answer as an object that fits `schema`. Throws `DomainError('invalid_model_output')` if it does not: nothing that
   * fails its schema gets any further, but for the elements that were told of before the answer was whole.
   */
  async structured<S extends z.ZodType>({ name, schema, elements, ...call }: StructuredCall<S>): Promise<z.infer<S>> {
    const incremental = elements && new JsonElements(elements);
    let text = '';
    for await (const piece of this.#stream(call, responseFormat(name, schema))) {
      text += piece;
      incremental?.write(piece);
    }
    return parseJson(text, schema);
  }

  /** One vector for each text, in order, and the model that made them. */
  async embed(texts: readonly string[], skipping = IN_FLIGHT): Promise<{ model: string; vectors: number[][] }> {
    const model = this.models.embeddingName;
    const attempt: Attempt<number[][]> = (signal, record) => this.#embed(model, texts, signal, record);
    const promptTokens = (): number => texts.reduce((sum, text) => sum + countTokens(text), 0);
    const vectors: number[][] = [];
    for await (const batch of this.#call({ kind: 'embeddings', model, promptTokens, skipping, attempt, isCutFirst: true }))
      vectors.push(...batch);
    return { model, vectors };
  }

  /** What a task has used so far. */
  usageOf(task: CallOwner): Promise<TaskUsage> {
    return this.calls.usageOf(task);
  }

  /** What each of the tasks has used so far, in the order given. */
  usagesOf(tasks: readonly CallOwner[]): Promise<TaskUsage[]> {
    return this.calls.usagesOf(tasks);
  }

  /** The stages of a task from which at least one call has left for the provider. */
  stagesCalled(task: CallOwner): Promise<string[]> {
    return this.calls.stagesCalled(task);
  }

  #stream({ messages, model: role = 'chat', skipping = IN_FLIGHT }: ChatCall, options: object = {}): AsyncGenerator<string> {
    const model = this.models.nameOf(role);
    const attempt: Attempt<string> = (signal, record) => this.#chat(role, messages, options, signal, record);
    const promptTokens = (): number => countPromptTokens(messages.map(toWireMessage), model);
    return this.#call({ kind: 'chat', model, promptTokens, skipping, attempt, isCutFirst: this.models.isCutFirst(role) });
  }

  async *#chat(
    role: ModelRole,
    messages: readonly ChatMessage[],
    options: object,
    signal: AbortSignal,
    record: CallRecord,
  ): AsyncGenerator<string> {
    let usage: CallRecord['exact'];
    const given = { ...options, ...this.#told(), signal };
    const begin = () => this.models.get(role).stream(messages.map(toPair), given);
    for await (const chunk of await this.sent.during(record, begin)) {
      if (chunk.usage_metadata) usage = plus(usage, chunk.usage_metadata);
      if (chunk.text) yield chunk.text;
    }
    // Some providers count in pieces: only a stream that came to its end has told the whole.
    if (!signal.aborted) record.exact = usage;
  }

  async *#embed(model: string, texts: readonly string[], signal: AbortSignal, record: CallRecord): AsyncGenerator<number[][]> {
    const timeout = this.#timeoutMs;
    const given = { ...(timeout !== undefined && { timeout }), signal };
    const begin = () => this.models.embeddings.embeddings.create({ model, input: [...texts] }, given);
    const { data, usage } = await this.sent.during(record, begin);
    record.exact = { promptTokens: usage.prompt_tokens, completionTokens: 0 };
    yield data.map(({ embedding }) => embedding);
  }

  /**
   * What is left of the work's own time, in milliseconds, where that is less than a call may take anyway. The scope's own signal comes
   * first: this is a millisecond late.
   */
  get #timeoutMs(): number | undefined {
    const { remainingMs } = this.context;
    return remainingMs < this.#config.timeoutMs ? Math.ceil(remainingMs) + 1 : undefined;
  }

  /**
   * Tells the provider how long its answer is waited for, as the SDK does. LangChain passes no timeout on to it for a stream, and makes of
   * one a timer that stays behind when the call is over.
   */
  #told(): { readonly headers?: Readonly<Record<string, string>> } {
    const ms = this.#timeoutMs;
    return ms === undefined ? {} : { headers: { 'x-stainless-timeout': String(Math.trunc(ms / 1000)) } };
  }

  /** Attempts until one answers, a failure is final, or the work is no longer wanted. Nothing is repeated once text has arrived. */
  async *#call<T>(call: Call<T>): AsyncGenerator<T> {
    const frame = this.context.require('The language model');
    for (let attempt = 0; ; attempt += 1) {
      const failure = yield* this.#attempt(call, frame, attempt >= this.#config.maxRetries);
      if (failure === undefined) return;
      await this.#unlessAborted(frame, call.skipping, wait(backoffMs(attempt, failure.retryAfterSeconds), frame.scope.signal));
    }
  }

  /** Returns the failure if another attempt may follow it, throws it if not. */
  async *#attempt<T>(call: Call<T>, frame: AbortFrame, isLast: boolean): AsyncGenerator<T, UpstreamFailure | undefined> {
    this.context.checkpoint(undefined, call.skipping);
    const release = await this.#unlessAborted(frame, call.skipping, this.#slots.acquire(frame.scope.signal));
    try {
      const record = await this.#unlessAborted(frame, call.skipping, this.ledger.open(call, frame, call.promptTokens));
      yield* this.#inFlight(call, frame, record, release);
      return undefined;
    } catch (error) {
      if (!(error instanceof CallFailedError)) throw error;
      const failure = toUpstreamFailure(error.cause, this.#apiKeys);
      const isWorthIt = failure.isRetryable && (failure.retryAfterSeconds ?? 0) <= LONGEST_RETRY_WAIT_SECONDS;
      if (isLast || !isWorthIt || error.isPartial) throw failure.problem;
      return failure;
    } finally {
      release();
    }
  }

  /** From the first byte sent to the row closed; the slot is free before that. Throws the abort's reason, or a `CallFailedError`. */
  async *#inFlight<T>(call: Call<T>, frame: AbortFrame, record: CallRecord, release: Release): AsyncGenerator<T> {
    const { signal } = frame.scope;
    const options = { isStackless: true };
    using bounded = call.isCutFirst ? this.context.unwinding(options, frame) : deriveSignal([signal], options);
    const clock = new UpstreamClock(this.#config, (reason) => {
      if (!signal.aborted) bounded.abort(reason);
    });
    const stopped = this.#track(call, frame);
    let outcome: 'completed' | 'aborted' | 'failed' = 'aborted';
    try {
      signal.throwIfAborted();
      for await (const piece of call.attempt(bounded.signal, record)) {
        clock.hold();
        if (typeof piece === 'string') await this.ledger.add(record, piece, frame);
        yield piece;
        clock.tick();
      }
      // A stream that is aborted half-way ends without throwing: without this look, half an answer would pass for a whole one.
      signal.throwIfAborted();
      bounded.signal.throwIfAborted();
      outcome = 'completed';
    } catch (error) {
      // The scope is looked at again: what ends at the deadline may be told of by the client of the model before any timer of ours.
      if (!isAbortOf(error, frame.scope.signal)) {
        outcome = 'failed';
        throw new CallFailedError(bounded.signal.aborted ? bounded.signal.reason : error, record.hasText);
      }
      this.context.announce(IN_FLIGHT, undefined, frame);
      throw signal.reason;
    } finally {
      clock.stop();
      stopped();
      release();
      await this.ledger.close(record, outcome);
    }
  }

  /** Puts the call on the receipt of an abort. Returns what says that it has stopped. */
  #track<T>(call: Call<T>, frame: AbortFrame): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const tracked = frame.scope.track('llm', `${call.kind} ${call.model}`, frame.stage, promise);
    // Nobody waits on it: whoever reads the stream is held by the stream. A zombie is named where it is found.
    tracked.catch(() => undefined);
    return () => resolve(undefined);
  }

  /** Waits for what an abort may end, and says in the log that the call was not made. */
  async #unlessAborted<T>(frame: AbortFrame, skipping: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (isAbortOf(error, frame.scope.signal)) this.context.announce(skipping, undefined, frame);
      throw error;
    }
  }
}

/** A failure of the provider while a call was in flight. After a partial answer another attempt would say it twice. */
class CallFailedError extends Error {
  constructor(
    cause: unknown,
    readonly isPartial: boolean,
  ) {
    super('The call failed.', { cause });
  }
}

function toPair(message: ChatMessage): [WireMessage['role'], WireMessage['content']] {
  const { role, content } = toWireMessage(message);
  return [role, content];
}

function plus(sum: CallRecord['exact'], usage: { input_tokens: number; output_tokens: number }): CallRecord['exact'] {
  const { promptTokens = 0, completionTokens = 0 } = sum ?? {};
  return { promptTokens: promptTokens + usage.input_tokens, completionTokens: completionTokens + usage.output_tokens };
}

function backoffMs(attempt: number, retryAfterSeconds?: number): number {
  return retryAfterSeconds === undefined ? 250 * 2 ** attempt : retryAfterSeconds * 1000;
}
