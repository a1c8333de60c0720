import { describe, expect, it } from '@jest/globals';
import { performance } from 'node:perf_hooks';
import { Tiktoken } from 'js-tiktoken/lite';
import o200kBase from 'js-tiktoken/ranks/o200k_base';
import { countPromptTokens, countTokens } from './index.js';

describe('countTokens', () => {
  it.each([
    ['', 0],
    ['hello world', 2],
    ['你好', 1],
    ['The quick brown fox jumps over the lazy dog.', 10],
  ])('counts %j as %i in o200k_base', (text, count) => expect(countTokens(text)).toBe(count));

  it('takes the name of a special token as text', () => expect(countTokens('<|endoftext|>')).toBeGreaterThan(1));

  it('counts ordinary text exactly as the encoder does', () => {
    const text = 'A sentence with  spaces, a {"json": ["value"]},\n\n一个没有那么长的中文句子，and naïve Ünïcode… '.repeat(10);
    expect(countTokens(text)).toBe(new Tiktoken(o200kBase).encode(text).length);
  });

  it('takes no quadratic time over a long unbroken run', () => {
    const start = performance.now();
    expect(countTokens('我是学生他也是学生'.repeat(400))).toBeGreaterThan(1000);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('countPromptTokens', () => {
  it('adds 3 for each message, 1 for a name and 3 to prime the answer', () => {
    const [role, content, name] = ['user', 'hello world', 'ann'];
    const words = countTokens(role) + countTokens(content);
    expect(countPromptTokens([{ role, content }])).toBe(words + 3 + 3);
    expect(
      countPromptTokens([
        { role, content, name },
        { role, content: null },
      ]),
    ).toBe(words + countTokens(name) + 1 + countTokens(role) + 3 + 3 + 3);
  });
});
