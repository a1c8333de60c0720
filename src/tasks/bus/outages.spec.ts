import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RecordingLogger } from '../../../test/support/abort-log.js';
import { busServers, type BusServer } from '../../../test/support/bus-servers.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { eventually, HandleWatch } from '../../testing/index.js';
import type { BusMessage, CancelBus } from './index.js';

const LONGEST_SEND_MS = 250;
/** A question every 2 s, and 1 s for its answer. */
const NOTICED_WITHIN_MS = 5000;
/** What waits for nothing but its turn on a busy machine. */
const AT_ONCE_MS = 150;

function ended(): BusMessage {
  return { type: 'ended', owner: 'learner', taskId: randomUUID() };
}

async function timed<T>(promise: Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  const value = await promise;
  return { value, ms: performance.now() - start };
}

describe.each(busServers)('The bus on $kind', ({ kind, isHere, open }) => {
  (isHere ? describe : describe.skip)('when the server', () => testOutages(kind, open));
});

function testOutages(kind: CancelBus['kind'], open: () => Promise<BusServer>): void {
  const DOWN = `[Bus] ${kind} is not reachable: cancels from other instances arrive with the next heartbeat instead of at once`;
  const BACK = `[Bus] ${kind} is back`;
  let server: BusServer;
  let proxy: TcpProxy;
  let log: RecordingLogger;
  let channel: string;
  /** Behind the proxy. */
  let bus: CancelBus;
  let ups: number;
  let heard: BusMessage[];
  /** On its own way to the server. */
  let peer: CancelBus;
  let peerHeard: BusMessage[];

  beforeAll(async () => {
    server = await open();
  });
  beforeEach(async () => {
    log = RecordingLogger.install();
    channel = `hangup_test_${randomUUID()}`;
    proxy = await TcpProxy.start(server.url);
    [bus, peer] = [server.bus(channel, proxy.url), server.bus(channel)];
    [ups, heard, peerHeard] = [0, [], []];
    bus.onUp(() => (ups += 1));
    bus.subscribe((message) => void heard.push(message));
    peer.subscribe((message) => void peerHeard.push(message));
    peer.start();
    await eventually(() => peer.state === 'up');
  });
  afterEach(async () => {
    await Promise.all([bus.close(), peer.close()]);
    await proxy.stop();
    Logger.overrideLogger(false);
  });
  afterAll(() => server.close());

  async function start(): Promise<void> {
    bus.start();
    await isUp();
  }

  async function isUp(): Promise<void> {
    await eventually(() => bus.state === 'up', { message: 'the bus is up' });
  }

  async function isDown(timeoutMs = 1000): Promise<void> {
    await eventually(() => bus.state === 'down', { timeoutMs, message: 'the bus is down' });
  }

  /** Both ways. */
  async function messagesFlow(): Promise<void> {
    const [there, back] = [ended(), ended()];
    expect(await bus.publish(there)).toBe(true);
    expect(await peer.publish(back)).toBe(true);
    await eventually(() => expect(peerHeard).toContainEqual(there));
    await eventually(() => expect(heard).toContainEqual(back));
  }

  /** So often it was tried in vain, and said once. */
  async function outage(attempts: number): Promise<void> {
    const target = proxy.accepted + attempts;
    await eventually(() => proxy.accepted >= target, { message: `${attempts} more attempts` });
    expect(log.at('warn')).toEqual([DOWN]);
  }

  it('is not there at the start: nothing waits for it, one warning, and it is up by itself when the server comes', async () => {
    proxy.cut();
    bus.start();
    expect(bus.state).toBe('down');
    const message = ended();
    const { value, ms } = await timed(bus.publish(message));
    expect([value, heard]).toEqual([false, [message]]);
    expect(ms).toBeLessThan(AT_ONCE_MS);
    await outage(5);
    expect(ups).toBe(0);
    proxy.heal();
    await isUp();
    expect([ups, log.at('log')]).toEqual([1, [BACK]]);
    await messagesFlow();
  });

  it('is lost midway: publish says so at once, one warning, and it comes back with a call to look again', async () => {
    await start();
    await messagesFlow();
    expect([ups, log.lines]).toEqual([1, []]);
    proxy.cut();
    await isDown();
    expect(bus.lagMs).toBeUndefined();
    const lost = ended();
    const { value, ms } = await timed(bus.publish(lost));
    expect(value).toBe(false);
    expect(ms).toBeLessThan(AT_ONCE_MS);
    expect(heard).toContainEqual(lost);
    await outage(5);
    proxy.heal();
    await isUp();
    expect([ups, log.at('log')]).toEqual([2, [BACK]]);
    await messagesFlow();
    expect(peerHeard).not.toContainEqual(lost);
  });

  it('is lost twice: each outage has its own warning and its own end', async () => {
    await start();
    for (let round = 1; round <= 2; round += 1) {
      proxy.cut();
      await isDown();
      proxy.heal();
      await isUp();
      expect([ups, log.at('warn'), log.at('log')]).toEqual([1 + round, Array(round).fill(DOWN), Array(round).fill(BACK)]);
    }
    await messagesFlow();
    expect(await server.connections()).toBe(proxy.links.size * 2);
  });

  it('takes connections and never answers: it is given up, and tried again until it does', async () => {
    proxy.freeze();
    bus.start();
    await eventually(() => expect(log.at('warn')).toEqual([DOWN]), { timeoutMs: 3000 });
    expect(log.lines[0]?.fields.reason).toBe('no answer within 2000 ms');
    expect((await timed(bus.publish(ended()))).ms).toBeLessThan(AT_ONCE_MS);
    proxy.heal();
    await isUp();
    await messagesFlow();
  });

  it('stops answering: no publish waits for longer than it may, and the connection is given up', async () => {
    await start();
    proxy.freeze();
    const answers = await Promise.all(Array.from({ length: 20 }, () => timed(bus.publish(ended()))));
    for (const { value, ms } of answers) {
      expect(value).toBe(false);
      expect(ms).toBeGreaterThan(LONGEST_SEND_MS - 10);
      expect(ms).toBeLessThan(LONGEST_SEND_MS + AT_ONCE_MS);
    }
    // The doubt of a publish brings the next question forward.
    await isDown(5000);
    expect(log.lines.map(({ msg, fields }) => [msg, fields.reason])).toEqual([[DOWN, 'no answer within 1000 ms']]);
    proxy.heal();
    await isUp();
    await messagesFlow();
  });

  it('stops talking to the listener alone: that is noticed without anybody publishing', async () => {
    await start();
    const listening = [...proxy.links].filter((link) => server.isListening(link));
    expect(listening).toHaveLength(1);
    listening[0]?.freeze();
    await isDown(NOTICED_WITHIN_MS);
    expect(log.lines.map(({ msg, fields }) => [msg, fields.reason])).toEqual([[DOWN, 'no answer within 1000 ms']]);
    await isUp();
    expect(ups).toBe(2);
    await messagesFlow();
  });

  it('is merely slow: what was not taken in time is not claimed, nothing is given up, and nothing comes twice', async () => {
    await start();
    proxy.freeze();
    const late = ended();
    expect(await bus.publish(late)).toBe(false);
    proxy.heal();
    await messagesFlow();
    expect(peerHeard.filter(({ taskId }) => taskId === late.taskId)).toEqual([late]);
    expect([bus.state, ups, log.lines]).toEqual(['up', 1, []]);
  });

  describe('is closed, it leaves no socket and no timer, soon and silently', () => {
    let handles: HandleWatch;

    beforeEach(async () => {
      await peer.close();
      handles = new HandleWatch();
    });

    async function closes(): Promise<void> {
      const { ms } = await timed(bus.close());
      // What the test itself holds: the proxy's half of connections that are gone.
      for (const link of proxy.links) link.cut();
      await handles.nothingIsLeft();
      // A publish that is given up, and a farewell that is not answered.
      expect(ms).toBeLessThan(2 * LONGEST_SEND_MS + AT_ONCE_MS);
      expect([ups, bus.state]).toEqual([0, 'down']);
      expect(log.lines).toEqual([]);
    }

    it('in the moment in which it was started', async () => {
      bus.start();
      await closes();
    });

    it('before it was started, and cannot be started any more', async () => {
      await bus.close();
      bus.start();
      await closes();
      expect(proxy.accepted).toBe(0);
    });

    it('while the server does not answer its greeting', async () => {
      proxy.freeze();
      bus.start();
      await eventually(() => proxy.links.size > 0);
      await closes();
    });

    it('while it is between two attempts', async () => {
      proxy.cut();
      bus.start();
      await eventually(() => proxy.accepted >= 3);
      expect(log.lines.splice(0).map(({ msg }) => msg)).toEqual([DOWN]);
      await closes();
    });

    it('while it is open and the server has stopped answering', async () => {
      await start();
      ups = 0;
      proxy.freeze();
      await closes();
    });

    it('while it is open and the server has stopped answering, with a publish under way', async () => {
      await start();
      ups = 0;
      proxy.freeze();
      const publishing = bus.publish(ended());
      await closes();
      expect(await publishing).toBe(false);
    });
  });
}
