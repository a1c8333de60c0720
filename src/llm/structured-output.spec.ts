import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { DomainError } from '../problems/index.js';
import { parseJson, responseFormat } from './structured-output.js';

const quiz = z.object({
  title: z.string().min(3).max(10),
  questions: z.array(z.object({ prompt: z.string().min(1), options: z.array(z.string().min(1)).min(2).nullable() })).min(1),
});
const GOOD = { title: 'animals', questions: [{ prompt: 'a?', options: ['x', 'y'] }] };

function misfitOf(text: string): string {
  try {
    parseJson(text, quiz);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'invalid_model_output') return error.message;
  }
  throw new Error('not refused');
}

const BEFORE = `The language model's answer does not fit the schema: `;

describe('the answer of a model', () => {
  it.each([
    ['bare', JSON.stringify(GOOD)],
    ['with space around it', `\n ${JSON.stringify(GOOD, null, 2)}\n`],
    ['in a fence', `\`\`\`json\n${JSON.stringify(GOOD)}\n\`\`\``],
    ['in a fence without a language', `\`\`\`\n${JSON.stringify(GOOD)}\n\`\`\`\n`],
    ['with a fence inside', JSON.stringify({ ...GOOD, questions: [{ prompt: '```js\nx\n```', options: null }] })],
  ])('is read as an object: %s', (_, text) => {
    expect(parseJson(text, quiz)).toMatchObject({ title: 'animals' });
  });

  it.each(['', 'I cannot help with that.', '{"title": "anim', '```json\n{"title":\n```', 'Here it is:\n```json\n{}\n```'])(
    'is refused when it is no JSON: %j',
    (text) => {
      expect(misfitOf(text)).toBe(`${BEFORE}it is not JSON.`);
    },
  );

  it.each([
    [{ ...GOOD, title: undefined }, '/title: '],
    [{ ...GOOD, title: 'ab' }, '/title: '],
    [{ ...GOOD, questions: [] }, '/questions: '],
    [{ ...GOOD, questions: [...GOOD.questions, { prompt: '', options: null }] }, '/questions/1/prompt: '],
    [{ ...GOOD, questions: [{ prompt: 'a?', options: ['x', 7] }] }, '/questions/0/options/1: '],
    [[], '/: '],
  ])('is refused when it does not fit, with a pointer to the first misfit: %j', (answer, pointer) => {
    const message = misfitOf(JSON.stringify(answer));
    expect(message.startsWith(BEFORE + pointer)).toBe(true);
    expect(message.length).toBeGreaterThan(BEFORE.length + pointer.length + 1);
  });
});

describe('what a model is told of the schema', () => {
  const format = responseFormat('quiz', quiz).response_format as { json_schema: { schema: object } };

  it('is strict, and has its name', () => {
    expect(format).toMatchObject({ type: 'json_schema', json_schema: { name: 'quiz', strict: true } });
  });

  it('leaves out the lengths of strings, which strict mode refuses, at every depth, and nothing else', () => {
    const text = JSON.stringify(format.json_schema.schema);
    expect(text).not.toMatch(/minLength|maxLength/);
    expect(format.json_schema.schema).toMatchObject({
      required: ['title', 'questions'],
      additionalProperties: false,
      properties: { title: { type: 'string' }, questions: { minItems: 1, items: { properties: { prompt: { type: 'string' } } } } },
    });
  });

  it('does not take the lengths away from the check of the answer', () => {
    expect(misfitOf(JSON.stringify({ ...GOOD, title: 'much too long a title' }))).toContain('/title: ');
  });
});
