import type { Readable } from 'node:stream';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DomainError } from '../problems/index.js';

/** A part of an upload, as it comes in. A file is to be read, or the next part never comes. */
export type UploadPart =
  | { readonly type: 'field'; readonly fieldname: string; readonly value: unknown }
  | { readonly type: 'file'; readonly fieldname: string; readonly filename: string; readonly file: Readable };

interface Request {
  isMultipart(): boolean;
  parts(): AsyncIterableIterator<UploadPart>;
}

/**
 * The parts of an upload. Throws `unsupported_media_type` for a body of another type than `multipart/form-data`; reading them, `validation_failed`
 * where the body breaks off or is not what its type says.
 */
export const UploadParts = createParamDecorator((_: unknown, context: ExecutionContext): AsyncIterable<UploadPart> => {
  const request = context.switchToHttp().getRequest<Request>();
  if (request.isMultipart()) return wellFormed(request.parts());
  throw new DomainError('unsupported_media_type', 'Documents are sent as multipart/form-data, a part for each file.');
});

/** The bytes of a file. Leaving them early leaves the rest of them to be read. Throws as the parts do. */
export function bytesOf(file: Readable): AsyncGenerator<Uint8Array> {
  return wellFormed(file.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>);
}

/** What fails here is the body: whoever reads it fails elsewhere. */
async function* wellFormed<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    const detail = 'is no whole multipart/form-data';
    throw new DomainError('validation_failed', `/body: ${detail}`, { errors: [{ pointer: '/body', detail }] }, { cause: error });
  }
}
