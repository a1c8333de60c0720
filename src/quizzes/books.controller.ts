import { Controller, Get, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import { BooksService } from './books.service.js';
import { bookIdParam, bookList, chapterList } from './quiz.dto.js';

@ApiTags('books')
@ApiBearerAuth()
@Controller('api/books')
export class BooksController {
  constructor(private readonly books: BooksService) {}

  @Get()
  @ApiOperation({ summary: 'All books' })
  @ApiAnswer(bookList)
  list() {
    return this.books.list();
  }

  @Get(':id/chapters')
  @ApiOperation({ summary: 'The chapters of a book' })
  @ApiAnswer(chapterList)
  @ApiProblems('book_not_found')
  chapters(@Param('id', { schema: bookIdParam }) id: number) {
    return this.books.chapters(id);
  }
}
