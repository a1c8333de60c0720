import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { of } from 'rxjs';
import { endOf, Gate, ScriptedModelServer } from './index.js';

class Tutor {
  readonly gate = new Gate();
  readonly greeting = 'Hello';

  async answer(name: string): Promise<string> {
    await this.gate.wait();
    if (name === '') throw new Error('nobody');
    return `${this.greeting}, ${name}`;
  }

  greet(name: string): string {
    if (name === '') throw new Error('nobody');
    return `${this.greeting}, ${name}`;
  }

  async *stream(): AsyncGenerator<string> {
    yield this.greeting;
    await this.gate.wait();
    yield 'goodbye';
  }

  /** Whatever a method may give. */
  give(value: unknown): unknown {
    return value;
  }

  async promise(value: unknown): Promise<unknown> {
    return await Promise.resolve(value);
  }
}

describe('The end of a method', () => {
  it('has not come before it was called', () => {
    expect(endOf(new Tutor(), 'answer')).toThrow('answer() was never called');
  });

  it('comes when all its calls are over, whichever way, and they answer as ever', async () => {
    const tutor = new Tutor();
    const ended = endOf(tutor, 'answer');
    const [answer, failure] = [tutor.answer('Ada'), tutor.answer('')];
    expect(ended).toThrow('answer() is still running');
    tutor.gate.open();
    await expect(answer).resolves.toBe('Hello, Ada');
    await expect(failure).rejects.toThrow('nobody');
    expect(ended).not.toThrow();
  });

  it('comes at once for a method that promises nothing', async () => {
    const tutor = new Tutor();
    const ended = endOf(tutor, 'greet');
    expect(tutor.greet('Ada')).toBe('Hello, Ada');
    expect(() => tutor.greet('')).toThrow('nobody');
    await Promise.resolve();
    expect(ended).not.toThrow();
  });

  it('is the end of a generator: read to its end, left, or failed', async () => {
    const tutor = new Tutor();
    const ended = endOf(tutor, 'stream');
    const [read, left, failed] = [tutor.stream(), tutor.stream(), tutor.stream()];
    await Promise.all([read.next(), left.next(), failed.next()]);
    expect(ended).toThrow('stream() is still running');
    tutor.gate.open();
    expect(await Array.fromAsync(read)).toEqual(['goodbye']);
    expect(ended).toThrow('stream() is still running');
    await left.return(undefined);
    await left.return(undefined);
    expect(ended).toThrow('stream() is still running');
    await expect(failed.throw(new Error('broken'))).rejects.toThrow('broken');
    expect(ended).not.toThrow();
  });

  it('does not wait for a generator that nobody has begun to read', async () => {
    const tutor = new Tutor();
    const ended = endOf(tutor, 'stream');
    tutor.stream();
    expect(ended).not.toThrow();
    const left = tutor.stream();
    await left.return(undefined);
    expect(ended).not.toThrow();
    expect(await left.next()).toEqual({ done: true, value: undefined });
    expect(ended).not.toThrow();
  });

  it('is the end of a generator that was promised', async () => {
    const tutor = new Tutor();
    const ended = endOf(tutor, 'promise');
    const stream = (await tutor.promise(tutor.stream())) as AsyncGenerator<string>;
    await stream.next();
    expect(ended).toThrow('promise() is still running');
    tutor.gate.open();
    expect(await Array.fromAsync(stream)).toEqual(['goodbye']);
    expect(ended).not.toThrow();
  });

  it('comes with what is of this realm or of that of Node', async () => {
    const tutor = new Tutor();
    const ended = endOf(tutor, 'give');
    const reading = tutor.give(readFile(new URL(import.meta.url)));
    expect(ended).toThrow('give() is still running');
    await reading;
    tutor.give([1]);
    tutor.give(null);
    expect(ended).not.toThrow();
  });
});

describe('The end of what goes on behind the back of a method', () => {
  it.each([
    ['an instance of Observable, an Observable', () => of('Hello')],
    ['an instance of Readable, an async iterable', () => Readable.from(['Hello'])],
    ['a generator', () => once()],
  ])('cannot be seen, and %s is refused', async (name, make) => {
    const tutor = new Tutor();
    const [given, promised] = [endOf(tutor, 'give'), endOf(tutor, 'promise')];
    const value = make();
    expect(tutor.give(value)).toBe(value);
    expect(given).toThrow(`give() gave ${name}: when that is over cannot be seen. Watch a method that is over when the work is`);
    expect(await tutor.promise(value)).toBe(value);
    expect(promised).toThrow(`promise() gave ${name}: when that is over cannot be seen.`);
  });

  it('cannot be seen either where it is a query that begins when it is awaited, which it does once', async () => {
    let executed = 0;
    class Query {
      then(resolve: (rows: number) => void): void {
        resolve((executed += 1));
      }
    }
    const tutor = new Tutor();
    const ended = endOf(tutor, 'give');
    expect(await tutor.give(new Query())).toBe(1);
    await Promise.resolve();
    expect(executed).toBe(1);
    expect(ended).toThrow('give() gave an instance of Query, a thenable of its own kind: when that is over cannot be seen.');
  });

  it('is neither the promise of an OpenAI client, nor its stream', async () => {
    const model = await ScriptedModelServer.start();
    const { completions } = new OpenAI({ apiKey: 'test', baseURL: model.baseUrl, maxRetries: 0 }).chat;
    const asked = () => completions.create({ model: 'm', messages: [{ role: 'user', content: 'Hello' }], stream: true });
    const tutor = new Tutor();
    const [given, promised] = [endOf(tutor, 'give'), endOf(tutor, 'promise')];
    const answer = await (tutor.give(asked()) as ReturnType<typeof asked>).asResponse();
    expect(await answer.text()).toContain('data: [DONE]');
    expect(given).toThrow('give() gave an instance of APIPromise, a thenable of its own kind');
    await tutor.promise(asked());
    expect(promised).toThrow('promise() gave an instance of Stream, an async iterable');
    await model.stop();
  });
});

function* once(): Generator<string> {
  yield 'Hello';
}
