import { Controller, Delete, Get, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, type User } from '../auth/index.js';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import { BooksService } from './books.service.js';
import { bookIdParam, bookList, bookView, chapterList, deletedBook } from './quiz.dto.js';

@ApiTags('books')
@ApiBearerAuth()
@Controller('api/books')
export class BooksController {
  constructor(private readonly books: BooksService) {}

  @Get()
  @ApiOperation({ summary: 'The books that are everybody’s, and your own' })
  @ApiAnswer(bookList)
  list(@CurrentUser() user: User) {
    return this.books.list(user);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One book' })
  @ApiAnswer(bookView)
  @ApiProblems('book_not_found')
  get(@Param('id', { schema: bookIdParam }) id: number, @CurrentUser() user: User) {
    return this.books.get(id, user);
  }

  @Get(':id/chapters')
  @ApiOperation({ summary: 'The chapters of a book' })
  @ApiAnswer(chapterList)
  @ApiProblems('book_not_found')
  chapters(@Param('id', { schema: bookIdParam }) id: number, @CurrentUser() user: User) {
    return this.books.chapters(id, user);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a book of your own, with its quizzes. Tasks that use it are cancelled first.' })
  @ApiAnswer(deletedBook)
  @ApiProblems('book_not_found')
  delete(@Param('id', { schema: bookIdParam }) id: number, @CurrentUser() user: User) {
    return this.books.delete(id, user);
  }
}
