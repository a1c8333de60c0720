import { z } from 'zod';

/** How many resources a project has at most. */
export const MOST_RESOURCES = 5000;
export const LONGEST_ID = 200;
const LONGEST_NAME = 200;

/** Whatever a project consists of. What it has besides an id and a name is for the model to read. */
export const resource = z
  .looseObject({
    id: z.string().min(1).max(LONGEST_ID).meta({ description: 'tells it from the others of its project' }),
    name: z.string().min(1).max(LONGEST_NAME),
  })
  .meta({ id: 'Resource' });
export type Resource = z.infer<typeof resource>;

/** What texts and sizes the database takes is the service's to say. */
export const putResourcesBody = z.array(resource).max(MOST_RESOURCES).meta({ id: 'PutResources' });

export const storedResources = z
  .object({
    project_id: z.string(),
    count: z.int().meta({ description: 'resources that the project has now' }),
    duplicates: z.array(z.string()).meta({ description: 'ids that came more than once: the last of each was stored' }),
  })
  .meta({ id: 'StoredResources' });
export type StoredResources = z.infer<typeof storedResources>;

export const listResourcesQuery = z.object({
  limit: z.coerce.number<string>().int().min(1).max(500).default(100),
  cursor: z.string().optional(),
});
export type ListResourcesQuery = z.infer<typeof listResourcesQuery>;

export const resourcePage = z
  .object({
    project_id: z.string(),
    resources: z.array(resource),
    next_cursor: z.string().optional().meta({ description: 'absent on the last page' }),
  })
  .meta({ id: 'ResourcePage' });
export type ResourcePage = z.infer<typeof resourcePage>;
