import type { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { NOTHING_UNDER_WAY, type TcpState } from './tcp-table.js';
import { WatchedConnection } from './watched-connection.js';

const LOOKS = 3;

const inFlight = (unacknowledged: number, over: Partial<TcpState> = {}): TcpState => ({ ...NOTHING_UNDER_WAY, unacknowledged, ...over });

describe('a connection that is looked at', () => {
  const handle = { fd: -1, bytesWritten: 0, writeQueueSize: 0 };
  let connection: WatchedConnection;

  beforeEach(() => {
    Object.assign(handle, { bytesWritten: 0, writeQueueSize: 0 });
    connection = new WatchedConnection({ _handle: handle } as unknown as Socket);
    connection.beginRequest();
  });

  /** A look in which the kernel says this; `meanwhile` so many bytes are written. */
  function look(state: TcpState, meanwhile = 0): string | undefined {
    const { handedOver } = connection;
    handle.bytesWritten += meanwhile;
    connection.look(handedOver, state);
    return connection.standstill(LOOKS)?.by;
  }

  it('stands still when nothing of what is in flight was acknowledged in so many looks', () => {
    handle.bytesWritten = 100;
    const seen = Array.from({ length: 4 }, () => look(inFlight(100, { retransmits: 2 })));
    expect(seen).toEqual([undefined, undefined, undefined, 'unacknowledged']);
  });

  it('stands still though more is written all the while, as comments are', () => {
    const seen = Array.from({ length: 4 }, () => {
      handle.bytesWritten += 4;
      return look(inFlight(handle.bytesWritten, { retransmits: 1 }));
    });
    expect(seen.at(-1)).toBe('unacknowledged');
  });

  it('moves as long as a single byte is acknowledged now and then, however much waits', () => {
    handle.bytesWritten = 1_000_000;
    handle.writeQueueSize = 500_000;
    for (let left = 500_000; left > 499_900; left -= 1) {
      expect([look(inFlight(left)), look(inFlight(left)), look(inFlight(left))]).toEqual([undefined, undefined, undefined]);
    }
  });

  it('moves when the kernel takes as much as it gives: a download in full swing always has as much in flight', () => {
    Object.assign(handle, { bytesWritten: 1_000_000, writeQueueSize: 900_000 });
    for (let n = 0; n < 10; n += 1) {
      handle.writeQueueSize -= 1000;
      expect(look(inFlight(100_000))).toBeUndefined();
    }
  });

  it('is not judged by looks during which something was written that the kernel had not counted yet', () => {
    handle.bytesWritten = 100;
    look(inFlight(110), 10);
    for (let n = 0; n < 10; n += 1) expect(look(inFlight(handle.bytesWritten), 10)).toBeUndefined();
    expect(connection.isDoubtful).toBe(true);
    for (let n = 0; n < LOOKS - 1; n += 1) expect(look(inFlight(210))).toBeUndefined();
    expect(look(inFlight(210, { retransmits: 1 }))).toBe('unacknowledged');
  });

  it('does not take for progress what was written during a look, and counted by the kernel or not', () => {
    handle.bytesWritten = 100;
    look(inFlight(100), 10);
    for (let n = 0; n < LOOKS - 1; n += 1) expect(look(inFlight(handle.bytesWritten + 10), 10)).toBeUndefined();
    expect(look(inFlight(handle.bytesWritten))).toBe('unread');
  });

  it('is not taken for vanished where the kernel was asked before, and bytes were written after', () => {
    handle.bytesWritten = 100;
    for (let n = 0; n < 10; n += 1) expect(look(NOTHING_UNDER_WAY, 10)).toBeUndefined();
    expect(connection.isUnsettled).toBe(true);
  });

  it('does not stand still while the peer has all that the kernel was given, however old the look is', () => {
    handle.bytesWritten = 100;
    const { handedOver } = connection;
    handle.bytesWritten = 110;
    for (let n = 0; n < 10; n += 1) {
      connection.look(handedOver, NOTHING_UNDER_WAY);
      expect(connection.standstill(LOOKS)).toBeUndefined();
    }
  });

  it('of a peer that answers and has no room is unread, with one probe under way or none', () => {
    handle.bytesWritten = 100;
    for (const probes of [0, 1, 0]) look(inFlight(100, { probes }));
    expect(look(inFlight(100, { probes: 1 }))).toBe('unread');
    expect(look(inFlight(100, { probes: 2 }))).toBe('unacknowledged');
  });

  it('where no kernel says anything stands still when nothing more is taken', () => {
    Object.assign(handle, { bytesWritten: 100, writeQueueSize: 60 });
    for (let n = 0; n < LOOKS; n += 1) expect(look(NOTHING_UNDER_WAY)).toBeUndefined();
    handle.writeQueueSize = 59;
    for (let n = 0; n < LOOKS; n += 1) expect(look(NOTHING_UNDER_WAY)).toBeUndefined();
    expect(look(NOTHING_UNDER_WAY)).toBe('unread');
  });

  it('need not be looked at when all has arrived, until more is written', () => {
    handle.bytesWritten = 100;
    expect(connection.isUnsettled).toBe(true);
    look(NOTHING_UNDER_WAY);
    expect(connection.isUnsettled).toBe(false);
    handle.bytesWritten = 104;
    expect(connection.isUnsettled).toBe(true);
  });

  it('starts anew with each request, and is nobody’s concern without one', () => {
    handle.bytesWritten = 100;
    for (let n = 0; n < LOOKS; n += 1) look(inFlight(100));
    connection.beginRequest();
    expect(look(inFlight(100))).toBeUndefined();
    connection.endRequest();
    connection.endRequest();
    for (let n = 0; n < 2 * LOOKS; n += 1) expect(look(inFlight(100))).toBeUndefined();
    expect(connection.isBusy).toBe(false);
  });
});
