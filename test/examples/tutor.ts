import { AbortContext, AbortModule } from '@hangup/abort';
import { Body, Controller, Injectable, Module, Post } from '@nestjs/common';
import OpenAI from 'openai';

@Injectable()
export class Drafts {
  private readonly drafts: string[] = [];

  async save(draft: string): Promise<void> {
    await Promise.resolve(this.drafts.push(draft));
  }
}

@Injectable()
export class Tutor {
  private readonly openai = new OpenAI();

  constructor(
    private readonly abort: AbortContext,
    private readonly drafts: Drafts,
  ) {}

  async answer(question: string): Promise<string> {
    const draft = await this.ask(`Answer this: ${question}`);
    await this.drafts.save(draft);
    return await this.ask(`Say it to a child: ${draft}`);
  }

  private async ask(content: string): Promise<string> {
    const { signal } = this.abort; // of the request that this is done for
    const body = { model: 'gpt-4o-mini', messages: [{ role: 'user' as const, content }], stream: true as const };
    let answer = '';
    for await (const chunk of await this.openai.chat.completions.create(body, { signal })) {
      answer += chunk.choices[0]?.delta.content ?? '';
    }
    signal.throwIfAborted(); // a stream that is aborted ends, and does not throw
    return answer;
  }
}

@Controller('tutor')
export class TutorController {
  constructor(private readonly tutor: Tutor) {}

  @Post()
  answer(@Body('question') question: string): Promise<string> {
    return this.tutor.answer(question);
  }
}

@Module({ imports: [AbortModule.forRoot({})], controllers: [TutorController], providers: [Tutor, Drafts] })
export class TutorModule {}
