import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { BuiltApp } from '../support/built-app.js';
import { Chatter } from '../support/chat-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText, promptsOf, replyTo } from '../support/tutor-model.js';

(runsPostgres ? describe : describe.skip)('a reply whose process is killed', () => {
  let survivor: TestApp;
  let built: BuiltApp;

  beforeAll(async () => {
    const env = { LEASE_HEARTBEAT_MS: '50', LEASE_MS: '1000' };
    [survivor, built] = await Promise.all([startTestApp({ backend: 'postgres', env }), BuiltApp.build()]);
  }, 60_000);
  afterAll(async () => {
    await built.remove();
    await survivor.close();
  });

  it('is kept as far as it was said a moment before, and holds up the session no longer than its lease', async () => {
    const running = built.start({ ...survivor.env, PORT: '0', LOG_LEVEL: 'info' });
    const [, url = ''] = await running.says(/Hangup is up at (http:\/\/127\.0\.0\.1:[1-9]\d*) /);
    const here = await Chatter.of(survivor, 'killed');
    const gate = new Gate();
    survivor.model.script(replyTo('First'), { holdAfter: 5, gate, stallAfter: 9, text: longText(40) });
    const kept = (chunks: number) =>
      eventually(async () => {
        expect(await here.lastReply()).toMatchObject({ state: 'streaming', content: longText(chunks) });
      });
    const first = here.at(url).say('First');
    await survivor.model.sent(await survivor.model.called(replyTo('First')), 5);
    await kept(5);
    gate.open();
    await kept(9);

    await running.stop('SIGKILL');
    const second = await here.say('Second', { on_conflict: 'enqueue' }).heard();
    expect(await second.end()).toMatchObject({ state: 'completed' });
    expect(await here.task(await first.taskId())).toMatchObject({
      state: 'failed',
      error: { code: 'owner_lost' },
      receipt: { confirmed: false },
    });
    expect((await here.history()).map(({ state, content }) => [state, content]).slice(0, 3)).toEqual([
      ['complete', 'First'],
      ['partial', longText(9)],
      ['complete', 'Second'],
    ]);
    const said = promptsOf(survivor.model.journal).at(-1)!.slice(1);
    expect(said.map(({ content }) => content)).toEqual(['First', longText(9), 'Second']);
  });
});
