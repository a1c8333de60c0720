import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module, type DynamicModule, type Type } from '@nestjs/common';
import {
  AbortContext,
  AbortModule,
  AbortStats,
  CancelledError,
  ClientDisconnectedError,
  OutsideAbortScopeError,
  RequestSignal,
  type AbortOptions,
} from './index.js';
import { AbortApp } from '../../test/support/abort-app.js';
import { get } from '../../test/support/abort-socket.js';
import { Gate } from '../testing/index.js';

@Injectable()
class Settings {
  readonly abort: Partial<AbortOptions> = { zombieAfterMs: 20, shieldTimeoutMs: 30 };
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Controller('bare')
class BareRoutes {
  @Get()
  read(@RequestSignal() signal: AbortSignal): object {
    return { isAborted: signal.aborted };
  }
}

@Controller('cancelled')
class CancelledRoutes {
  @Get()
  read(): never {
    throw new CancelledError();
  }
}

const CONFIGURED: [string, DynamicModule | Type][] = [
  ['forRoot', AbortModule.forRoot({ zombieAfterMs: 20, shieldTimeoutMs: 30 })],
  [
    'forRootAsync with a factory',
    AbortModule.forRootAsync({ useFactory: () => Promise.resolve({ zombieAfterMs: 20, shieldTimeoutMs: 30 }) }),
  ],
  [
    'forRootAsync with what it injects',
    AbortModule.forRootAsync({ imports: [SettingsModule], inject: [Settings], useFactory: ({ abort }: Settings) => abort }),
  ],
];

const MOUNTED: [string, DynamicModule | Type][] = [
  ...CONFIGURED,
  ['no options at all', AbortModule],
  ['empty options', AbortModule.forRoot({})],
];

let app: AbortApp;

afterEach(async () => {
  await app.close();
});

describe.each(MOUNTED)('AbortModule mounted by %s', (_, mount) => {
  it('stops a request whose client leaves, and provides its context and its counts to everybody', async () => {
    app = await AbortApp.start({ mount });
    const visit = app.visit(randomUUID());
    const client = await app.client();
    client.send(get(`/ambient/promise/${visit.id}`));
    await visit.entered();
    client.hangUp();
    expect(await visit.stopped()).toBeInstanceOf(ClientDisconnectedError);
    expect(app.app.get(AbortContext)).toBeInstanceOf(AbortContext);
    expect(app.app.get(AbortStats).disconnects).toBe(1);
  });

  it('answers a cancel as a problem', async () => {
    app = await AbortApp.start({ mount, controllers: [CancelledRoutes] });
    const client = await app.client();
    client.send(get('/cancelled'));
    await client.answers(1);
    expect(client.received).toMatch(/^HTTP\/1.1 409 .*"code":"task_cancelled"/s);
  });
});

describe.each(CONFIGURED)('The options given by %s', (_, mount) => {
  it('reach the context', async () => {
    app = await AbortApp.start({ mount });
    const context = app.app.get(AbortContext);
    const controller = new AbortController();
    const reason = new ClientDisconnectedError();
    const run = context.run(controller.signal, () => {
      controller.abort(reason);
      return context.track('llm', 'chat', new Gate().wait());
    });
    await expect(run).rejects.toBe(reason);
    expect(app.app.get(AbortStats).zombies).toBe(1);
    expect(app.log.at('warn').at(-1)).toContain('still running 20 ms after the abort');
    const shield = context.detached('test', () => context.shield(() => abortOf(context.signal)));
    await expect(shield).resolves.toMatchObject({ timeoutMs: 30 });
  });
});

describe('abortOnDisconnect given by forRootAsync', () => {
  it('reaches the interceptor', async () => {
    app = await AbortApp.start({ mount: AbortModule.forRootAsync({ useFactory: () => ({ abortOnDisconnect: false }) }) });
    const visit = app.visit(randomUUID());
    const client = await app.client();
    client.send(get(`/signal/promise/${visit.id}`));
    await visit.entered();
    client.hangUp();
    await app.hasSeenGo(client);
    visit.gate.open();
    expect(await visit.stopped()).toBe('completed');
  });
});

describe('@RequestSignal() without AbortModule', () => {
  it('fails aloud, and says how to mend it', async () => {
    app = await AbortApp.start({ mount: null, controllers: [BareRoutes] });
    app.log.lines.length = 0;
    const client = await app.client();
    client.send(get('/bare'));
    await client.answers(1);
    expect(client.received).toMatch(/^HTTP\/1.1 500 /);
    expect(app.log.at('error')).toEqual([expect.stringContaining(new OutsideAbortScopeError('@RequestSignal()').message)]);
  });
});

function abortOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason)));
}
