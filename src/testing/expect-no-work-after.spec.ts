import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TwoCallApp } from '../../test/support/two-call-app.js';
import { disconnectAt, endOf, expectNoWorkAfter, Gate, ScriptedModelServer, type Disconnect, type SocketClient } from './index.js';

let model: ScriptedModelServer;
let app: TwoCallApp;
let client: SocketClient;
let settled: () => void;

beforeEach(async () => {
  model = await ScriptedModelServer.start();
  app = await TwoCallApp.start(model);
  settled = endOf(app, 'handle');
  client = app.client();
});
afterEach(async () => {
  client.close();
  await app.close();
  await model.stop();
});

const ask = () => client.post('/ask', {});
const leave = (nth = 1): Promise<Disconnect> => disconnectAt(model, { call: 'chat', nth, chunks: 2 }, ask);
const leaveBetween = (): Promise<Disconnect> => disconnectAt(model, { gate: (app.between = new Gate()) }, ask);

describe('An app that heeds its signal', () => {
  it('does no work after a disconnect, at any stage', async () => {
    await expectNoWorkAfter(await leave(1), { settled });
    await expectNoWorkAfter(await leave(2), { settled });
    await expectNoWorkAfter(await leaveBetween(), { settled });
    expect(model.journal.map(({ outcome }) => outcome)).toEqual(['client_closed', 'completed', 'client_closed', 'completed']);
  });

  it('is let go on from where it was held, and waited for', async () => {
    const disconnect = await leaveBetween();
    expect(settled).toThrow('handle() is still running');
    await expectNoWorkAfter(disconnect, { settled });
    expect(settled).not.toThrow();
  });
});

describe('An app that ignores its signal', () => {
  it('is told of the call that nobody closed, and of what came after', async () => {
    app.heeds.first = app.heeds.second = false;
    const failure = expectNoWorkAfter(await leave(), { settled, timeoutMs: 500 });
    await expect(failure).rejects.toThrow(
      /^The client hung up \(call 1 of chat, 2 chunks into its answer\), and the work went on:\n {2}- call 1 \(chat\) was still open \d+\.\d ms after the cut, 2 chunks sent: nobody closed its connection\n {2}- call 2 \(chat\) began \d+\.\d ms after the cut, and ended: completed$/,
    );
  });

  it('is told of a call that it began after the cut, and when', async () => {
    app.heeds.second = false;
    const failure = expectNoWorkAfter(await leaveBetween(), { settled });
    await expect(failure).rejects.toThrow(
      /^The client hung up \(the gate\), and the work went on:\n {2}- call 2 \(chat\) began \d+\.\d ms after the cut, and ended: completed$/,
    );
  });

  it('is found out without its word too, where it goes on at once', async () => {
    app.heeds.second = false;
    app.goesOn = true;
    const disconnect = await leave();
    // The next call is under way by now, and has not arrived.
    await model.ended(disconnect.inFlight[0]!);
    await expect(expectNoWorkAfter(disconnect)).rejects.toThrow(/- call 2 \(chat\) began/);
  });

  it('is told of a call that ran to its end', async () => {
    app.heeds.first = false;
    const disconnect = await leave();
    disconnect.release();
    await expect(expectNoWorkAfter(disconnect, { settled })).rejects.toThrow(
      /- call 1 \(chat\) was not closed by its client: it ended \d+\.\d ms after the cut \(completed, \d+ chunks\)/,
    );
  });
});

describe('What is looked for after a disconnect', () => {
  it('is work that witnesses tell of, too', async () => {
    const disconnect = await leave();
    const statements = () => [
      { name: 'select 1', at: disconnect.at - 1 },
      { name: 'insert into answers', at: disconnect.at + 5.25 },
    ];
    await expect(expectNoWorkAfter(disconnect, { settled, witnesses: { statement: statements } })).rejects.toThrow(
      /and the work went on:\n {2}- statement \(insert into answers\) began 5\.3 ms after the cut$/,
    );
  });

  it('is told in the order in which it began', async () => {
    app.heeds.second = false;
    const disconnect = await leaveBetween();
    const statements = () => [Infinity, disconnect.at].map((at) => ({ name: `at ${at}`, at }));
    await expect(expectNoWorkAfter(disconnect, { settled, witnesses: { statement: statements } })).rejects.toThrow(
      /- statement .*\n {2}- call 2 .*\n {2}- statement \(at Infinity\)/,
    );
  });

  it('is named in one line, and not all of it where there is much', async () => {
    const disconnect = await leave();
    const statements = Array.from({ length: 12 }, (_, i) => ({ name: `select\n  ${'x'.repeat(200)}`, at: disconnect.at + i }));
    const message = await expectNoWorkAfter(disconnect, { settled, witnesses: { statement: () => statements } }).catch(String);
    expect(message).toMatch(/went on:\n {2}- statement \(select x{113}…\) began 0\.0 ms after the cut\n(.*\n){9} {2}- and 2 more$/);
  });

  it('is not what the news needed to arrive', async () => {
    const disconnect = await leave();
    const witnesses = { statement: () => [{ name: 'select 1', at: disconnect.at + 20 }] };
    await expectNoWorkAfter(disconnect, { settled, witnesses, allowanceMs: 21 });
    await expect(expectNoWorkAfter(disconnect, { settled, witnesses, allowanceMs: 19 })).rejects.toThrow('select 1');
  });

  it('is an end that never comes', async () => {
    const disconnect = await leave();
    const never = new Promise(() => undefined);
    await expect(expectNoWorkAfter(disconnect, { settled: never, timeoutMs: 20 })).rejects.toThrow('- `settled` never came about (20 ms)');
    await expect(expectNoWorkAfter(disconnect, { settled: () => false, timeoutMs: 20 })).rejects.toThrow(
      '- `settled` never came about (20 ms): the probe still says false',
    );
    await expect(expectNoWorkAfter(disconnect, { settled: () => never, timeoutMs: 20 })).rejects.toThrow(
      '- `settled` never came about (20 ms)',
    );
  });

  it('is an end that cannot be seen, which is said at once', async () => {
    const tutor = { answer: () => Readable.from(['Hello']) };
    const unseen = endOf(tutor, 'answer');
    tutor.answer();
    await expect(expectNoWorkAfter(await leave(), { settled: unseen, timeoutMs: 60_000 })).rejects.toThrow(
      /went on:\n {2}- answer\(\) gave an instance of Readable, an async iterable/,
    );
  });

  it('begins with the moment of the cut', async () => {
    const disconnect = await leave();
    const witnesses = { write: () => [{ name: 'a', at: disconnect.at }] };
    await expect(expectNoWorkAfter(disconnect, { witnesses })).rejects.toThrow('write (a) began 0.0 ms after the cut');
    expect(disconnect.at).toBeLessThan(performance.now());
  });
});
