import { Module } from '@nestjs/common';
import { ContentModule } from '../content/index.js';
import { LlmModule } from '../llm/index.js';
import { ChatController } from './chat.controller.js';
import { ChatMessagesRepository } from './chat-messages.repository.js';
import { ChatService } from './chat.service.js';
import { Drafts } from './drafts.service.js';
import { Turns } from './turns.service.js';
import { Tutor } from './tutor.service.js';

@Module({
  imports: [LlmModule, ContentModule],
  controllers: [ChatController],
  providers: [ChatService, Tutor, Turns, Drafts, ChatMessagesRepository],
})
export class ChatModule {}
