import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../testing/index.js';
import { lookAtConnections } from './look-at-connections.js';
import { NOTHING_UNDER_WAY, type TcpRow } from './tcp-table.js';
import { WatchedConnection } from './watched-connection.js';

let server: Server;
let socket: Socket;
let peer: Socket;
let connection: WatchedConnection;

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  [socket] = (await once(server, 'connection')) as [Socket];
  connection = new WatchedConnection(socket);
  connection.beginRequest();
  socket.write('some of the answer');
});

afterEach(async () => {
  for (const each of [socket, peer]) each.destroy();
  server.close();
  await once(server, 'close');
});

/** What the kernel gives, a page after the other. */
function pagesOf(rows: readonly TcpRow[]) {
  return async function* (): AsyncGenerator<readonly TcpRow[], boolean> {
    for (const row of rows) yield await Promise.resolve([row]);
    return true;
  };
}

function row(over: Partial<TcpRow> = {}): TcpRow {
  return { ...NOTHING_UNDER_WAY, inode: connection.inode!, unacknowledged: 18, ...over };
}

const TWICE = 2;

describe('A look at connections', () => {
  it('is one look, however often the kernel gives a row while others connect', async () => {
    await lookAtConnections([connection], pagesOf(Array<TcpRow>(10).fill(row())));
    expect(connection.standstill(TWICE)).toBeUndefined();
  });

  it('counts with those before it', async () => {
    for (let n = 0; n <= TWICE; n += 1) await lookAtConnections([connection], pagesOf([row()]));
    expect(connection.standstill(TWICE)?.by).toBe('unread');
  });

  it('asks the kernel itself, which says of a peer that is there that all has arrived', async () => {
    peer.resume();
    await eventually(async () => {
      await lookAtConnections([connection]);
      return !connection.isUnsettled;
    });
    expect(connection.standstill(1)).toBeUndefined();
  });
});
