import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequestSignal } from '../abort/index.js';
import { CurrentUser, type User } from '../auth/index.js';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import { sendEvents, SendsEvents, type EventReply } from '../sse/index.js';
import { Issuer, LastEventId, TASK_PROBLEMS, TaskIssue, type EventPosition, type Issue, type Issued } from '../tasks/index.js';
import {
  cancelledSession,
  cancelSessionBody,
  chatEvent,
  listMessagesQuery,
  messagePage,
  sendMessageBody,
  sessionIdParam,
  type CancelledSession,
  type CancelSessionBody,
  type ListMessagesQuery,
  type MessagePage,
  type SendMessageBody,
} from './chat.dto.js';
import { ChatService } from './chat.service.js';

@ApiTags('chat')
@ApiBearerAuth()
@Controller('api/chat/sessions')
export class ChatController {
  constructor(private readonly chat: ChatService) {}

  @Post(':session_id/messages')
  @ApiOperation({ summary: 'Send a message and hear the reply as it is said. Hanging up stops it.' })
  @SendsEvents(chatEvent, 'Server-sent events, each with an id: `task-start`, then a `text-delta` for each piece, and at last `task-end`')
  @ApiProblems('book_not_found', 'session_busy', 'message_exists', ...TASK_PROBLEMS)
  async send(
    @Param('session_id', { schema: sessionIdParam }) sessionId: string,
    @Body({ schema: sendMessageBody }) body: SendMessageBody,
    @CurrentUser() user: User,
    @TaskIssue() issue: Issued,
    @RequestSignal() signal: AbortSignal,
    @LastEventId() after: EventPosition | undefined,
    @Res() reply: EventReply,
  ): Promise<void> {
    await sendEvents(reply, this.chat.send(sessionId, body, user, issue, signal, after), signal);
  }

  @Get(':session_id/messages')
  @ApiOperation({ summary: 'What was said in a session of yours, oldest first' })
  @ApiAnswer(messagePage)
  list(
    @Param('session_id', { schema: sessionIdParam }) sessionId: string,
    @Query({ schema: listMessagesQuery }) query: ListMessagesQuery,
    @CurrentUser() user: User,
  ): Promise<MessagePage> {
    return this.chat.list(sessionId, query, user);
  }

  @Post(':session_id/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel whatever is being said in a session, or the reply to one message' })
  @ApiAnswer(cancelledSession)
  cancel(
    @Param('session_id', { schema: sessionIdParam }) sessionId: string,
    @Body({ schema: cancelSessionBody }) body: CancelSessionBody,
    @CurrentUser() user: User,
    @Issuer() issue: Issue,
  ): Promise<CancelledSession> {
    return this.chat.cancel(sessionId, body, user, issue);
  }
}
