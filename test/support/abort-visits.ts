import { Body, Controller, Get, Injectable, Param, Post, Sse, type MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { AbortContext, RequestSignal, type AbortFrame } from '../../src/abort/index.js';
import { eventually, Gate } from '../../src/testing/index.js';

/** One request to a route of `VisitRoutes`, seen from inside its handler. */
export class Visit {
  /** What the handler waits at. */
  readonly gate = new Gate();
  signal?: AbortSignal;
  frame?: AbortFrame;
  body?: unknown;
  /** How the handler ended: `completed`, or what it failed with. */
  outcome?: unknown;
  /** What the ambient context was when the handler was torn down. */
  frameAtEnd?: AbortFrame;

  constructor(readonly id: string) {}

  /** Waits at the gate, unless the signal aborts. */
  async stay(signal: AbortSignal, frame?: AbortFrame): Promise<{ id: string }> {
    this.signal = signal;
    this.frame = frame;
    try {
      await Promise.race([this.gate.wait(), abortOf(signal)]);
      this.outcome = 'completed';
      return { id: this.id };
    } catch (error) {
      this.outcome = error;
      throw error;
    }
  }

  /** Resolves when the handler waits at its gate. */
  async entered(): Promise<void> {
    await this.gate.reached;
  }

  /** Resolves with the reason, once the handler has been stopped by its signal. */
  async stopped(): Promise<unknown> {
    return await eventually(() => this.outcome ?? false, { message: `visit ${this.id} being stopped` });
  }
}

@Injectable()
export class Visits {
  readonly #visits = new Map<string, Visit>();

  of(id: string): Visit {
    const visit = this.#visits.get(id) ?? new Visit(id);
    this.#visits.set(id, visit);
    return visit;
  }
}

/** Each kind of handler, with the signal injected. */
@Controller('signal')
export class SignalRoutes {
  constructor(
    private readonly visits: Visits,
    private readonly context: AbortContext,
  ) {}

  @Get('promise/:id')
  async get(@Param('id') id: string, @RequestSignal() signal: AbortSignal): Promise<object> {
    return await this.visits.of(id).stay(signal, this.context.frame);
  }

  @Post('promise/:id')
  async post(@Param('id') id: string, @Body() body: unknown, @RequestSignal() signal: AbortSignal): Promise<object> {
    const visit = this.visits.of(id);
    visit.body = body;
    return await visit.stay(signal, this.context.frame);
  }

  @Get('observable/:id')
  observable(@Param('id') id: string, @RequestSignal() signal: AbortSignal): Observable<object> {
    return observe(this.visits.of(id), () => signal, this.context);
  }

  @Get('generator/:id')
  generator(@Param('id') id: string, @RequestSignal() signal: AbortSignal): AsyncGenerator<string> {
    return generate(this.visits.of(id), () => signal, this.context);
  }

  @Get('quiet-generator/:id')
  quietGenerator(@Param('id') id: string, @RequestSignal() signal: AbortSignal): AsyncGenerator<string> {
    return generateQuietly(this.visits.of(id), () => signal, this.context);
  }

  @Sse('sse/:id')
  sse(@Param('id') id: string, @RequestSignal() signal: AbortSignal): Observable<MessageEvent> {
    return observeEvents(this.visits.of(id), () => signal, this.context);
  }
}

/** Each kind of handler, with the signal looked up in the ambient context, where the work is done. */
@Controller('ambient')
export class AmbientRoutes {
  constructor(
    private readonly visits: Visits,
    private readonly context: AbortContext,
  ) {}

  @Get('promise/:id')
  async get(@Param('id') id: string): Promise<object> {
    await Promise.resolve();
    return await this.visits.of(id).stay(this.context.signal, this.context.frame);
  }

  @Post('promise/:id')
  async post(@Param('id') id: string, @Body() body: unknown): Promise<object> {
    const visit = this.visits.of(id);
    visit.body = body;
    return await visit.stay(this.context.signal, this.context.frame);
  }

  @Get('observable/:id')
  observable(@Param('id') id: string): Observable<object> {
    return observe(this.visits.of(id), () => this.context.signal, this.context);
  }

  @Get('generator/:id')
  generator(@Param('id') id: string): AsyncGenerator<string> {
    return generate(this.visits.of(id), () => this.context.signal, this.context);
  }

  @Get('quiet-generator/:id')
  quietGenerator(@Param('id') id: string): AsyncGenerator<string> {
    return generateQuietly(this.visits.of(id), () => this.context.signal, this.context);
  }

  @Sse('sse/:id')
  sse(@Param('id') id: string): Observable<MessageEvent> {
    return observeEvents(this.visits.of(id), () => this.context.signal, this.context);
  }
}

function observe(visit: Visit, signal: () => AbortSignal, context: AbortContext): Observable<object> {
  return new Observable((subscriber) => {
    visit.stay(signal(), context.frame).then(
      (value) => {
        subscriber.next(value);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
  });
}

function observeEvents(visit: Visit, signal: () => AbortSignal, context: AbortContext): Observable<MessageEvent> {
  return new Observable((subscriber) => {
    subscriber.next({ data: 'first' });
    visit.stay(signal(), context.frame).then(
      () => {
        subscriber.next({ data: 'last' });
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
  });
}

async function* generate(visit: Visit, signal: () => AbortSignal, context: AbortContext): AsyncGenerator<string> {
  try {
    yield 'first\n';
    await visit.stay(signal(), context.frame);
    yield 'last\n';
  } finally {
    visit.frameAtEnd = context.frame;
  }
}

async function* generateQuietly(visit: Visit, signal: () => AbortSignal, context: AbortContext): AsyncGenerator<string> {
  await visit.stay(signal(), context.frame);
  yield 'all\n';
}

function abortOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
