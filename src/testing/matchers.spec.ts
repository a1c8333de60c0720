import './jest.js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TwoCallApp } from '../../test/support/two-call-app.js';
import { disconnectAt, endOf, ScriptedModelServer, type Disconnect, type SocketClient } from './index.js';

describe('expect, extended', () => {
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

  const leave = (): Promise<Disconnect> => disconnectAt(model, { call: 'chat' }, () => client.post('/ask', {}));

  it('knows whether a call was closed by its client', async () => {
    const hold = model.hold('chat');
    const answered = client.post('/ask', {});
    await hold.gate.reached;
    const call = hold.call!;
    expect(call).not.toHaveBeenCut();
    expect(() => expect(call).toHaveBeenCut()).toThrow(
      'Expected call 1 (chat) to have been closed by its client. It is still running, 0 chunks sent.',
    );
    hold.gate.open();
    await answered.answer;
    expect(() => expect(call).toHaveBeenCut()).toThrow(/It ended: completed, \d+ chunks sent\.$/);
    const { inFlight } = await leave();
    await model.ended(inFlight[0]!);
    expect(inFlight[0]).toHaveBeenCut();
    expect(() => expect(inFlight[0]).not.toHaveBeenCut()).toThrow('Expected call 3 (chat) not to have been closed by its client.');
    expect(() => expect({}).toHaveBeenCut()).toThrow('toHaveBeenCut() looks at a call of the model server.');
  });

  it('knows whether all work stopped', async () => {
    const settled = endOf(app, 'handle');
    const disconnect = await leave();
    await expect(disconnect).toHaveStoppedAllWork({ settled });
    await expect(expect(disconnect).not.toHaveStoppedAllWork({ settled })).rejects.toThrow(
      'The client hung up (call 1 of chat, before its first byte), and all work stopped.',
    );
    app.heeds.first = false;
    const deaf = await leave();
    await expect(expect(deaf).toHaveStoppedAllWork({ timeoutMs: 20 })).rejects.toThrow(
      /and the work went on:\n {2}- call 2 \(chat\) was still open/,
    );
    await expect(expect({}).toHaveStoppedAllWork()).rejects.toThrow('looks at what `disconnectAt` resolves with');
  });

  it('knows whether anybody listens to a signal', () => {
    const { signal } = new AbortController();
    const onAbort = (): void => undefined;
    expect(signal).toHaveNoAbortListeners();
    expect(() => expect(signal).not.toHaveNoAbortListeners()).toThrow('Nobody listens to the signal.');
    signal.addEventListener('abort', onAbort);
    expect(signal).not.toHaveNoAbortListeners();
    expect(() => expect(signal).toHaveNoAbortListeners()).toThrow('1 listener is left on the signal: onAbort');
    expect(() => expect({}).toHaveNoAbortListeners()).toThrow('looks at an AbortSignal');
  });
});
