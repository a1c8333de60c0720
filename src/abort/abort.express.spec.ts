import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { AddressInfo, Server } from 'node:net';
import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { AbortModule, AbortStats, ClientDisconnectedError } from './index.js';
import { RecordingLogger } from '../../test/support/abort-log.js';
import { get, post, RawClient } from '../../test/support/abort-socket.js';
import { AmbientRoutes, SignalRoutes, Visits } from '../../test/support/abort-visits.js';

describe.each(['request', 'interceptor'] as const)('On Express, with the scope opened in the %s', (entry) => {
  @Module({ imports: [AbortModule.forRoot({ entry })], controllers: [SignalRoutes, AmbientRoutes], providers: [Visits] })
  class RootModule {}

  const log = new RecordingLogger();
  let app: INestApplication;
  let port: number;

  beforeAll(async () => {
    app = await NestFactory.create(RootModule, new ExpressAdapter(), { logger: log, abortOnError: false, forceCloseConnections: true });
    await app.listen(0, '127.0.0.1');
    port = ((app.getHttpServer() as Server).address() as AddressInfo).port;
  });

  afterAll(async () => {
    await app.close();
  });

  const REQUESTS: [string, string, (path: string) => string][] = [
    ['signal', 'promise', get],
    ['ambient', 'promise', (path) => post(path, { answer: '你好' })],
    ['ambient', 'observable', get],
    ['ambient', 'sse', get],
  ];

  it.each(REQUESTS)('a client that hangs up stops its work (%s, %s)', async (how, kind, request) => {
    const { disconnects } = app.get(AbortStats);
    const visit = app.get(Visits).of(randomUUID());
    const client = await RawClient.connect(port);
    client.send(request(`/${how}/${kind}/${visit.id}`));
    await visit.entered();
    expect(visit.signal!.aborted).toBe(false);
    client.hangUp();
    expect(await visit.stopped()).toBeInstanceOf(ClientDisconnectedError);
    expect(app.get(AbortStats).disconnects).toBe(disconnects + 1);
    expect(log.at('error')).toEqual([]);
  });

  it('an answered request aborts nothing', async () => {
    const visit = app.get(Visits).of(randomUUID());
    const client = await RawClient.connect(port);
    client.send(post(`/ambient/promise/${visit.id}`, {}));
    await visit.entered();
    visit.gate.open();
    await client.answers(1);
    client.hangUp();
    expect(await visit.stopped()).toBe('completed');
    expect(visit.signal!.aborted).toBe(false);
  });
});
