import { readFileSync } from 'node:fs';
import { AbortContext } from '@hangup/abort';
import { disconnectAt, endOf, expectNoWorkAfter, Gate, ScriptedModelServer, SocketClient, type Stage } from '@hangup/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Drafts, Tutor, TutorModule } from './tutor.js';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('The example', () => {
  it.each(['tutor.ts', 'tutor.spec.ts'])('in the docs is %s, to the letter', (file) => {
    expect(read('../../docs/testing.md')).toContain(`\n\`\`\`ts\n${read(file)}\`\`\`\n`);
  });
});

describe('The same app, where it ignores the signal of its request', () => {
  let model: ScriptedModelServer;
  let app: INestApplication;
  let client: SocketClient;

  beforeAll(async () => {
    model = await ScriptedModelServer.start();
    Object.assign(process.env, { OPENAI_BASE_URL: model.baseUrl, OPENAI_API_KEY: 'none' });
    app = await NestFactory.create(TutorModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    client = new SocketClient(await app.getUrl());
    // Whatever it passes on and looks at, is another.
    jest.spyOn(app.get(AbortContext), 'signal', 'get').mockReturnValue(new AbortController().signal);
  });
  afterAll(async () => {
    client.close();
    await app.close();
    await model.stop();
  });

  async function proveAt(stage: Stage): Promise<void> {
    const settled = endOf(app.get(Tutor), 'answer');
    const disconnect = await disconnectAt(model, stage, () => client.post('/tutor', { question: 'Why?' }));
    await expectNoWorkAfter(disconnect, { settled, timeoutMs: 500 });
  }

  it('is found out in a call, which is named, and so is the next', async () => {
    await expect(proveAt({ call: 'chat', chunks: 3 })).rejects.toThrow(
      /^The client hung up \(call 1 of chat, 3 chunks into its answer\), and the work went on:\n {2}- call 1 \(chat\) was still open \d+\.\d ms after the cut, 3 chunks sent: nobody closed its connection\n {2}- call 2 \(chat\) began \d+\.\d ms after the cut, and ended: completed$/,
    );
  });

  it('is found out between its calls, and the next is named', async () => {
    const gate = new Gate();
    jest.spyOn(app.get(Drafts), 'save').mockImplementationOnce(() => gate.wait());
    await expect(proveAt({ gate })).rejects.toThrow(
      /^The client hung up \(the gate\), and the work went on:\n {2}- call 4 \(chat\) began \d+\.\d ms after the cut, and ended: completed$/,
    );
  });
});
