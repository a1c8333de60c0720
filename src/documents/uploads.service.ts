import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { BlobStore } from '../blobs/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { DomainError, toStorableText } from '../problems/index.js';
import { uploadTitle } from './documents.dto.js';
import { sniffMediaType, type MediaType } from './reading/index.js';
import { bytesOf, type UploadPart } from './upload-parts.decorator.js';

/** A file that has come in whole, and is what it may be. */
export interface UploadedFile {
  readonly blobId: string;
  readonly name: string;
  readonly mediaType: MediaType;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Upload {
  readonly title?: string;
  readonly files: readonly UploadedFile[];
}

type FilePart = Extract<UploadPart, { type: 'file' }>;

const LONGEST_NAME = 255;

/** Takes in what clients upload, part by part, straight into the blob store. */
@Injectable()
export class Uploads {
  readonly #limits: AppConfig['uploads'];

  constructor(
    @Inject(APP_CONFIG) { uploads }: AppConfig,
    private readonly context: AbortContext,
    private readonly blobs: BlobStore,
  ) {
    this.#limits = uploads;
  }

  /**
   * All files of an upload, or none: on a refusal, a failure, or when the client hangs up in the middle, nothing of it stays. Throws
   * `document_empty`, `unsupported_media_type`, `file_too_large` or `too_many_files`, naming the file, and `validation_failed` where there is none.
   */
  async receive(owner: string, parts: AsyncIterable<UploadPart>): Promise<Upload> {
    const files: UploadedFile[] = [];
    try {
      const title = await this.#readAll(owner, parts, files);
      if (files.length === 0) throw invalid('/body/files', 'there is no file in it');
      return { files, ...(title !== undefined && { title }) };
    } catch (error) {
      await this.blobs.discard(files.map(({ blobId }) => blobId));
      const { signal } = this.context;
      throw signal.aborted ? signal.reason : error;
    }
  }

  /** A client that still sends does not read: a refused upload is read on for as long as one more file could be, and then answered. */
  async #readAll(owner: string, parts: AsyncIterable<UploadPart>, files: UploadedFile[]): Promise<string | undefined> {
    const ignored = { bytes: 0 };
    let refusal: DomainError | undefined;
    let title: string | undefined;
    for await (const part of parts) {
      try {
        if (part.type === 'field') title = readTitle(part) ?? title;
        else if (!refusal) files.push(await this.#store(owner, part, files.length + 1));
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        refusal ??= error;
      }
      if (refusal && part.type === 'file' && !(await this.#readPast(part.file, ignored))) break;
    }
    if (refusal) throw refusal;
    return title;
  }

  async #store(owner: string, { filename, file }: FilePart, count: number): Promise<UploadedFile> {
    const { maxFiles, maxFileBytes: maxBytes } = this.#limits;
    const name = nameOf(filename, count);
    if (count > maxFiles) throw new DomainError('too_many_files', `${name} is one more than the ${maxFiles} files of an upload.`);
    const { id: blobId, bytes, sha256, head } = await this.blobs.write(owner, bytesOf(file), { name, maxBytes });
    try {
      return { blobId, name, mediaType: mediaTypeOf(name, bytes, head), bytes, sha256 };
    } catch (error) {
      await this.blobs.remove(blobId);
      throw error;
    }
  }

  /** False where there is more to come than is worth the wait. */
  async #readPast(file: Readable, ignored: { bytes: number }): Promise<boolean> {
    for await (const piece of bytesOf(file)) {
      this.context.checkpoint();
      ignored.bytes += piece.length;
      if (ignored.bytes > this.#limits.maxFileBytes) return false;
    }
    return true;
  }
}

/** By its content. Its name and what its sender says of it may be anything. */
function mediaTypeOf(name: string, bytes: number, head: Uint8Array): MediaType {
  if (bytes === 0) throw new DomainError('document_empty', `${name} is empty.`);
  const mediaType = sniffMediaType(head);
  if (mediaType) return mediaType;
  throw new DomainError('unsupported_media_type', `${name} is no PDF, PNG or JPEG, going by its content.`);
}

function nameOf(filename: string, count: number): string {
  const name = toStorableText(filename)
    .replaceAll(/\p{Cc}/gu, '')
    .trim()
    .slice(0, LONGEST_NAME)
    .toWellFormed();
  return name === '' ? `file ${count}` : name;
}

function readTitle({ fieldname, value }: Extract<UploadPart, { type: 'field' }>): string | undefined {
  if (fieldname !== 'title') return undefined;
  const read = uploadTitle.safeParse(value);
  if (!read.success) throw invalid('/body/title', read.error.issues[0]?.message ?? 'is not valid');
  return read.data === '' ? undefined : read.data;
}

function invalid(pointer: string, detail: string): DomainError {
  return new DomainError('validation_failed', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
