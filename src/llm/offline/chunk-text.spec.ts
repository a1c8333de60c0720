import { describe, expect, it } from '@jest/globals';
import { chunkText, countTokens } from './index.js';

const TEXTS = [
  '',
  'one',
  'Hello, world!  Two  spaces\n\nand lines.',
  '{"questions":[{"answer":"你好吗？"}]}',
  '👩‍👩‍👧 family 𠮷野家 \ud800 lone',
  'ελληνικά русский العربية',
  '____ 1234567890',
];

describe('chunkText', () => {
  it.each(TEXTS)('joins back to %j', (text) => expect(chunkText(text).join('')).toBe(text));

  it.each(TEXTS.map((text) => text.toWellFormed()))('cuts no character of %j in two', (text) => {
    expect(chunkText(text).every((chunk) => chunk.isWellFormed())).toBe(true);
  });

  it('gives about as many deltas as the text has tokens', () => {
    const text = JSON.stringify({
      prompt: 'What does “你好” (nǐ hǎo) mean?',
      options: ['hello', 'goodbye', 'a large elephant', 'thanks'],
    }).repeat(10);
    expect(chunkText(text).length / countTokens(text)).toBeGreaterThan(0.6);
    expect(chunkText(text).length / countTokens(text)).toBeLessThan(1.7);
  });
});
