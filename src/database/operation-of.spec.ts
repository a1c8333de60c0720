import { describe, expect, it } from '@jest/globals';
import { operationOf } from './operation-of.js';

describe('operationOf', () => {
  it.each([
    ['select * from "passages" where id = $1', 'select passages'],
    ['SELECT id\n  FROM passages', 'select passages'],
    ['select "b"."id" from "books" as "b" inner join "chapters" on true', 'select books'],
    ['select * from "public"."passages"', 'select passages'],
    ['select 1', 'select'],
    ['select pg_sleep(30)', 'select'],
    ['select extract(epoch from started_at) from llm_calls', 'select llm_calls'],
    ['select count(*) from (select 1 from "quizzes") as q', 'select'],
    ['select \'from books (\' from "chapters"', 'select chapters'],
    ["select 'it''s from books' from \"chapters\"", 'select chapters'],
    ['insert into "llm_calls" ("id", "model") values ($1, $2)', 'insert llm_calls'],
    ['insert into "books" ("id") values ($1) on conflict do update set "id" = 2', 'insert books'],
    ['update "llm_calls" set "outcome" = $1', 'update llm_calls'],
    ['delete from "quizzes" where id in (select id from other)', 'delete quizzes'],
    ['with recent as (select * from results) select * from recent', 'select recent'],
    ['with recent as (select count(*) from results), old as (select 1) select skill from recent', 'select recent'],
    ['with gone as (delete from "quizzes" returning id) insert into "tombs" select id from gone', 'insert tombs'],
    ['with recursive tree as (select 1) update "nodes" set depth = 1', 'update nodes'],
    ['-- why\nselect * from "books"', 'select books'],
    ['/* why */ select * from "books"', 'select books'],
    ['  begin', 'begin'],
    ['commit', 'commit'],
    ['start transaction isolation level serializable', 'start'],
    ['create table books (id int)', 'create'],
    ['', 'query'],
    ['???', 'query'],
  ])('says of %j: %s', (sql, operation) => {
    expect(operationOf(sql)).toBe(operation);
  });

  it('takes no longer for a statement made to confuse it', () => {
    const nasty = `with x as (${'('.repeat(20_000)} select`;
    const from = performance.now();
    operationOf(nasty);
    expect(performance.now() - from).toBeLessThan(200);
  });
});
