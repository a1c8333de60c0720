import { describe, expect, it } from '@jest/globals';
import type { ArgumentMetadata } from '@nestjs/common';
import { z } from 'zod';
import { DomainError } from './domain-error.js';
import { SchemaPipe } from './schema.pipe.js';

const order = z.object({
  count: z.int().min(1).default(5),
  items: z.array(z.object({ name: z.string('must be a text') })).default([]),
});

function metadata(type: ArgumentMetadata['type'], schema?: z.ZodType, data?: string): ArgumentMetadata {
  return { type, data, schema } as ArgumentMetadata;
}

async function refusalOf(value: unknown, about: ArgumentMetadata): Promise<DomainError> {
  const error = await new SchemaPipe().transform(value, about).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DomainError);
  return error as DomainError;
}

describe('what a handler is given', () => {
  it('is what its schema makes of the request: defaults filled in, strangers left out', async () => {
    expect(await new SchemaPipe().transform({ stranger: 1 }, metadata('body', order))).toEqual({ count: 5, items: [] });
  });

  it('is the value itself where no schema is declared', async () => {
    const value = { anything: true };
    expect(await new SchemaPipe().transform(value, metadata('custom'))).toBe(value);
  });

  it.each([
    ['a field', { count: 0 }, metadata('body', order), '/body/count'],
    ['a field in a list', { items: [{ name: 'a' }, { name: 2 }] }, metadata('body', order), '/body/items/1/name'],
    ['the whole', 'text', metadata('body', order), '/body'],
    ['a query', { count: 'x' }, metadata('query', order), '/query/count'],
    ['a parameter, by its name', 'x', metadata('param', z.uuid(), 'id'), '/param/id'],
  ])('is refused with a pointer to %s', async (_, value, about, pointer) => {
    const { code, message, details } = await refusalOf(value, about);
    expect(code).toBe('validation_failed');
    expect(details.errors).toEqual([{ pointer, detail: expect.any(String) }]);
    expect(message).toBe(`${pointer}: ${details.errors?.[0]?.detail ?? ''}`);
  });

  it('is refused with everything that is wrong with it, the first in words', async () => {
    const { message, details } = await refusalOf({ count: 'x', items: [{ name: 1 }] }, metadata('body', order));
    expect(details.errors?.map(({ pointer }) => pointer)).toEqual(['/body/count', '/body/items/0/name']);
    expect(message).toMatch(/^\/body\/count: /);
  });
});
