import { disconnectAt, endOf, expectNoWorkAfter, Gate, ScriptedModelServer, SocketClient, type Stage } from '@hangup/testing';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Drafts, Tutor, TutorModule } from './tutor.js';

let model: ScriptedModelServer;
let app: INestApplication;
let client: SocketClient;

beforeAll(async () => {
  model = await ScriptedModelServer.start();
  Object.assign(process.env, { OPENAI_BASE_URL: model.baseUrl, OPENAI_API_KEY: 'none' });
  app = await NestFactory.create(TutorModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  client = new SocketClient(await app.getUrl());
});
afterAll(async () => {
  client.close();
  await app.close();
  await model.stop();
});

const ask = () => client.post('/tutor', { question: 'Why is the sky blue?' });

async function expectToStopAt(stage: Stage): Promise<void> {
  const settled = endOf(app.get(Tutor), 'answer'); // the app's own end
  const disconnect = await disconnectAt(model, stage, ask); // a real socket, cut when the work is there
  await expectNoWorkAfter(disconnect, { settled });
}

it.each([{ call: 'chat' }, { call: 'chat', chunks: 3 }, { call: 'chat', nth: 2, chunks: 3 }])('stops at %j', expectToStopAt);

it('stops between its calls', async () => {
  const gate = new Gate();
  jest.spyOn(app.get(Drafts), 'save').mockImplementationOnce(() => gate.wait());
  await expectToStopAt({ gate });
});

it('answers who stays', async () => {
  expect((await ask().answer)?.text).toContain('offline model');
});
