import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../testing/index.js';
import { TasksServer } from '../../../test/support/tasks-server.js';
import { Session } from './session.js';
import { TokenView } from './token-view.js';

function emptyStorage() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

describe('a token that is tried', () => {
  let server: TasksServer;
  let session: Session;
  let view: TokenView;
  let timesIn: number;
  let gate: Gate;

  beforeEach(async () => {
    server = await TasksServer.start();
    [session, gate, timesIn] = [new Session(emptyStorage()), new Gate(), 0];
    const nothing = (): void => undefined;
    view = new TokenView(session, server.url, nothing, () => (timesIn += 1));
  });
  afterEach(() => server.stop());

  /** Whose answer is held until the gate opens. */
  async function tryHeld(token: string): Promise<{ readonly over: Promise<void> }> {
    server.answer = async () => {
      await gate.wait();
      return { tasks: [] };
    };
    const over = view.try(token);
    await gate.reached;
    return { over };
  }

  it('signs in nobody once its view was left', async () => {
    const { over } = await tryHeld('first');
    view.leave();
    gate.open();
    await over;
    expect([session.token, session.notice, timesIn]).toEqual([undefined, '', 0]);
  });

  it('takes no part any more once another is tried', async () => {
    const { over } = await tryHeld('first');
    server.answer = () => ({ tasks: [] });
    await view.try('second');
    gate.open();
    await over;
    expect([session.token, timesIn]).toEqual(['second', 1]);
  });

  it('is answered with why it is not taken', async () => {
    server.answer = () => 401;
    await view.try('first');
    await eventually(() => session.notice !== '');
    expect([session.token, session.notice]).toEqual([undefined, 'Refused.']);
    await view.try('%');
    expect(session.notice).toMatch(/^This is no token/);
  });
});
