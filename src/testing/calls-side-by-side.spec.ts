import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FourCallApp } from '../../test/support/four-call-app.js';
import { disconnectAt, endOf, expectNoWorkAfter, Gate, ScriptedModelServer, type SocketClient, type Stage } from './index.js';

/** In each the four calls lie further apart, so that the cut falls before, between and after them. */
const ROUNDS = Array.from({ length: 50 }, (_, round) => round % 25);

let model: ScriptedModelServer;
let app: FourCallApp;
let client: SocketClient;

beforeEach(async () => {
  model = await ScriptedModelServer.start();
  app = await FourCallApp.start(model);
  client = app.client();
});
afterEach(async () => {
  client.close();
  await app.close();
  await model.stop();
});

const ask = () => client.post('/ask', {});
const stages: Record<string, () => Stage> = {
  'the first': () => ({ call: 'chat' }),
  'the third': () => ({ call: 'chat', nth: 3 }),
  'what it does besides': () => ({ gate: (app.besides = new Gate()) }),
};

async function leaveIn(stage: string): Promise<void> {
  const settled = endOf(app, 'handle');
  await expectNoWorkAfter(await disconnectAt(model, stages[stage]!(), ask), { settled });
}

describe('An app that makes calls side by side', () => {
  it.each(Object.keys(stages))('is not blamed for any of them when its client leaves in %s', async (stage) => {
    for (app.turnsApart of ROUNDS) await leaveIn(stage);
  });

  it('has in flight at the cut what it had sent by then', async () => {
    const { begun, inFlight } = await disconnectAt(model, { call: 'chat' }, ask);
    expect(begun).toEqual(model.journal);
    expect(inFlight).toHaveLength(4);
  });

  it('is found out every time where it goes on with another', async () => {
    app.goesOn = true;
    for (app.turnsApart of ROUNDS) await expect(leaveIn('the first')).rejects.toThrow(/- call \d+ \(chat\) began .* ended: completed$/);
  }, 30_000);
});
