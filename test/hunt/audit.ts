import pg from 'pg';
import { isTerminal, TASK_STATES, type TaskState } from '../../src/tasks/task-state.js';

/** Logs every change of a task's state, and every change that comes after the last one, with the database's own clock. */
const TRIGGER = `
create table hunt_audit (
  seq bigint generated always as identity primary key, at timestamptz not null default clock_timestamp(),
  owner text not null, id uuid not null, was text, became text not null, note text
);
create index hunt_audit_by_owner on hunt_audit (owner);
create function hunt_note() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into hunt_audit (owner, id, was, became) values (new.owner, new.id, null, new.state);
  elsif tg_op = 'DELETE' then
    insert into hunt_audit (owner, id, was, became) values (old.owner, old.id, old.state, 'deleted');
  elsif old.state is distinct from new.state then
    insert into hunt_audit (owner, id, was, became) values (new.owner, new.id, old.state, new.state);
  elsif old.finished_at is not null then
    insert into hunt_audit (owner, id, was, became, note) values (new.owner, new.id, old.state, new.state,
      case when old.input_hash is null and new.input_hash is not null then 'claimed' else 'rewritten' end);
  end if;
  return null;
end $$;
create trigger hunt_note after insert or update or delete on tasks for each row execute function hunt_note()`;

/** One change of state. `at` is in milliseconds since 1970. */
export interface Transition {
  readonly id: string;
  readonly at: number;
  readonly was: string | null;
  readonly became: string;
  /** Of a change that left the state as it was: a tombstone that was given the face of its task, or what may not happen. */
  readonly note: 'claimed' | 'rewritten' | null;
}

export interface AuditedTask {
  readonly owner: string;
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly scopes: readonly string[];
  readonly input: { readonly chapter_id: number } | null;
  readonly result: { readonly quiz: { readonly id: string } } | null;
  readonly error: { readonly code: string } | null;
  readonly cancel: { readonly cause: string; readonly by?: string } | null;
  readonly receipt: {
    readonly stopped_at: string | null;
    readonly calls_avoided: number;
    readonly zombies: readonly string[];
    readonly confirmed: boolean;
  } | null;
  readonly client_id: string | null;
  readonly issued_at: string | null;
  readonly started_at: Date | null;
  readonly planned_calls: number;
}

/** One call in the books. `startedAt` is in milliseconds since 1970. */
export interface LedgerRow {
  readonly task_id: string;
  readonly stage: string;
  readonly outcome: 'open' | 'completed' | 'aborted' | 'failed';
  readonly prompt_tokens: number;
  readonly startedAt: number;
}

export interface StoredQuiz {
  readonly id: string;
  readonly task_id: string;
  readonly questions: number;
}

/** All that the database knows of one owner. */
export interface Records {
  readonly tasks: readonly AuditedTask[];
  readonly transitions: readonly Transition[];
  readonly ledger: readonly LedgerRow[];
  readonly quizzes: readonly StoredQuiz[];
}

/** Looks at the database from beside, and has it keep a log. */
export class Audit {
  readonly #pool: pg.Pool;

  private constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 8 });
  }

  static async install(url: string): Promise<Audit> {
    const audit = new Audit(url);
    await audit.#pool.query(TRIGGER);
    return audit;
  }

  async recordsOf(owner: string): Promise<Records> {
    const [tasks, transitions, ledger, quizzes] = await Promise.all([
      this.#rows<AuditedTask>('select * from tasks where owner = $1', owner),
      this.#rows<Transition>(`select id, ${ms('at')} as at, was, became, note from hunt_audit where owner = $1 order by seq`, owner),
      this.#rows<LedgerRow>(
        `select task_id, stage, outcome, prompt_tokens, ${ms('started_at')} as "startedAt" from llm_calls where owner = $1 order by started_at`,
        owner,
      ),
      this.#rows<StoredQuiz>(
        `select q.id, q.task_id, (select count(*)::int from questions where quiz_id = q.id) as questions from quizzes q where owner = $1`,
        owner,
      ),
    ]);
    return { tasks, transitions, ledger, quizzes };
  }

  /** The tasks of an owner that have not ended. */
  async live(owner: string): Promise<{ id: string; state: string }[]> {
    return await this.#rows("select id, state from tasks where owner = $1 and state in ('queued', 'running', 'cancelling')", owner);
  }

  async openCalls(owner: string): Promise<object[]> {
    return await this.#rows("select id from llm_calls where owner = $1 and outcome = 'open'", owner);
  }

  /** Whatever of anybody has not ended, and whatever call is not closed in the books: nothing, when all is over and nobody was killed. */
  async leftovers(isKilled: boolean): Promise<object[]> {
    const tasks = "select owner, id::text, state from tasks where state in ('queued', 'running', 'cancelling')";
    const calls = "select owner, task_id::text, 'a call is open in the books' from llm_calls where outcome = 'open'";
    return (await this.#pool.query<object>(isKilled ? tasks : `${tasks} union all ${calls}`)).rows;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #rows<T extends object>(statement: string, owner: string): Promise<T[]> {
    return (await this.#pool.query<T>(statement, [owner])).rows;
  }
}

/** Milliseconds since 1970, with their fractions. */
function ms(column: string): string {
  return `extract(epoch from ${column})::float8 * 1000`;
}

export function isEnd(state: string): boolean {
  return (TASK_STATES as readonly string[]).includes(state) && isTerminal(state as TaskState);
}
