/**
 * Resolves or rejects as `answer` does, and rejects when nothing has come after `ms`. A process that was itself busy for so long reads
 * its sockets once more before it blames the other side. No timer is left.
 */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(() => setImmediate(() => silence.reject(new Error(`no answer within ${ms} ms`))), ms);
  try {
    return await Promise.race([answer, silence.promise]);
  } finally {
    clearTimeout(timer);
  }
}
