import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { DatabaseWatch } from '../support/locks.js';
import { machines, ProjectClient } from '../support/project-client.js';
import { answerOf } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

describe.each(backends)('the resources of a project, on %s', (backend: Backend) => {
  let app: TestApp;
  let owner: ProjectClient;
  let projects = 0;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    owner = new ProjectClient(await app.client('owner'), '');
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  const newProject = (): ProjectClient => owner.with({ project: `project ${(projects += 1)}` });

  it('are stored as they were sent, and come back in their order', async () => {
    const project = newProject();
    const sent = [...machines(3), { id: '零', name: 'ünïcode / ~', tags: { 'a/b': [1, null, true, 'x'], '': {} } }];
    const answer = await answerOf(project.put(sent));
    expect([answer.status, answer.json()]).toEqual([200, { project_id: project.project, count: 4, duplicates: [] }]);
    expect(await project.resources()).toEqual({ project_id: project.project, resources: sent });
  });

  it('take the place of those that were there, all or none', async () => {
    const project = newProject();
    await answerOf(project.put(machines(5)));
    await answerOf(project.put(machines(2)));
    expect((await project.resources()).resources.map(({ id }) => id)).toEqual(['vm-1', 'vm-2']);
    expect((await answerOf(project.put([{ id: 'x' }]))).status).toBe(400);
    expect((await project.resources()).resources).toHaveLength(2);
    expect((await answerOf(project.put([]))).json()).toMatchObject({ count: 0 });
    expect((await project.resources()).resources).toEqual([]);
  });

  it('are distinct by id: of several with one id the last is stored, and that is said', async () => {
    const project = newProject();
    const [one, two, three] = machines(3);
    const answer = await answerOf(project.put([one, two, { ...one, name: 'renamed' }, three, { ...one, name: 'again' }]));
    expect(answer.json()).toEqual({ project_id: project.project, count: 3, duplicates: ['vm-1'] });
    expect((await project.resources()).resources).toEqual([{ ...one, name: 'again' }, two, three]);
  });

  it('that are put twice at the same time are those of the one or of the other', async () => {
    const project = newProject();
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => project.put(machines(n)).answer));
    expect(answers.map((answer) => answer?.status)).toEqual([200, 200, 200, 200, 200, 200]);
    const ids = (await project.resources()).resources.map(({ id }) => id);
    expect(ids).toEqual(machines(ids.length).map(({ id }) => id));
  });

  it('come in pages', async () => {
    const project = newProject();
    await answerOf(project.put(machines(25)));
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await project.resources(`?limit=10${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      pages.push(page.resources.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(pages.map(({ length }) => length)).toEqual([10, 10, 5]);
    expect(pages.flat()).toEqual(machines(25).map(({ id }) => id));
    expect((await answerOf(project.client.get(`${project.path('resources')}?cursor=x`))).json()).toMatchObject({
      code: 'validation_failed',
    });
  });

  it('are their owner’s alone: the project of somebody else with the same id is another', async () => {
    const project = newProject();
    const other = project.with({ client: await app.client('somebody-else') });
    await answerOf(project.put(machines(3)));
    expect((await other.resources()).resources).toEqual([]);
    await answerOf(other.put(machines(1)));
    expect((await project.resources()).resources).toHaveLength(3);
    expect((await other.resources()).resources).toHaveLength(1);
  });

  it('may be 5000 at once, and more than other bodies may have', async () => {
    const project = newProject();
    const many = machines(5000).map((machine) => ({ ...machine, notes: 'n'.repeat(200) }));
    expect(JSON.stringify(many).length).toBeGreaterThan(1_048_576);
    expect((await answerOf(project.put(many))).json()).toMatchObject({ count: 5000 });
    expect((await answerOf(project.put(machines(5001)))).json()).toMatchObject({ code: 'validation_failed' });
    const tooMuch = await answerOf(project.put(machines(600).map((machine) => ({ ...machine, notes: 'n'.repeat(14_000) }))));
    expect(tooMuch.json()).toMatchObject({ code: 'payload_too_large' });
    expect((await project.resources('?limit=1')).resources).toEqual([many[0]]);
  });

  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
  const machine = machines(1)[0]!;
  it.each([
    ['NUL in an id', { ...machine, id: 'a\0' }, '/body/1/id'],
    ['half a surrogate pair in a name', { ...machine, name: '\ud83d' }, '/body/1/name'],
    ['NUL deep inside', { ...machine, tags: [{ 'a/b~': ['fine', 'bad\0'] }] }, '/body/1/tags/0/a~1b~0/1'],
    ['NUL in the name of a field', { ...machine, tags: { 'x\0': 1 } }, '/body/1/tags'],
    ['nesting without end', { ...machine, tags: nested(2000) }, `/body/1/tags${'/0'.repeat(31)}`],
    ['more than 16 KiB', { ...machine, notes: 'ü'.repeat(8192) }, '/body/1'],
  ])('are refused with %s, where it stands', async (_what, bad, pointer) => {
    const project = newProject();
    const answer = await answerOf(project.put([machine, bad]));
    expect(answer.status).toBe(422);
    expect(answer.json()).toMatchObject({ code: 'resource_unusable', errors: [{ pointer, detail: expect.any(String) }] });
    expect((await project.resources()).resources).toEqual([]);
  });

  it.each([
    ['no array', { id: 'x', name: 'x' }, '/body'],
    ['no id', [{ name: 'x' }], '/body/0/id'],
    ['an empty name', [{ id: 'x', name: '' }], '/body/0/name'],
    ['an id that is a number', [machine, { id: 7, name: 'x' }], '/body/1/id'],
  ])('are refused with %s', async (_what, body, pointer) => {
    const answer = await answerOf(newProject().put(body));
    expect([answer.status, answer.json()]).toEqual([400, expect.objectContaining({ errors: [expect.objectContaining({ pointer })] })]);
  });

  const onPostgres = (): void => {
    let watch: DatabaseWatch;
    let rival: DatabaseWatch;
    beforeAll(async () => {
      [watch, rival] = await Promise.all([DatabaseWatch.open(app.databaseUrl!), DatabaseWatch.open(app.databaseUrl!)]);
    });
    afterAll(() => Promise.all([watch.close(), rival.close()]));

    it('stay as they were when their owner hangs up after the old ones were removed and before the new ones are stored', async () => {
      const project = newProject();
      await answerOf(project.put(machines(2)));
      await rival.rows('begin');
      await rival.rows(`insert into resources values ('owner', $1, 'vm-7', 7, 'not committed', '{}')`, [project.project]);
      const call = project.put(machines(7));
      await watch.waiting();
      await call.hangUp();
      await eventually(async () => (await watch.activity()).length === 0);
      await rival.rows('rollback');
      expect((await project.resources()).resources).toHaveLength(2);
    });
  };
  if (backend === 'postgres') describe('on a server that can be watched', onPostgres);
});
