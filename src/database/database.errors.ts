/** The database that was configured cannot be used. Stops the start with one line. */
export class DatabaseStartError extends Error {
  override readonly name = 'DatabaseStartError';
}
