import { describe, expect, it } from '@jest/globals';
import { endOf, Gate } from './index.js';

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
    await Promise.all([read.next(), left.next()]);
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
});
