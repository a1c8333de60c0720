import type { AnalysedRow } from './analyses.repository.js';
import type { AnalysedResource, Recommendation } from './recommendation.js';

/** A resource of which nothing came. */
export interface FailedResource {
  readonly id: string;
  readonly name: string;
  readonly error: { readonly code: string; readonly message: string };
}

/** What has come of an analysis so far, each in the order of the project. */
export interface Analysed {
  readonly recommended: readonly AnalysedResource[];
  readonly failed: readonly FailedResource[];
}

export function toAnalysed(rows: readonly AnalysedRow[]): Analysed {
  const isFailed = ({ error }: AnalysedRow): boolean => error !== null;
  return {
    recommended: rows
      .filter((row) => !isFailed(row))
      .map(({ key: id, name, result }) => ({ id, name, recommendation: result as Recommendation })),
    failed: rows.filter(isFailed).map(({ key: id, name, error }) => ({ id, name, error: error as FailedResource['error'] })),
  };
}
