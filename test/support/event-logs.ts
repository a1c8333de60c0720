import { AbortContext } from '../../src/abort/index.js';
import { ReservedDatabase } from '../../src/database/index.js';
import { migrate } from '../../src/database/migrate.js';
import { openEventLog, TaskEventsRepository, type EventLimits, type EventLog } from '../../src/tasks/events/index.js';
import { Scratch } from './abort-database.js';
import { runsPostgres, type Backend } from './backends.js';
import { REDIS_URL, runsRedis } from './redis.js';
import { TcpProxy } from './tcp-proxy.js';

/** Where an event log keeps what it is told, as instances reach it. */
export interface EventLogServer {
  readonly context: AbortContext;
  /** Stands before it, where it is a server. */
  readonly proxy?: TcpProxy;
  /** The log of one more instance. */
  log(limits?: Partial<EventLimits>): EventLog;
  close(): Promise<void>;
}

export interface EventLogKind {
  readonly kind: 'redis' | Backend;
  /** Without it tests are registered as skipped, aloud. */
  readonly isHere: boolean;
  open(): Promise<EventLogServer>;
}

const LIMITS: EventLimits = { perTask: 10_000, ttlMs: 600_000 };

export const eventLogs: readonly EventLogKind[] = [
  { kind: 'redis', isHere: runsRedis, open: openRedis },
  { kind: 'postgres', isHere: runsPostgres, open: () => openDatabase('postgres') },
  { kind: 'embedded', isHere: true, open: () => openDatabase('embedded') },
];

/** Others use the server too: every task of a test has an id of its own, and is forgotten soon. */
async function openRedis(): Promise<EventLogServer> {
  const proxy = await TcpProxy.start(REDIS_URL);
  const nothing = undefined as unknown as TaskEventsRepository;
  return {
    context: new AbortContext(),
    proxy,
    log: (limits) => openEventLog(proxy.url, nothing, { ...LIMITS, ...limits }),
    close: () => proxy.stop(),
  };
}

async function openDatabase(backend: Backend): Promise<EventLogServer> {
  const scratch = await Scratch.create(backend);
  const proxy = scratch.url === undefined ? undefined : await TcpProxy.start(scratch.url);
  const { db, context, connection, queries, close } = await scratch.open({ url: proxy?.url });
  await context.detached('the tables of a test', () => migrate(db));
  const repository = new TaskEventsRepository(db, new ReservedDatabase(connection, { context, observer: queries }));
  return {
    context,
    proxy,
    log: (limits) => openEventLog(undefined, repository, { ...LIMITS, ...limits }),
    close: async () => {
      await close();
      await proxy?.stop();
      await scratch.drop();
    },
  };
}
