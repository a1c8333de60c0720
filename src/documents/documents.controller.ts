import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, type User } from '../auth/index.js';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import { JOB_PROBLEMS, TaskIssue, type Issued } from '../tasks/index.js';
import {
  acceptedDocuments,
  acceptedTask,
  deletedDocument,
  documentIdParam,
  documentPage,
  documentView,
  listDocumentsQuery,
  reclassifyBody,
  UPLOAD_BODY,
  type AcceptedDocuments,
  type DocumentPage,
  type DocumentView,
  type ListDocumentsQuery,
  type ReclassifyBody,
} from './documents.dto.js';
import { DocumentsService } from './documents.service.js';
import { IngestionService } from './ingestion.service.js';
import { UploadParts, type UploadPart } from './upload-parts.decorator.js';

@ApiTags('documents')
@ApiBearerAuth()
@Controller('api/documents')
export class DocumentsController {
  constructor(
    private readonly documents: DocumentsService,
    private readonly ingestion: IngestionService,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Upload documents. They are read in the background, and become a book.' })
  @ApiConsumes('multipart/form-data')
  @ApiBody(UPLOAD_BODY)
  @ApiAnswer(acceptedDocuments, { status: 202, description: 'The task that reads them' })
  @ApiProblems('document_empty', 'file_too_large', 'too_many_files', ...JOB_PROBLEMS)
  upload(
    @UploadParts() parts: AsyncIterable<UploadPart>,
    @CurrentUser() user: User,
    @TaskIssue() issue: Issued,
  ): Promise<AcceptedDocuments> {
    return this.ingestion.upload(user, parts, issue);
  }

  @Post('reclassify')
  @HttpCode(202)
  @ApiOperation({ summary: 'Classify documents anew, and make their book anew' })
  @ApiAnswer(acceptedTask, { status: 202, description: 'The task that does it' })
  @ApiProblems('book_not_found', 'document_not_found', 'documents_apart', 'document_in_use', ...JOB_PROBLEMS)
  reclassify(
    @Body({ schema: reclassifyBody }) body: ReclassifyBody,
    @CurrentUser() user: User,
    @TaskIssue() issue: Issued,
  ): Promise<{ task_id: string }> {
    return this.ingestion.reclassify(user, body, issue);
  }

  @Get()
  @ApiOperation({ summary: 'Your documents, newest first' })
  @ApiAnswer(documentPage)
  list(@Query({ schema: listDocumentsQuery }) query: ListDocumentsQuery, @CurrentUser() user: User): Promise<DocumentPage> {
    return this.documents.list(user, query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One of your documents, and how far it has come' })
  @ApiAnswer(documentView)
  @ApiProblems('document_not_found')
  get(@Param('id', { schema: documentIdParam }) id: string, @CurrentUser() user: User): Promise<DocumentView> {
    return this.documents.get(user, id);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a document. The book that was made of it stays.' })
  @ApiAnswer(deletedDocument)
  @ApiProblems('document_not_found', 'document_in_use')
  delete(@Param('id', { schema: documentIdParam }) id: string, @CurrentUser() user: User): Promise<{ id: string }> {
    return this.documents.delete(user, id);
  }
}
