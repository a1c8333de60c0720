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

/** The parts of an upload. Throws `unsupported_media_type` for a body of another type than `multipart/form-data`. */
export const UploadParts = createParamDecorator((_: unknown, context: ExecutionContext): AsyncIterable<UploadPart> => {
  const request = context.switchToHttp().getRequest<Request>();
  if (request.isMultipart()) return request.parts();
  throw new DomainError('unsupported_media_type', 'Documents are sent as multipart/form-data, a part for each file.');
});
