import { z } from 'zod';

export const liveness = z.object({ status: z.literal('ok') }).meta({ id: 'Liveness' });
export type Liveness = z.infer<typeof liveness>;

const component = z.object({
  status: z.enum(['ok', 'degraded', 'down']).meta({ description: 'degraded: work goes through all the same, some of it slower' }),
  what: z.string().meta({ description: 'for people: which one it is, and what is wrong with it' }),
});
export type Component = Readonly<z.infer<typeof component>>;

const bus = component.extend({ kind: z.enum(['in-process', 'redis', 'postgres']), state: z.enum(['up', 'down']) });
export type BusComponent = Readonly<z.infer<typeof bus>>;

export const readiness = z
  .object({
    status: z.enum(['ok', 'down', 'draining']).meta({ description: 'anything but ok: send nothing new here' }),
    draining: z.boolean(),
    database: component,
    bus,
    model: component,
  })
  .meta({ id: 'Readiness' });
export type Readiness = Readonly<z.infer<typeof readiness>>;
