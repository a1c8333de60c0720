import { describe, expect, it } from '@jest/globals';
import { JsonElements } from './json-elements.js';

type Found = [value: unknown, index: number];

/** What is told of an answer that comes in pieces. */
function elementsOf(...pieces: readonly string[]): Found[] {
  const found: Found[] = [];
  const elements = new JsonElements({ list: 'questions', onElement: (value, index) => found.push([value, index]) });
  for (const piece of pieces) elements.write(piece);
  return found;
}

/** In pieces of so many UTF-16 units, wherever that cuts. */
function cut(text: string, length: number): string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, i) => text.slice(i * length, (i + 1) * length));
}

const ELEMENTS = [{ prompt: 'a "b" \\ {}[]' }, 'text', 7, null, true, [1, [2]], { questions: [{ nested: 1 }] }, {}];
const TOLD = ELEMENTS.map((value, index): Found => [value, index]);
const TEXT = JSON.stringify({ before: [1, { questions: [0] }], questions: ELEMENTS, after: { questions: ['no'] } });

describe('elements of a JSON answer', () => {
  it.each([1, 2, 3, 7, 1000])('are the same however it is cut: in pieces of %d', (length) => {
    expect(elementsOf(...cut(TEXT, length))).toEqual(TOLD);
    expect(elementsOf(...cut(JSON.stringify(JSON.parse(TEXT), null, 2), length))).toEqual(TOLD);
  });

  it('are told as soon as the last character of each has come, and not before', () => {
    const found: Found[] = [];
    const elements = new JsonElements({ list: 'questions', onElement: (value, index) => found.push([value, index]) });
    elements.write('{"questions":[{"a":1');
    expect(found).toEqual([]);
    elements.write('}');
    expect(found).toEqual([[{ a: 1 }, 0]]);
    elements.write(',{"a":2},{"a"');
    expect(found).toHaveLength(2);
  });

  it.each([1, 2, 3, 5])('keep every character where pieces of %d cut through it', (length) => {
    const words = { words: '𝄞 🏳️‍🌈 日本 é e\u0301 \ud83d\ude00' };
    expect(elementsOf(...cut(JSON.stringify({ questions: [words] }), length))).toEqual([[words, 0]]);
    expect(elementsOf(...cut(String.raw`{"questions":["\ud83d\ude00 \u00e9\n"]}`, length))).toEqual([['😀 é\n', 0]]);
  });

  it('are found in a Markdown fence and behind words', () => {
    expect(elementsOf('Here you are:\n``', '`json\n', TEXT, '\n```\nEnjoy {it}!')).toEqual(TOLD);
  });

  it.each([
    ['a second document', `${TEXT}\n${TEXT}`],
    ['a second document in a piece of its own', TEXT, TEXT],
    ['rubbish behind it', `${TEXT}}}}`, ']'],
  ])('are those of the first document alone: %s', (_, ...pieces) => {
    expect(elementsOf(...pieces)).toEqual(TOLD);
  });

  it.each([
    ['no JSON', 'I am sorry {sir}, I cannot do that'],
    ['another list', '{"items":[1,2]}'],
    ['a list and nothing else', '["questions",[1]]'],
    ['words', 'no', ' brackets'],
    ['nothing', ''],
    ['a list that is text', '{"questions":"none"}'],
    ['a list that is none', '{"questions":{"first":{"prompt":"x"}}}'],
  ])('are none where there is %s', (_, ...pieces) => {
    expect(elementsOf(...pieces)).toEqual([]);
  });

  it('end where the answer breaks, without an error', () => {
    expect(elementsOf('{"questions":[{"a":1},{"a":', 'oops', '},{"a":3}]}')).toEqual([[{ a: 1 }, 0]]);
  });

  it('may be many', () => {
    const many = Array.from({ length: 10_000 }, (_, n) => ({ n }));
    const found = elementsOf(...cut(JSON.stringify({ questions: many }), 50));
    expect([found.length, found.at(-1)]).toEqual([10_000, [{ n: 9999 }, 9999]]);
  });
});
