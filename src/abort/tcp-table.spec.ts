import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../testing/index.js';
import { inodeOf, NOTHING_UNDER_WAY, tcpRows, type TcpRow } from './tcp-table.js';

const MORE_THAN_ANY_BUFFER = 32 * 1024 * 1024;

const isLinux = existsSync('/proc/net/tcp');
if (!isLinux) process.stderr.write('SKIPPED: there is no /proc/net/tcp, so what is read in it is not tested\n');

(isLinux ? describe : describe.skip)('the kernel’s table of connections', () => {
  let server: Server;
  let peer: Socket;

  afterEach(() => {
    peer.destroy();
    server.close();
  });

  /** This end of a connection to a peer that reads nothing. */
  async function connectionOver(host: string): Promise<Socket> {
    server = createServer().listen(0, host);
    await once(server, 'listening');
    peer = connect((server.address() as AddressInfo).port, host).pause();
    const [socket] = (await once(server, 'connection')) as [Socket];
    return socket.on('error', () => undefined);
  }

  function inode(socket: Socket): string {
    return inodeOf((socket as unknown as { readonly _handle: { readonly fd: number } })._handle.fd)!;
  }

  async function rows(...inodes: string[]): Promise<TcpRow[]> {
    const found: TcpRow[] = [];
    for await (const page of tcpRows(new Map(inodes.map((each) => [each, each])))) found.push(...page);
    return found;
  }

  async function rowOf(socket: Socket): Promise<TcpRow | undefined> {
    return (await rows(inode(socket)))[0];
  }

  it.each(['127.0.0.1', '::1'])('says over %s that nothing is under way, and then how much is', async (host) => {
    const socket = await connectionOver(host);
    expect(await rowOf(socket)).toEqual({ inode: inode(socket), ...NOTHING_UNDER_WAY });
    socket.write(Buffer.alloc(MORE_THAN_ANY_BUFFER));
    await eventually(async () => {
      expect((await rowOf(socket))!.unacknowledged).toBeGreaterThan(0);
    });
    const { unacknowledged, retransmits } = (await rowOf(socket))!;
    expect(unacknowledged).toBeLessThan(MORE_THAN_ANY_BUFFER);
    expect(retransmits).toBe(0);
    socket.destroy();
  });

  it('says nothing of a connection that is not in it, nor of a file that is not open', async () => {
    const socket = await connectionOver('127.0.0.1');
    socket.destroy();
    expect(await rows('none')).toEqual([]);
    expect(inodeOf(-1)).toBeUndefined();
  });
});
