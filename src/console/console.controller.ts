import { Controller, Get, Headers, NotFoundException, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '../auth/index.js';
import { ConsoleFiles, PAGE, type ConsoleFile } from './console-files.js';

interface Reply {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

/** Nothing is asked of anything but memory, so nobody ever looks at the signal of these requests. */
@ApiExcludeController()
@Public()
@Controller('console')
export class ConsoleController {
  constructor(private readonly files: ConsoleFiles) {}

  @Get()
  page(@Headers('if-none-match') known: string | undefined, @Res({ passthrough: true }) reply: Reply): string | undefined {
    return this.#send(PAGE, known, reply);
  }

  @Get('*')
  file(
    @Param('*') name: string,
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: Reply,
  ): string | undefined {
    if (name !== '') return this.#send(name, known, reply);
    this.#leadBack(reply);
    return undefined;
  }

  /** With a slash at its end, whatever the page names would be sought one folder too deep. */
  #leadBack(reply: Reply): void {
    reply.status(308);
    reply.header('Location', '../console');
  }

  /** A browser that has the file as it is now is told no more than that. */
  #send(name: string, known: string | undefined, reply: Reply): string | undefined {
    const { text, headers, etag } = this.#find(name);
    for (const [header, value] of Object.entries({ ...headers, 'Cache-Control': 'no-cache', ETag: etag })) reply.header(header, value);
    if (known !== etag) return text;
    reply.status(304);
    return undefined;
  }

  #find(name: string): ConsoleFile {
    if (!this.files.isBuilt)
      throw new NotFoundException('The console is not built: this server runs from its sources. `npm start` builds it.');
    const file = this.files.get(name);
    if (!file) throw new NotFoundException('The console has no such file.');
    return file;
  }
}
