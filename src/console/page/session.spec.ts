import { describe, expect, it } from '@jest/globals';
import { Session, subjectOf, tokenIn } from './session.js';

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

  it.each([{ sub: 5 }, null])('is nobody by a token that says %j', (claims) => {
    expect(subjectOf(`e30.${btoa(JSON.stringify(claims))}.x`)).toBe('');
  });

  it('would become another by the token of another, or by one that cannot be read', () => {
    const session = new Session(emptyStorage());
    const other = `e30.${btoa(JSON.stringify({ sub: 'other' }))}.x`;
    expect(session.isOfAnother(other)).toBe(false);
    session.begin(TOKEN);
    expect([TOKEN, `${TOKEN}2`, other, '%'].map((token) => session.isOfAnother(token))).toEqual([false, false, true, true]);
    session.begin('what is this?');
    expect(session.isOfAnother('what is that?')).toBe(true);
  });

  it('comes by the link of the start, and by no other fragment', () => {
    expect(tokenIn(`#token=${TOKEN}`)).toBe(TOKEN);
    expect(tokenIn('#token=%')).toBe('%');
    expect(['', '#/tasks', '#token=', `#/tasks?token=${TOKEN}`].map(tokenIn)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
