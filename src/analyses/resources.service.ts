import { Injectable } from '@nestjs/common';
import type { User } from '../auth/index.js';
import { decodeOrdinalCursor, DomainError, encodeOrdinalCursor, type FieldError } from '../problems/index.js';
import type { ListResourcesQuery, Resource, ResourcePage, StoredResources } from './resources.dto.js';
import { ResourcesRepository } from './resources.repository.js';
import { flawOf } from './storable-resource.js';

const MOST_ERRORS = 20;

/** What the projects of users consist of. Each user has projects of their own, whatever others call theirs. */
@Injectable()
export class Resources {
  constructor(private readonly resources: ResourcesRepository) {}

  /**
   * Puts these in place of all that the project had, or leaves it as it was, also when the ambient signal aborts on the way. Of several
   * with one id the last is stored. Throws `resource_unusable`, which points at what the database does not take.
   */
  async put(projectId: string, resources: readonly Resource[], user: User): Promise<StoredResources> {
    const flaws = resources.flatMap((resource, i) => flawOf(resource, `/body/${i}`) ?? []);
    if (flaws.length > 0) throw new DomainError('resource_unusable', inWords(flaws), { errors: flaws.slice(0, MOST_ERRORS) });
    const distinct = new Map(resources.map((resource) => [resource.id, resource]));
    await this.resources.replace({ owner: user.id, projectId }, [...distinct.values()]);
    return { project_id: projectId, count: distinct.size, duplicates: duplicatesAmong(resources) };
  }

  /** A project of this user, in the order in which it was sent; nothing of one that the user has not. */
  async list(projectId: string, { limit, cursor }: ListResourcesQuery, user: User): Promise<ResourcePage> {
    const after = cursor === undefined ? 0 : decodeOrdinalCursor(cursor);
    const page = await this.resources.list({ owner: user.id, projectId }, { after, limit: limit + 1 });
    const shown = page.slice(0, limit);
    const last = shown.at(-1);
    const next_cursor = page.length > limit && last ? encodeOrdinalCursor(last.ordinal) : undefined;
    return { project_id: projectId, resources: shown.map(({ resource }) => resource), ...(next_cursor && { next_cursor }) };
  }

  /**
   * The project as it is now, or those of it that are asked for, in its order. Throws `project_empty` where there is nothing, and
   * `resource_not_found`, which points at the ids that the project has not.
   */
  async select(projectId: string, ids: readonly string[] | undefined, user: User): Promise<Resource[]> {
    const found = await this.resources.select({ owner: user.id, projectId }, ids);
    const known = new Set(found.map(({ id }) => id));
    const unknown = (ids ?? []).flatMap((id, i) =>
      known.has(id) ? [] : [{ pointer: `/body/resource_ids/${i}`, detail: `The project has no resource ${id}.` }],
    );
    if (unknown.length > 0) throw new DomainError('resource_not_found', inWords(unknown), { errors: unknown.slice(0, MOST_ERRORS) });
    if (found.length === 0) throw new DomainError('project_empty', `Project ${projectId} has no resources. PUT some first.`);
    return found;
  }
}

/** The first of them, and how many there are besides. */
function inWords([first, ...others]: readonly FieldError[]): string {
  return `${first?.pointer}: ${first?.detail}${others.length > 0 ? ` (and ${others.length} more)` : ''}`;
}

function duplicatesAmong(resources: readonly Resource[]): string[] {
  const seen = new Set<string>();
  const twice = resources.filter(({ id }) => seen.has(id) || !seen.add(id));
  return [...new Set(twice.map(({ id }) => id))];
}
