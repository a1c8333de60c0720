/** What a `code` is in HTTP. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

/** What each `code` of a `DomainError` is. A code not listed here is a defect and answers 500. */
export const PROBLEMS = {
  validation_failed: { status: 400, title: 'Bad request' },
  unauthorized: { status: 401, title: 'Unauthorized' },
  admin_required: { status: 403, title: 'Forbidden' },
  auth_unavailable: { status: 503, title: 'Tokens cannot be verified' },
  book_not_found: { status: 404, title: 'Not found' },
  chapter_not_found: { status: 404, title: 'Not found' },
  quiz_not_found: { status: 404, title: 'Not found' },
  question_not_found: { status: 404, title: 'Not found' },
  document_not_found: { status: 404, title: 'Not found' },
  document_in_use: { status: 409, title: 'The document is being read' },
  documents_apart: { status: 409, title: 'Documents of different books' },
  document_empty: { status: 422, title: 'Nothing to read' },
  file_too_large: { status: 413, title: 'Payload too large' },
  too_many_files: { status: 413, title: 'Payload too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  task_not_found: { status: 404, title: 'Not found' },
  task_exists: { status: 409, title: 'The id is taken' },
  message_exists: { status: 409, title: 'The id is taken' },
  session_busy: { status: 409, title: 'A reply is under way' },
  task_not_resumable: { status: 409, title: 'Nothing to go on with' },
  owner_lost: { status: 503, title: 'The work was lost' },
  resource_not_found: { status: 404, title: 'Not found' },
  resource_unusable: { status: 422, title: 'A resource cannot be stored' },
  project_empty: { status: 422, title: 'Nothing to analyse' },
  chapter_empty: { status: 422, title: 'Nothing to ask about' },
  upstream_error: { status: 502, title: 'The language model failed' },
  upstream_rate_limited: { status: 503, title: 'The language model is busy' },
  upstream_timeout: { status: 504, title: 'The language model took too long' },
  invalid_model_output: { status: 502, title: 'The language model gave an unusable answer' },
  quiz_rejected: { status: 502, title: 'No question passed the evaluation' },
  database_unavailable: { status: 503, title: 'The database is not reachable' },
} satisfies Record<string, ProblemKind>;

/** What ends a task in the background, or one item of it: told of the task and in its results, and no answer of its own. */
export const FAILURES = {
  document_encrypted: { status: 422, title: 'The document needs a password' },
  document_damaged: { status: 422, title: 'The document cannot be read' },
  document_too_complex: { status: 422, title: 'The document takes too much to read' },
  document_too_long: { status: 422, title: 'The document is too long' },
  nothing_analysed: { status: 502, title: 'Nothing could be analysed' },
  document_not_readable: { status: 422, title: 'Nothing that could be read' },
  no_document_readable: { status: 422, title: 'None of the documents could be read' },
  item_lost: { status: 503, title: 'The work was lost' },
} satisfies Record<string, ProblemKind>;

/** What the reasons of aborts are, to a client that still listens. The abort filter answers them. */
export const ABORTS = {
  task_cancelled: { status: 409, title: 'Task cancelled' },
  budget_exceeded: { status: 402, title: 'Budget exhausted' },
  deadline_exceeded: { status: 504, title: 'Deadline exceeded' },
  draining: { status: 503, title: 'Service unavailable' },
} satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS | keyof typeof FAILURES | keyof typeof ABORTS;

/** Codes for errors that come with nothing but a status, as Nest's and Fastify's own do. */
export const CODE_OF_STATUS: Record<number, string> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'route_not_found',
  405: 'method_not_allowed',
  406: 'not_acceptable',
  409: 'conflict',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  422: 'unprocessable',
  429: 'too_many_requests',
};

/** What nobody foresaw. */
export const INTERNAL = { title: 'Internal error', status: 500, code: 'internal_error' } as const;

const KINDS = new Map<string, ProblemKind>([
  ...Object.entries(CODE_OF_STATUS).map(([status, code]) => [code, { status: Number(status), title: titleOf(Number(status)) }] as const),
  ...Object.entries(PROBLEMS),
  ...Object.entries(FAILURES),
  ...Object.entries(ABORTS),
  [INTERNAL.code, INTERNAL],
]);

/** Status and title of any code that is answered. */
export function kindOf(code: string): ProblemKind | undefined {
  return KINDS.get(code);
}

/** The words for errors that come with nothing but a status. */
export function titleOf(status: number): string {
  return (CODE_OF_STATUS[status] ?? 'bad_request').replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase());
}
