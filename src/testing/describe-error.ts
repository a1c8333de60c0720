/** What a failure that is the cause of another is quoted with. By its looks: Node's own errors are no instances of a test's `Error`. */
export function describeError(error: unknown): string {
  const isError = typeof error === 'object' && error !== null && 'message' in error;
  return String(isError ? error.message : error);
}
