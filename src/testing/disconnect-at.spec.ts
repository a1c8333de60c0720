import { hasSubscribers } from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TwoCallApp } from '../../test/support/two-call-app.js';
import { disconnectAt, Gate, ScriptedModelServer, type SocketClient } from './index.js';

let model: ScriptedModelServer;
let app: TwoCallApp;
let client: SocketClient;

beforeEach(async () => {
  model = await ScriptedModelServer.start();
  app = await TwoCallApp.start(model);
  client = app.client();
});
afterEach(async () => {
  client.close();
  await app.close();
  await model.stop();
});

const ask = () => client.post('/ask', { question: 'Why?' });

describe('A disconnect in a model call', () => {
  it('is before its first byte', async () => {
    const before = performance.now();
    const disconnect = await disconnectAt(model, { call: 'chat' }, ask);
    expect(disconnect.stage).toBe('call 1 of chat, before its first byte');
    expect(disconnect.inFlight).toEqual(model.journal);
    expect(disconnect.begun).toEqual(model.journal);
    expect(await model.ended(model.journal[0]!)).toMatchObject({ outcome: 'client_closed', chunksSent: 0, firstByteAt: undefined });
    expect(disconnect.at).toBeGreaterThan(model.journal[0]!.receivedAt);
    expect(disconnect.at).toBeGreaterThan(before);
    expect(disconnect.at).toBeLessThanOrEqual(model.journal[0]!.endedAt!);
  });

  it('is so many chunks into its answer, which scripts still say', async () => {
    model.script('chat', { text: 'one two three four five six' });
    const disconnect = await disconnectAt(model, { call: 'chat', chunks: 3 }, ask);
    expect(disconnect.stage).toBe('call 1 of chat, 3 chunks into its answer');
    expect(await model.ended(model.journal[0]!)).toMatchObject({ outcome: 'client_closed', textSent: 'one two three' });
  });

  it('is in the nth call that matches, counted from when the request is sent', async () => {
    await ask().answer;
    const disconnect = await disconnectAt(model, { call: ({ kind }) => kind === 'chat', nth: 2 }, ask);
    expect(disconnect.stage).toBe('call 2 of a matching call, before its first byte');
    expect(disconnect.begun.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    expect(disconnect.inFlight.map(({ id }) => id)).toEqual([4]);
  });

  it('knows what was in flight for this client alone, where it is told which calls are', async () => {
    const hold = model.hold('chat');
    const other = ask();
    await hold.gate.reached;
    const disconnect = await disconnectAt(model, { call: 'chat' }, ask, { calls: ({ id }) => id > 1 });
    expect(disconnect.begun.map(({ id }) => id)).toEqual([2]);
    hold.gate.open();
    expect((await other.answer)?.status).toBe(200);
    expect(disconnect.callsAfter.map(({ id }) => id)).toEqual([3]);
  });
});

describe('A disconnect where code of the app waits at a gate', () => {
  beforeEach(() => {
    app.between = new Gate();
  });

  it('resolves when the server has seen that its client left, with the work still held', async () => {
    const gate = app.between!;
    const disconnect = await disconnectAt(model, { gate }, ask);
    expect(disconnect.stage).toBe('the gate');
    expect(app.signal?.aborted).toBe(true);
    expect(gate.opened).toBe(false);
    expect(disconnect.begun).toEqual(model.journal);
    expect(disconnect.inFlight).toEqual([]);
    disconnect.release();
    expect(gate.opened).toBe(true);
  });

  it('is told apart from requests that the same connection carried before', async () => {
    const gate = app.between!;
    app.between = undefined;
    expect((await ask().answer)?.status).toBe(200);
    app.between = gate;
    await disconnectAt(model, { gate }, ask);
    expect(app.signal?.aborted).toBe(true);
  });

  it('waits until the app says that it was told', async () => {
    const seen: boolean[] = [];
    const told = (): boolean => {
      seen.push(app.signal?.aborted === true);
      return seen.length === 3;
    };
    await disconnectAt(model, { gate: app.between!, told }, ask);
    expect(seen).toHaveLength(3);
  });

  it('looks at servers for as long as it takes, and no longer', async () => {
    const disconnecting = disconnectAt(model, { gate: app.between! }, ask);
    expect(hasSubscribers('http.server.request.start')).toBe(true);
    await disconnecting;
    expect(hasSubscribers('http.server.request.start')).toBe(false);
  });

  it('rejects where no server of this process had the request, and nobody says how the app is told', async () => {
    const elsewhere = () => ({ answer: new Promise<undefined>(() => undefined), hangUp: () => Promise.resolve(performance.now()) });
    const gate = new Gate();
    void gate.wait();
    await expect(disconnectAt(model, { gate }, elsewhere)).rejects.toThrow(
      /^No HTTP\/1 server of this process had the request\. Say by `told`/,
    );
  });
});

describe('A disconnect at a stage that the work does not come to', () => {
  it('rejects with the answer that came instead, and what the model was asked', async () => {
    const wrong = disconnectAt(model, { call: 'chat' }, () => client.get('/asq'));
    await expect(wrong).rejects.toThrow(
      'The request was answered before call 1 of chat, before its first byte: 404 nothing here. The journal: no call at all.',
    );
    model.script('chat', { text: 'short' });
    const tooFar = disconnectAt(model, { call: 'chat', chunks: 50 }, ask);
    await expect(tooFar).rejects.toThrow(
      /^The request was answered before call 1 of chat, 50 chunks into its answer: 200 short\. The journal: #1 chat: completed, 1 chunks; #2 chat: completed, 1 chunks\.$/,
    );
  });

  it('rejects with the failure of its connection', async () => {
    await app.close();
    await expect(disconnectAt(model, { call: 'chat' }, ask)).rejects.toThrow(
      /^The connection failed before call 1 of chat, before its first byte: connect ECONNREFUSED/,
    );
    app = await TwoCallApp.start(model);
  });

  it('hangs up', async () => {
    let hungUp = false;
    const call = {
      answer: Promise.reject(new Error('refused')),
      hangUp: () => {
        hungUp = true;
        return Promise.resolve(0);
      },
    };
    await expect(disconnectAt(model, { call: 'chat' }, () => call)).rejects.toThrow('refused');
    expect(hungUp).toBe(true);
  });

  it('lets go of what it held', async () => {
    const gate = new Gate();
    await expect(disconnectAt(model, { gate }, () => client.get('/asq'))).rejects.toThrow('before the gate: 404');
    expect(gate.opened).toBe(true);
    const unsent = (): never => {
      throw new Error('not sent');
    };
    await expect(disconnectAt(model, { call: 'chat' }, unsent)).rejects.toThrow('not sent');
    expect((await ask().answer)?.status).toBe(200);
  });
});
