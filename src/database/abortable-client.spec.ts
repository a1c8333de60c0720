import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';
import { AbortContext, ClientDisconnectedError } from '../abort/index.js';
import { Gate } from '../testing/index.js';
import { AbortableClient } from './abortable-client.js';
import { BackendCanceller } from './backend-canceller.js';
import { QueryJournal } from '../../test/support/query-journal.js';
import { RecordingLogger } from '../../test/support/abort-log.js';

const reason = new ClientDisconnectedError();
const PID = 4711;

/** A connection whose statements end when the test says so, in the order in which they came, as the protocol has it. */
class ScriptedClient {
  readonly processID = PID;
  readonly sent: { text: string; end: PromiseWithResolvers<unknown> }[] = [];
  readonly release = jest.fn<(error?: Error | boolean) => void>();

  query(text: string): Promise<unknown> {
    const end = Promise.withResolvers<unknown>();
    this.sent.push({ text, end });
    return end.promise;
  }

  get texts(): string[] {
    return this.sent.map(({ text }) => text);
  }
}

let raw: ScriptedClient;
let queries: QueryJournal;
let controller: AbortController;
let cancels: Gate[];
let context: AbortContext;

function clientOf({ isEmbedded = false } = {}): AbortableClient {
  const control = {
    query: () => {
      const gate = new Gate();
      cancels.push(gate);
      return gate.wait();
    },
  };
  const canceller = isEmbedded ? undefined : new BackendCanceller(control as unknown as Pool);
  return new AbortableClient(raw as unknown as PoolClient, { context, canceller, observer: queries });
}

function live<T>(work: () => Promise<T>): Promise<T> {
  return context.run(controller.signal, work);
}

/** Lets everything run that waits for nothing but its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function cancelled(): Error {
  return Object.assign(new Error('canceling statement due to user request'), { code: '57014' });
}

beforeEach(() => {
  RecordingLogger.install();
  raw = new ScriptedClient();
  queries = new QueryJournal();
  controller = new AbortController();
  cancels = [];
  context = new AbortContext({ zombieAfterMs: 50 });
});

afterEach(() => {
  Logger.overrideLogger(false);
});

describe('A statement that ends in the tick of its abort', () => {
  it.each([
    ['keeps a real error', Object.assign(new Error('duplicate key'), { code: '23505' }), 'failed'],
    ['keeps an error of the connection', new Error('Connection terminated unexpectedly'), 'failed'],
  ] as const)('%s', async (_, failure, outcome) => {
    const work = live(() => clientOf().query('insert into notes')).catch((error: unknown) => error);
    raw.sent[0]!.end.reject(failure);
    controller.abort(reason);
    await turn();
    cancels[0]?.open();
    expect(await work).toBe(failure);
    expect(queries.reports).toMatchObject([{ outcome, isConfirmed: false }]);
  });

  it('keeps its result', async () => {
    const work = live(() => clientOf().query('select 1'));
    const result = { rows: [{ one: 1 }] };
    raw.sent[0]!.end.resolve(result);
    controller.abort(reason);
    await turn();
    cancels[0]?.open();
    await expect(work).resolves.toBe(result);
    expect(queries.reports).toMatchObject([{ outcome: 'completed' }]);
  });

  it('rejects with the reason where the server says that it was cancelled', async () => {
    const work = live(() => clientOf().query('select 1'));
    controller.abort(reason);
    await turn();
    raw.sent[0]!.end.reject(cancelled());
    cancels[0]!.open();
    await expect(work).rejects.toBe(reason);
    expect(queries.reports).toMatchObject([{ outcome: 'cancelled', isConfirmed: true }]);
  });

  it('is no abort where the server cancelled it without one', async () => {
    const work = live(() => clientOf().query('select 1'));
    raw.sent[0]!.end.reject(cancelled());
    await expect(work).rejects.toMatchObject({ code: '57014' });
    expect(queries.reports).toMatchObject([{ outcome: 'failed', isConfirmed: false }]);
  });
});

describe('A cancel that is on its way', () => {
  it('holds the connection, although its statement has ended', async () => {
    let isOver = false;
    const work = live(() => clientOf().query('select 1')).catch(() => (isOver = true));
    controller.abort(reason);
    await turn();
    raw.sent[0]!.end.reject(cancelled());
    await turn();
    expect(isOver).toBe(false);
    cancels[0]!.open();
    await work;
    expect(isOver).toBe(true);
  });

  it('holds a rollback back too, that came before the statement had ended', async () => {
    const client = clientOf();
    const work = live(() => client.query('select 1')).catch((error: unknown) => error);
    controller.abort(reason);
    const rollback = client.query('rollback');
    await turn();
    expect(raw.texts).toEqual(['select 1']);
    raw.sent[0]!.end.reject(cancelled());
    await turn();
    expect(raw.texts).toEqual(['select 1']);
    cancels[0]!.open();
    await turn();
    expect(raw.texts).toEqual(['select 1', 'rollback']);
    raw.sent[1]!.end.resolve({ rows: [] });
    await rollback;
    expect(await work).toBe(reason);
  });

  it.each(['begin', 'start transaction isolation level serializable', 'commit'])('is never sent for a %s', async (text) => {
    const work = live(() => clientOf().query(text));
    controller.abort(reason);
    await turn();
    expect(cancels).toEqual([]);
    raw.sent[0]!.end.resolve({ rows: [] });
    await work;
  });
});

describe('A statement that its caller was let go from', () => {
  async function abandoned(client: AbortableClient): Promise<void> {
    const work = live(() => client.query('select 1'));
    controller.abort(reason);
    await expect(work).rejects.toBe(reason);
  }

  it('closes its connection, which undoes its transaction: nothing is sent behind it', async () => {
    const client = clientOf();
    await abandoned(client);
    await expect(client.query('rollback')).resolves.toMatchObject({ command: 'ROLLBACK', rows: [] });
    client.release(false);
    expect(raw.texts).toEqual(['select 1']);
    expect(raw.release.mock.calls).toEqual([[true]]);
    raw.sent[0]!.end.reject(new Error('Connection terminated'));
    for (const cancel of cancels) cancel.open();
    await turn();
  });

  it('keeps the one connection of an embedded database, where the next statement waits for it', async () => {
    const client = clientOf({ isEmbedded: true });
    await abandoned(client);
    const rollback = client.query('rollback');
    raw.sent[0]!.end.resolve({ rows: [] });
    await turn();
    raw.sent[1]!.end.resolve({ rows: [] });
    await rollback;
    client.release(false);
    expect(raw.texts).toEqual(['select 1', 'rollback']);
    expect(raw.release.mock.calls).toEqual([[false]]);
  });
});

describe('A connection that goes back', () => {
  it.each([[undefined], [false], [true], [new Error('broken')]])('takes %p with it', async (error) => {
    const client = clientOf();
    const work = live(() => client.query('select 1'));
    raw.sent[0]!.end.resolve({ rows: [] });
    await work;
    client.release(error);
    expect(raw.release.mock.calls).toEqual([[error]]);
  });
});
