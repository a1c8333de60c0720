import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RecordingLogger } from '../../../test/support/abort-log.js';
import { CancelBus, openBus, type BusMessage } from './index.js';
import type { Transport, TransportEvents } from './transport.js';

/** Does what the test says. */
class ScriptedTransport implements Transport {
  readonly sent: string[] = [];
  on?: TransportEvents;

  start(on: TransportEvents): void {
    this.on = on;
  }

  send(text: string): Promise<boolean> {
    this.sent.push(text);
    return Promise.resolve(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function ended(): BusMessage {
  return { type: 'ended', owner: 'learner', taskId: randomUUID() };
}

describe('The cancel bus over any transport', () => {
  let log: RecordingLogger;
  let transport: ScriptedTransport;
  let bus: CancelBus;
  let heard: BusMessage[];

  beforeEach(() => {
    log = RecordingLogger.install();
    transport = new ScriptedTransport();
    bus = new CancelBus('redis', transport);
    heard = [];
    bus.subscribe((message) => void heard.push(message));
    bus.start();
  });
  afterEach(() => {
    Logger.overrideLogger(false);
  });

  it('warns once for each outage, with the first reason, and tells of its end', () => {
    for (const reason of ['refused', 'refused again', 'still']) transport.on?.onDown(new Error(reason));
    transport.on?.onUp();
    transport.on?.onDown(undefined);
    expect(log.lines.map(({ level, fields }) => [level, fields.reason])).toEqual([
      ['warn', 'refused'],
      ['log', undefined],
      ['warn', 'undefined'],
    ]);
  });

  it('says nothing of a start that went well', () => {
    transport.on?.onUp();
    expect(log.lines).toEqual([]);
  });

  it('logs the words of an error and nothing that hangs on it, and its code where there are no words', () => {
    transport.on?.onDown(Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['hunter2'] } }));
    transport.on?.onUp();
    transport.on?.onDown(Object.assign(new AggregateError([new Error('each')]), { code: 'ECONNREFUSED' }));
    expect(log.lines.flatMap(({ fields }) => fields.reason ?? [])).toEqual(['WRONGPASS', 'ECONNREFUSED']);
    expect(JSON.stringify(log.lines)).not.toContain('hunter2');
  });

  it('does not hear its own message twice, but measures its way', async () => {
    transport.on?.onUp();
    const message = ended();
    await bus.publish(message);
    transport.on?.onText(transport.sent[0]!);
    expect(heard).toEqual([message]);
    expect(bus.lagMs).toBeGreaterThanOrEqual(0);
    transport.on?.onDown(new Error('lost'));
    expect(bus.lagMs).toBeUndefined();
  });

  it('takes no clock of another instance for its own', () => {
    const message = ended();
    transport.on?.onText(JSON.stringify({ from: 'another', seq: 1, sentAt: -1e9, message }));
    expect([heard, bus.lagMs]).toEqual([[message], undefined]);
  });

  it('hears what later versions say in the words of today', () => {
    const message = ended();
    transport.on?.onText(JSON.stringify({ from: 'another', seq: 1, sentAt: 1, via: 'x', message: { ...message, state: 'failed' } }));
    expect([heard, log.lines]).toEqual([[message], []]);
  });

  it('does not even read what is longer than any message', () => {
    const text = JSON.stringify({ from: 'another', seq: 1, sentAt: 1, message: ended() });
    transport.on?.onText(text + ' '.repeat(8000 - text.length));
    expect([heard, log.at('warn').length]).toEqual([[], 1]);
  });

  it('is deaf and silent once it is closed, whatever the transport still says', async () => {
    transport.on?.onUp();
    bus.onUp(() => void heard.push(ended()));
    await bus.close();
    transport.on?.onText(JSON.stringify({ from: 'another', seq: 1, sentAt: 1, message: ended() }));
    transport.on?.onText('garbage');
    transport.on?.onDown(new Error('lost'));
    transport.on?.onUp();
    expect([heard, log.lines, bus.state]).toEqual([[], [], 'down']);
    expect(await bus.publish(ended())).toBe(false);
    expect(transport.sent).toEqual([]);
  });
});

describe('The bus that is configured', () => {
  it.each([
    [{ kind: 'in-process' }, 'in-process', 'up'],
    [{ kind: 'redis', redisUrl: 'redis://h' }, 'redis', 'down'],
    [{ kind: 'postgres', databaseUrl: 'postgres://h/d' }, 'postgres', 'down'],
    [{ kind: 'in-process', redisUrl: 'redis://h', databaseUrl: 'postgres://h/d' }, 'in-process', 'up'],
  ] as const)('of %j is %s, and %s before it is started', async (config, kind, state) => {
    const bus = openBus(config);
    expect([bus.kind, bus.state]).toEqual([kind, state]);
    await bus.close();
  });

  it.each([{ kind: 'redis' }, { kind: 'postgres' }] as const)('does not fall back in silence where $kind has no URL', (config) => {
    expect(() => openBus(config)).toThrow(config.kind);
  });
});
