import { setTimeout as delay } from 'node:timers/promises';
import { openBenchDatabase } from '../harness/bench-database.js';
import { Child } from '../harness/child.js';
import type { Goal } from '../harness/goals.js';
import { percentile } from '../harness/statistics.js';
import { number, printTable, ratio } from '../harness/table.js';
import { bookPdf, flateBombPdf, nestedPdf, slowPdf } from './hostile-pdfs.js';
import type { HostedModel } from './offline-model.js';
import type { Probe } from './probe.js';
import type { IngestingServer } from './server.js';

const PROBE_EVERY_MS = 5;
const IDLE_MS = 10_000;
/** What is refused for its length or its greed takes as long as it is let: nothing new is seen after that. */
const LONGEST_MS = 30_000;
const POLL_MS = 200;
const GOAL_MS = 50;
const MIB = 1024 * 1024;

interface Upload {
  readonly what: string;
  readonly bytes: () => Uint8Array;
}

const UPLOADS: readonly Upload[] = [
  { what: 'a book of 300 pages', bytes: () => bookPdf(300) },
  { what: 'a page that takes minutes to draw', bytes: () => slowPdf() },
  { what: '1 GiB of text packed in 1 MiB', bytes: () => flateBombPdf(1024 * MIB) },
  { what: 'arrays 100,000 deep', bytes: () => nestedPdf(100_000, 'arrays') },
];

interface Ingested {
  readonly what: string;
  readonly latencies: readonly number[];
  readonly end: string;
}

interface Client {
  readonly url: string;
  readonly token: string;
}

/** What `/health` takes on PostgreSQL while PDFs are read that are long, or made to be hard to read, against an idle server. */
export async function measureIngestion(): Promise<Goal[]> {
  await using database = await openBenchDatabase('ingestion');
  await using model = new Child<HostedModel>(new URL('./offline-model.js', import.meta.url));
  await using server = new Child<IngestingServer>(new URL('./server.js', import.meta.url));
  await using probe = new Child<Probe>(new URL('./probe.js', import.meta.url));
  const client = await server.call('start', { ...database.env, OPENAI_BASE_URL: await model.call('start') });
  const during = async (what: string, work: () => Promise<string>): Promise<Ingested> => {
    await probe.call('start', `${client.url}/health`, PROBE_EVERY_MS);
    const end = await work();
    return { what, end, latencies: await probe.call('stop') };
  };
  await during('warming up', () => delay(2000, ''));
  const idle = await during('idle', () => delay(IDLE_MS, ''));
  const ingested: Ingested[] = [];
  for (const { what, bytes } of UPLOADS) ingested.push(await during(what, () => ingest(client, bytes())));
  return report(database.description, idle, ingested);
}

/** Uploads one PDF, and waits until it has been read, or has been refused. Returns how it ended. */
async function ingest({ url, token }: Client, bytes: Uint8Array): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const body = new FormData();
  body.append('files', new Blob([Buffer.from(bytes)]), 'upload.pdf');
  const answer = await fetch(`${url}/api/documents`, { method: 'POST', headers, body });
  if (answer.status !== 202) throw new Error(`The upload was answered with ${answer.status}: ${await answer.text()}`);
  const { task_id: taskId } = (await answer.json()) as { task_id: string };
  for (let waited = 0; waited < LONGEST_MS; waited += POLL_MS) {
    const task = (await (await fetch(`${url}/api/tasks/${taskId}`, { headers })).json()) as Task;
    if (task.finished_at !== null) return task.error?.code ?? task.state;
    await delay(POLL_MS);
  }
  await fetch(`${url}/api/tasks/${taskId}/cancel`, { method: 'POST', headers });
  return 'cancelled';
}

interface Task {
  readonly state: string;
  readonly finished_at: string | null;
  readonly error: { readonly code: string } | null;
}

function report(where: string, idle: Ingested, ingested: readonly Ingested[]): Goal[] {
  const p99 = ({ latencies }: Ingested): number => percentile(latencies, 0.99);
  const row = (each: Ingested): string[] => [
    each.what,
    number(each.latencies.length),
    number(percentile(each.latencies, 0.5), 2),
    number(p99(each), 2),
    ratio(p99(each) / p99(idle)),
    number(percentile(each.latencies, 1), 1),
    each.end,
  ];
  printTable(
    `5. /health while a PDF is read, ${where}, asked every ${PROBE_EVERY_MS} ms`,
    ['', 'answers', 'p50 ms', 'p99 ms', 'p99 against idle', 'longest ms', 'ended'],
    [idle, ...ingested].map(row),
    ['Milliseconds from when a request was due. The model runs in a process of its own, as a hosted one does.'],
  );
  const worst = ingested.toSorted((a, b) => p99(b) - p99(a))[0] ?? idle;
  return [
    {
      what: `5 p99 of /health during the worst ingestion (${worst.what})`,
      goal: `< ${GOAL_MS} ms`,
      measured: `${number(p99(worst), 1)} ms`,
      isMet: p99(worst) < GOAL_MS,
    },
  ];
}
