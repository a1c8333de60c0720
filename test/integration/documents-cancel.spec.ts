import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AbortContext } from '../../src/abort/index.js';
import { PageTexts } from '../../src/documents/page-texts.service.js';
import { eventually, Gate } from '../../src/testing/index.js';
import type { TaskView } from '../../src/tasks/index.js';
import { backends } from '../support/backends.js';
import { DocumentClient, type SentFile } from '../support/document-client.js';
import { chaptersFile, classifies, pdfFile, purposesOf, scriptBooks } from '../support/document-model.js';
import { LedgerReader } from '../support/ledger.js';
import { holdAfter } from '../support/moments.js';
import { slowPdf } from '../support/pdfs.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

interface Partial {
  readonly items: readonly { readonly name: string; readonly state: string; readonly result: { readonly chapters: readonly string[] } }[];
}

describe('cancelling an ingestion', () => {
  let app: TestApp;
  let learner: DocumentClient;
  let three: readonly SentFile[];

  beforeAll(async () => {
    app = await startTestApp({ backend: backends[0] });
    learner = await DocumentClient.of(app);
    three = await Promise.all(['one', 'two', 'three'].map((name) => chaptersFile(`${name}.pdf`, [`All about ${name}`])));
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  /** History says who stopped it, where, and when, and what there was of it. */
  async function expectCancelled(taskId: string, done: number, total: number): Promise<TaskView> {
    const task = await learner.task(taskId);
    expect(task).toMatchObject({
      state: 'cancelled',
      cancel: { cause: 'user', by: 'learner', reason: 'wrong files' },
      progress: { done, total },
      receipt: { confirmed: true, zombies: [] },
      error: null,
    });
    const [requested, stopped, finished] = [task.cancel!.requested_at, task.receipt!.stopped_at!, task.finished_at!];
    expect([task.created_at, requested, stopped, finished].toSorted()).toEqual([task.created_at, requested, stopped, finished]);
    const { partial, result } = await learner.result(taskId);
    expect(partial).toBe(true);
    expect((result as Partial).items.filter(({ state }) => state === 'completed')).toHaveLength(done);
    expect((await learner.tasks('?state=cancelled')).tasks.map(({ id }) => id)).toContain(taskId);
    expect(app.logs.at('error')).toEqual([]);
    expect(await LedgerReader.of(app).open()).toEqual([]);
    return task;
  }
  const cancel = (taskId: string) => learner.cancelled(taskId, { reason: 'wrong files', wait_ms: 10_000 });
  const filesOf = async (taskId: string): Promise<number> =>
    (await rowsOf(app, `select id from blobs where id in (select blob_id from documents where task_id = '${taskId}')`)).length;
  const books = async (): Promise<number> => (await learner.books()).length;

  it('while a file is parsed ends the parser, and leaves no book', async () => {
    const before = await books();
    const { task_id } = await learner.upload([{ name: 'slow.pdf', bytes: slowPdf() }]);
    await eventually(() => app.queries.reports.some(({ sql, outcome }) => sql.includes('max(number)') && outcome === 'completed'));
    const { status, receipt } = await cancel(task_id);
    expect(status).toBe('cancelled');
    expect(receipt?.layers.map(({ layer }) => layer)).toContain('parser');
    expect(receipt?.stage).toMatch(/^file 1\/1/);
    await expectCancelled(task_id, 0, 1);
    expect(app.model.journal).toEqual([]);
    expect(await books()).toBe(before);
    expect(await filesOf(task_id)).toBe(1);
  });

  it('during a classification closes its socket, and a resume pays for the rest alone', async () => {
    scriptBooks(app);
    const gate = new Gate();
    app.model.script(classifies('two.pdf'), { holdAfter: 3, gate });
    const { task_id, documents } = await learner.upload(three);
    const held = await app.model.called(classifies('two.pdf'));
    await eventually(async () => (await learner.result(task_id)).result !== null && (await stateOf(documents[2]!.id)) === 'embedded');
    const { status, receipt } = await cancel(task_id);
    expect(status).toBe('cancelled');
    expect((await app.model.ended(held)).outcome).toBe('client_closed');
    expect(receipt).toMatchObject({ layers: [{ layer: 'llm', operation: 'chat gpt-4o-mini' }], calls_avoided: 2 });
    expect(app.logs.messages).toContain('[file 2/3 classify] Cancelled by user, aborting LLM call');
    await expectCancelled(task_id, 2, 3);
    expect(await filesOf(task_id)).toBe(0);

    app.reset();
    scriptBooks(app);
    const resumed = await learner.resume(task_id);
    const result = await learner.completed(resumed);
    expect(result.chapters.map(({ title }) => title)).toEqual(['All about three', 'All about two', 'All about one']);
    expect(purposesOf(app)).toEqual(['document_classification', 'embeddings', 'book_catalogue']);
    expect((await learner.task(resumed)).resumed_from).toBe(task_id);
    expect((await learner.document(documents[0]!.id)).task_id).toBe(resumed);
  });

  it('before a classification begins none', async () => {
    scriptBooks(app);
    const { gate, told } = holdAfter(app.app.get(AbortContext), app.app.get(PageTexts, { strict: false }), 'extract');
    const { task_id } = await learner.upload([three[0]!]);
    await gate.reached;
    expect(await learner.cancelled(task_id, { reason: 'wrong files', wait_ms: 0 })).toMatchObject({ status: 'cancelling' });
    await told();
    gate.open();
    await learner.ended(task_id);
    await expectCancelled(task_id, 0, 1);
    expect(app.logs.messages).toContain(`[Tasks] Task ${task_id} cancelled before classification`);
    expect(purposesOf(app)).toEqual([]);
  });

  it('between two batches of embeddings keeps the first, which a resume does not pay for again', async () => {
    scriptBooks(app);
    const paragraph = (n: number): string => `Paragraph ${n} tells of the station and the train. `.repeat(22);
    const long = await pdfFile(
      'long.pdf',
      Array.from({ length: 70 }, (_, n) => paragraph(n)),
    );
    const gate = new Gate();
    const { task_id, documents } = await learner.upload([long]);
    const first = await app.model.called('embeddings');
    app.model.script('embeddings', { hold: gate });
    const second = await app.model.called('embeddings', 2);
    await cancel(task_id);
    expect([(await app.model.ended(first)).outcome, (await app.model.ended(second)).outcome]).toEqual(['completed', 'client_closed']);
    await expectCancelled(task_id, 0, 1);
    expect(await stateOf(documents[0]!.id)).toBe('classified');
    const [{ count }] = (await rowsOf<{ count: number }>(
      app,
      `select count(*)::int as count from document_chunks where document_id = '${documents[0]!.id}'`,
    )) as [{ count: number }];
    expect(count).toBe(64);
    gate.open();

    app.reset();
    scriptBooks(app);
    await learner.completed(await learner.resume(task_id));
    expect(purposesOf(app)).toEqual(['embeddings', 'book_catalogue']);
  });

  it('during the catalogue keeps all that was read, and a resume pays for the catalogue alone', async () => {
    scriptBooks(app);
    const before = await books();
    app.model.script('book_catalogue', { holdAfter: 2, gate: new Gate() });
    const { task_id, documents } = await learner.upload(three, { title: 'Mine' });
    const held = await app.model.called('book_catalogue');
    const { status, receipt } = await cancel(task_id);
    expect(status).toBe('cancelled');
    expect(receipt).toMatchObject({ stage: 'catalogue', calls_avoided: 0 });
    expect((await app.model.ended(held)).outcome).toBe('client_closed');
    await expectCancelled(task_id, 3, 3);
    expect(await books()).toBe(before);
    expect(await Promise.all(documents.map(({ id }) => stateOf(id)))).toEqual(['embedded', 'embedded', 'embedded']);

    app.reset();
    scriptBooks(app);
    const { title, chapters } = await learner.completed(await learner.resume(task_id));
    expect([title, chapters.length]).toEqual(['Mine', 3]);
    expect(purposesOf(app)).toEqual(['book_catalogue']);
  });

  it('many times gives equal answers, and after the end says when that was', async () => {
    scriptBooks(app);
    app.model.script('document_classification', { holdAfter: 3, gate: new Gate() });
    const { task_id } = await learner.upload([three[0]!]);
    await app.model.called('document_classification');
    const clicks = await Promise.all(Array.from({ length: 8 }, () => cancel(task_id)));
    for (const click of [...clicks, await cancel(task_id)]) expect(click).toEqual(clicks[0]);
    app.reset();
    scriptBooks(app);
    const resumed = await learner.resume(task_id);
    await learner.completed(resumed);
    const late = await cancel(resumed);
    expect(late).toMatchObject({ status: 'already_completed', finished_at: (await learner.task(resumed)).finished_at });
    expect(await learner.document((await learner.completed(resumed)).documents[0]!.id)).toMatchObject({ state: 'catalogued' });
  });

  async function stateOf(id: string): Promise<string> {
    return (await learner.document(id)).state;
  }
});
