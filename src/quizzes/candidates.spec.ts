import { describe, expect, it } from '@jest/globals';
import { Candidates } from './candidates.js';
import type { Candidate } from './exercise.js';
import { initialState, type QuizRequest, type QuizState } from './quiz-state.js';

const PASSAGES = [7, 8];

function stateOf(missing: number, asked: readonly string[] = []): QuizState {
  const request = { questionCount: missing + asked.length } as QuizRequest;
  const passages = PASSAGES.map((id) => ({ id })) as unknown as QuizState['passages'];
  return { ...initialState(request), passages, accepted: asked.map((prompt) => ({ prompt }) as Candidate) };
}

function question(prompt: string, over: object = {}): object {
  return { type: 'grammar', skill: 'x', prompt, options: null, answer: 'yes', explanation: '', passage_id: 7, ...over };
}

function offered(state: QuizState, values: readonly unknown[]) {
  const told: Candidate[] = [];
  const candidates = new Candidates(state, (candidate) => told.push(candidate));
  values.forEach((value, index) => candidates.offer(value, index));
  return { candidates, told, prompts: () => candidates.found.map(({ prompt }) => prompt) };
}

describe('the questions of an attempt', () => {
  it('are told once each, as they come, under the ids that they keep', () => {
    const { candidates, told, prompts } = offered(stateOf(3), [question('a'), question('b', { passage_id: 8 })]);
    expect(prompts()).toEqual(['a', 'b']);
    expect(told).toEqual(candidates.found);
    expect(new Set(told.map(({ id }) => id)).size).toBe(2);
  });

  it.each([
    ['fits no question', { prompt: 'x' }],
    ['is no object', 'x'],
    ['is nothing', null],
    ['has an answer that is not among its options', question('x', { options: ['a', 'b'], answer: 'c' })],
    ['rests on a passage that was not given', question('x', { passage_id: 9 })],
    ['was asked in an attempt before', question('asked')],
    ['is asked for the second time', question('a')],
  ])('leave out what %s, and go on behind it', (_, useless) => {
    expect(offered(stateOf(5, ['asked']), [question('a'), useless, question('b')]).prompts()).toEqual(['a', 'b']);
  });

  it('are no more than are missing', () => {
    const many = Array.from({ length: 10_000 }, (_, n) => question(`q${n}`));
    const { told, prompts } = offered(stateOf(2, ['asked']), many);
    expect(prompts()).toEqual(['q0', 'q1']);
    expect(told).toHaveLength(2);
  });

  it('are the same when the whole answer is offered again: what was told stays, and nothing comes twice', () => {
    const values = [question('a'), { no: 'question' }, question('b')];
    const { candidates, told } = offered(stateOf(5), values);
    const before = [...candidates.found];
    values.forEach((value, index) => candidates.offer(value, index));
    expect([candidates.found, told]).toEqual([before, before]);
  });

  it('go on with what comes behind those that were seen as they came', () => {
    const { candidates, prompts } = offered(stateOf(5), [question('a')]);
    [question('another'), question('b')].forEach((value, index) => candidates.offer(value, index));
    expect(prompts()).toEqual(['a', 'b']);
  });
});
