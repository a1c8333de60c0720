import { readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** What the kernel says of one connection. */
export interface TcpState {
  /** Bytes that it has taken and that the peer has not acknowledged, sent or not. */
  readonly unacknowledged: number;
  /** How often it has sent the same again: not at all where the peer answers, and has no room. */
  readonly retransmits: number;
  /** Probes without an answer. */
  readonly probes: number;
}

export interface TcpRow extends TcpState {
  /** Which socket it is, see `inodeOf`. */
  readonly inode: string;
}

/** All has arrived, as far as anybody can tell. */
export const NOTHING_UNDER_WAY: TcpState = { unacknowledged: 0, retransmits: 0, probes: 0 };

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
/** The kernel gives a page at a time, whatever room there is for more. */
const PAGE_BYTES = 4096;

/** `sl local remote st tx_queue:rx_queue tr:when retransmits uid probes inode`: see proc_net_tcp in the kernel's documentation. */
const ROW =
  /^ *\d+: [\dA-F]+:[\dA-F]{4} [\dA-F]+:[\dA-F]{4} [\dA-F]{2} ([\dA-F]{8}):[\dA-F]{8} [\dA-F]{2}:[\dA-F]{8} ([\dA-F]{8}) +\d+ +(\d+) (\d+)/gm;

/**
 * The rows of these sockets in the kernel's tables, a page at a time, so that thousands of connections hold nobody up. Each page is as of
 * a moment between when it was asked for and when it is given. A row may be passed over, or given again and again, because others come and
 * go meanwhile.
 * `undefined` where there are no such tables, as elsewhere than on Linux.
 */
export async function* tcpRows(inodes: ReadonlyMap<string, unknown>): AsyncGenerator<readonly TcpRow[], boolean> {
  let isLinux = false;
  for (const table of TABLES) isLinux = (yield* rowsOf(table, inodes)) || isLinux;
  return isLinux;
}

async function* rowsOf(table: string, inodes: ReadonlyMap<string, unknown>): AsyncGenerator<readonly TcpRow[], boolean> {
  const file = await open(table).catch(unlessAbsent);
  if (!file) return false;
  try {
    const page = Buffer.allocUnsafe(PAGE_BYTES);
    for (let rest = ''; ;) {
      const { bytesRead } = await file.read(page, 0, PAGE_BYTES, null);
      if (bytesRead === 0) return true;
      const text = rest + page.toString('latin1', 0, bytesRead);
      const end = text.lastIndexOf('\n') + 1;
      yield parse(text.slice(0, end), inodes);
      rest = text.slice(end);
    }
  } finally {
    await file.close();
  }
}

function parse(text: string, inodes: ReadonlyMap<string, unknown>): TcpRow[] {
  const rows: TcpRow[] = [];
  for (const [, unacknowledged = '', retransmits = '', probes, inode = ''] of text.matchAll(ROW)) {
    if (!inodes.has(inode)) continue;
    rows.push({ inode, unacknowledged: parseInt(unacknowledged, 16), retransmits: parseInt(retransmits, 16), probes: Number(probes) });
  }
  return rows;
}

/** By which the tables know the socket behind a file descriptor of this process; `undefined` where nobody says. */
export function inodeOf(fd: number): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  } catch (error) {
    unlessAbsent(error);
    return undefined;
  }
}

/** Not Linux, without IPv6, or kept from this process: anything else is a failure. */
function unlessAbsent(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM') return undefined;
  throw error;
}
