import { NOTHING_UNDER_WAY, tcpRows, type TcpState } from './tcp-table.js';
import type { WatchedConnection } from './watched-connection.js';

/**
 * Asks the kernel once what has become of all that was written to these connections, and tells each. What was handed over is noted
 * before, and for those in doubt again before each page: words that are streamed all the while would else be taken for what arrived.
 * However often the kernel gives a row, as it does while others connect, it is one look.
 */
export async function lookAtConnections(connections: readonly WatchedConnection[], rowsOf = tcpRows): Promise<void> {
  const samples = connections.map(sample);
  const byInode = new Map(samples.map((each) => [each.connection.inode ?? '', each]));
  const doubtful = samples.filter(({ connection }) => connection.isDoubtful);
  const pages = rowsOf(byInode);
  let page = await pages.next();
  for (; !page.done; page = await pages.next()) {
    for (const row of page.value) {
      tell(byInode.get(row.inode), row);
      byInode.delete(row.inode);
    }
    for (const each of doubtful) each.handedOver = each.connection.handedOver;
  }
  // Where no kernel tells anything, what it takes is all that is known.
  if (!page.value) for (const { connection } of samples) tell(sample(connection), NOTHING_UNDER_WAY);
}

interface Sample {
  readonly connection: WatchedConnection;
  handedOver: number;
}

function sample(connection: WatchedConnection): Sample {
  return { connection, handedOver: connection.handedOver };
}

function tell(of: Sample | undefined, state: TcpState): void {
  of?.connection.look(of.handedOver, state);
}
