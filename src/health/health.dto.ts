import { z } from 'zod';

export const liveness = z.object({ status: z.literal('ok') }).meta({ id: 'Liveness' });
export type Liveness = z.infer<typeof liveness>;

const health = z.enum(['ok', 'down']);

const component = z.object({ status: health, what: z.string() });
export type Component = Readonly<z.infer<typeof component>>;

export const readiness = z.object({ status: health, database: component, model: component }).meta({ id: 'Readiness' });
export type Readiness = Readonly<z.infer<typeof readiness>>;
