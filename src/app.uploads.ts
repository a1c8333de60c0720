import multipart from '@fastify/multipart';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AppConfig } from './config/index.js';
import { DomainError } from './problems/index.js';

/** The only route that takes files. Elsewhere a body of that type is refused as any other that is not JSON. */
const UPLOAD_ROUTE = '/api/documents';

const MOST_FIELDS = 10;
const LARGEST_FIELD_BYTES = 4096;

/**
 * Takes uploads apart, part by part, while they come in. One file more than is allowed is let through, so that the refusal can name it; how
 * large a file may be is for the blob store to say. The connection of a refused upload is closed: more of it may be on the way.
 */
export async function acceptUploads(app: NestFastifyApplication, { uploads }: AppConfig, isHttp2: boolean): Promise<void> {
  const files = uploads.maxFiles + 1;
  const limits = { files, fields: MOST_FIELDS, fieldSize: LARGEST_FIELD_BYTES, parts: files + MOST_FIELDS, fileSize: Infinity };
  await app.register(multipart, { limits, throwFileSizeLimit: false });
  const server = app.getHttpAdapter().getInstance();
  server.addHook('preHandler', (request, _, done) => {
    done(request.isMultipart() && request.routeOptions.url !== UPLOAD_ROUTE ? noUpload() : undefined);
  });
  // In HTTP/2 there is no such header: a stream that is not read on holds up no other.
  if (isHttp2) return;
  server.addHook('onSend', (request, reply, _, done) => {
    if (request.isMultipart() && reply.statusCode >= 400) reply.header('Connection', 'close');
    done();
  });
}

function noUpload(): DomainError {
  return new DomainError('unsupported_media_type', `Files are taken at ${UPLOAD_ROUTE} alone.`);
}
