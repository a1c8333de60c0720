import { describe, expect, it } from '@jest/globals';
import { Session, tokenIn } from './session.js';

const TOKEN = `e30.${btoa(JSON.stringify({ sub: 'learner' }))}.x`;

function emptyStorage() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

describe('who is signed in', () => {
  it('is told by the token, which is forgotten with the reason why', () => {
    const session = new Session(emptyStorage());
    expect([session.token, session.subject]).toEqual([undefined, '']);
    session.begin(TOKEN);
    expect([session.token, session.subject]).toEqual([TOKEN, 'learner']);
    session.end('The token has expired.');
    expect([session.token, session.notice]).toEqual([undefined, 'The token has expired.']);
  });

  it('is nobody by a token that cannot be read', () => {
    const session = new Session(emptyStorage());
    session.begin('what is this?');
    expect(session.subject).toBe('');
  });

  it('comes by the link of the start, and by no other fragment', () => {
    expect(tokenIn(`#token=${TOKEN}`)).toBe(TOKEN);
    expect(['', '#/tasks', '#token=', `#/tasks?token=${TOKEN}`].map(tokenIn)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
